"""Delays that are no whole number of steps."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .._fields import as_parameter, check_finite
from .._math import on_circle
from .._types import is_tracer, State
from ..connect import CSR
from ._history import History


# What rounding may do to a delay at the ends of its range, as a part of it.
_ROUNDING = 1e-5


class Interpolated(eqx.Module):
    r"""A delay that is no whole number of steps, for `Projection(delay=...)` from graded cells: what a source was is read
    between its steps, with a derivative by the delay.

    A step sees its sources as they were $\tau$ before its middle. So with a receptor `Receptor(Instant(), CUBA())` and cells of
    order 2 or more, $y' = f(y, x(t - \tau))$ is solved with order 2, by either method. (`delay=d * dt` instead holds what is d
    steps old at the end of the step, which is order 1 and equal to `Interpolated((d - 0.5) * dt)`.)

    - `"cubic"`: the convolution of Keys (1981) of four steps, whose own error is of order 3; its derivative by the delay, which
        is of order 2, has no jumps. Next to the newest step a parabola through three stands for the one that is not there yet.
    - `"linear"`: of two steps, with an error of order 2; its derivative by the delay, of order 1, jumps from step to step. It
        does not overshoot, for voltages that are reset and for noise.

    Phases are interpolated along the shorter way round the circle. Outputs were 0 before the first step and voltages
    (with a `coupling`) what they are there: a jump there, in one step, makes an error of order 1, a kink one in the
    derivative by the delay.

    **Arguments:**

    - `delay`: ms, at least half a step and at most `longest`; trainable. A number, or one for each synapse: in the order of
        the stored matrix, `[nnz]`, or as `[n_pre, n_post]`, of which only the entries of synapses matter.
    - `longest`: ms, which says how many steps are remembered; fixed, as other sizes are.
    - `method`: `"cubic"` or `"linear"`.

    **Errors:** `ValueError` for a delay out of its range, of which inside a transformation the run tells. (Loops of `step` that
    begin with a state of one's own give NaN.)
    """

    delay: Float[Array, "..."]
    longest: float = eqx.field(static=True)
    method: str = eqx.field(static=True)

    def __init__(self, delay: Any, longest: float, method: str = "cubic"):
        self.delay = as_parameter(delay)
        self.longest = float(longest)
        self.method = method

    def __check_init__(self) -> None:
        if self.method not in ("cubic", "linear"):
            raise ValueError(f'Interpolated: `method` must be "cubic" or "linear", got {self.method!r}.')
        if not (math.isfinite(self.longest) and self.longest > 0.0):
            raise ValueError(f"Interpolated: `longest` must be positive and finite, got {self.longest} ms.")
        if self.delay.ndim > 2:
            raise ValueError(
                "Interpolated: `delay` must be one number, or one for each synapse, [nnz] or [n_pre, n_post], got shape "
                f"{self.delay.shape}."
            )
        check_finite(self)

    def __repr__(self) -> str:
        if not isinstance(self.delay, jax.Array) or is_tracer(self.delay):
            return eqx.tree_pformat(self)
        known = np.asarray(self.delay)
        shown = (
            f"{known.min():g} ... {known.max():g} ms, one for each synapse"
            if known.size > 1
            else f"{known.item():g} ms"
        )
        return f"Interpolated({shown}, longest={self.longest:g}, {self.method})"

    @property
    def each(self) -> bool:
        """Whether there is a delay for each synapse."""
        return self.delay.ndim > 0

    def of_synapses(self, comm: Any) -> Float[Array, "..."]:
        """The one delay, or that of every synapse of a matrix, in the order of its weights."""
        if self.delay.ndim < 2:
            return self.delay
        return self.delay[comm.rows, comm.indices] if isinstance(comm, CSR) else self.delay.reshape(-1)

    def room(self, dt: float, lag: int) -> int:
        """How many steps of a source are kept, for a receptor that is late by `lag` steps."""
        return self._first(dt, lag) + (2 if self.method == "cubic" else 1)

    def _first(self, dt: float, lag: int) -> int:
        """The last whole number of steps from which there is something to interpolate."""
        return max(1, math.floor(self.longest / dt + 0.5 + _ROUNDING)) + lag

    def read(
        self, history: History, comm: Any, sources: Any, *, lag: int, dt: float, is_phase: bool
    ) -> Float[Array, "..."]:
        """What acts in this step: of all cells, `[size]`, or what each synapse sees, `[nnz]`.

        **Arguments:**

        - `sources`: with a delay for each synapse, where in the history the source of each is.
        """
        assert history.ring is not None
        delay = self.of_synapses(comm).astype(history.ring.dtype)
        exact = delay / dt + (0.5 + lag)
        whole = jnp.clip(jnp.floor(lax.stop_gradient(exact)).astype(jnp.int32), 1 + lag, self._first(dt, lag))
        part = exact - whole.astype(exact.dtype)
        # Of a delay out of range, which `in_range` has not seen.
        within = (exact >= (1 + lag) * (1.0 - _ROUNDING)) & (part <= 1.0 + _ROUNDING * exact)
        part = jnp.where(within, part, jnp.nan)
        take = lambda n: history.read_each(n, sources) if self.each else history.read_at(n)
        if self.method == "linear":
            weights, lags = [part], [whole + 1]
        else:
            weights, lags = _keys(part, whole == 1), [jnp.maximum(whole - 1, 1), whole + 1, whole + 2]
        now = take(whole)
        # Weights add up to 1, so that differences do; those of phases are taken along the circle.
        between = on_circle if is_phase else (lambda x: x)
        x = now
        for weight, n in zip(weights, lags, strict=True):
            x = x + weight * between(take(n) - now)
        return x


def _keys(part: Float[Array, "..."], newest: Array) -> list[Float[Array, "..."]]:
    """The weights of the steps one before, one after and two after the whole one, from which we are `part` of a step away.

    **Arguments:**

    - `newest`: where there is no step before yet: that of the parabola through the three others then.
    """
    before = part * (part * (1.0 - 0.5 * part) - 0.5)
    after = part * (0.5 + part * (2.0 - 1.5 * part))
    last = 0.5 * part * part * (part - 1.0)
    zero = jnp.zeros_like(part)
    return [
        jnp.where(newest, zero, before),
        after - jnp.where(newest, 3.0 * before, zero),
        last + jnp.where(newest, before, zero),
    ]


def in_range(net: Any, state: Any, dt: float) -> State:
    """The state of a network of which all interpolated delays can be read from its histories; otherwise an error that says
    which cannot, while running if they are not known before."""
    for name, projection in net.projections.items():
        own = projection.interpolated
        if own is None or not eqx.is_array(own.delay):
            continue
        delay = own.of_synapses(projection.comm)
        low, high = 0.5 * dt, own.longest
        says = (
            f"Network: projection {name!r} has `delay`=Interpolated(...), which must lie between half a step, {low:g} ms, and "
            f"`longest` = {high:g} ms"
        )
        outside = lambda x, low=low, high=high: ~((x >= low * (1.0 - _ROUNDING)) & (x <= high * (1.0 + _ROUNDING)))
        if not is_tracer(delay):
            known = np.asarray(delay, np.float64)
            if np.any(outside(known)):
                raise ValueError(f"{says}; got {known[outside(known)].ravel()[0]:g} ms.")
            continue
        state = eqx.tree_at(
            lambda s: s.histories, state, eqx.error_if(state.histories, jnp.any(outside(delay)), f"{says}.")
        )
    return state


def check_graded(name: str, projection: Any, populations: dict[str, Any]) -> None:
    """A `ValueError` unless what a projection with an interpolated delay reads is graded."""
    source = populations[projection.pre.name]
    if projection.coupling is None and getattr(source, "is_spiking", True):
        raise ValueError(
            f"Network: projection {name!r} has `delay`=Interpolated(...), but its source {projection.pre.name!r} spikes: "
            "there is nothing between steps to interpolate. Give `delay` as a whole number of steps, in ms, or pass voltages "
            "by `coupling=`. (A source of your own whose output is graded says so by `is_spiking = False`.)"
        )


def check_shape(name: str, projection: Any) -> None:
    """A `ValueError` unless an interpolated delay is one number or one for each synapse of the drawn matrix."""
    comm, shape = projection.comm, projection.interpolated.delay.shape
    if len(shape) == 1 and shape != (comm.nnz,):
        raise ValueError(
            f"Network: projection {name!r} has {comm.nnz} synapses, but its `delay` is of {shape[0]}: give one number, one for "
            f"each synapse, or an array of shape {comm.shape}."
        )
    if len(shape) == 2 and shape != comm.shape:
        raise ValueError(f"Network: projection {name!r} has `delay` of shape {shape}, but its matrix {comm.shape}.")
