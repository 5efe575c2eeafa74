"""How likely recorded spikes are, in runs that take over the spikes of the record."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from .. import fuse
from .._types import Y
from .._voltage import voltage
from .._wrappers import Refractory
from ..neurons import EscapeRate


class Forced(NamedTuple):
    """A run along a record.

    - `v`: the voltage before the spike of each step. `[steps, ...]`
    - `log_probability`: of what the record says of each step: that there was a spike, or none; 0 where a cell is refractory.
        `[steps, ...]`
    """

    v: Float[Array, "steps ..."]
    log_probability: Float[Array, "steps ..."]


def teacher_forced(cell: Any, current: Any, spikes: Any, dt: float, *, state: Y = None) -> Forced:
    r"""Run a cell that fires by chance, but let it fire when a record says so.

    The sum of `log_probability` over steps is the logarithm of the likelihood of the recorded spikes given the current
    (Paninski 2004; Pillow et al. 2005): with the hazard $\rho\, e^{(v - \theta) / \delta}$ of `EscapeRate`, a step without a
    spike counts minus the hazard times dt, $-h$, one with a spike $\log(1 - e^{-h})$. As every spike is given, derivatives
    do not grow through time however long the run is, and there is no surrogate in them: for fits by gradient
    (`multi_start`), and for posterior samplers. Elementwise cells run in native code.

    ```python
    def loss(cell):
        forced = nex.learn.teacher_forced(cell, currents, spikes, dt)
        return -forced.log_probability.sum() - nex.learn.losses.gaussian_log_density(forced.v, recorded, sd=3.0).sum()
    ```

    **Arguments:**

    - `cell`: `EscapeRate(...)`, or `Refractory` of one.
    - `current`: into the cells, `[steps, ...]`.
    - `spikes`: 0 or 1 where the record has none or a spike in a step, `[steps, ...]`.
    - `dt`: the time step, ms. A refractory period is rounded to whole steps.
    - `state`: of the inner cell before the first step; at rest by default.

    **Errors:** a `TypeError` for other cells, a `ValueError` for shapes that differ; while running, spikes that are
    nearer to each other than the refractory period, which are impossible.
    """
    t_ref, inner = (cell.t_ref, cell.cell) if isinstance(cell, Refractory) else (jnp.zeros(()), cell)
    if not isinstance(inner, EscapeRate):
        raise TypeError(
            f"teacher_forced: `cell` must be EscapeRate(cell, delta) or Refractory of one, got {type(inner).__name__}: other "
            "cells give no probability to a spike."
        )
    spikes = jnp.asarray(spikes)
    current = jnp.asarray(current, spikes.dtype if jnp.issubdtype(spikes.dtype, jnp.floating) else float)
    if spikes.ndim < 1 or spikes.shape != current.shape:
        raise ValueError(
            f"teacher_forced: `current` and `spikes` must both be [steps, ...], got {current.shape} and {spikes.shape}."
        )
    spikes = spikes.astype(current.dtype)
    period = jnp.round(t_ref / dt).astype(jnp.int32)
    shape = np.broadcast_shapes(current.shape[1:], jnp.shape(period))
    start = inner.init(shape) if state is None else state

    def step(carry: tuple[Y, Any], x: tuple[Array, Array]) -> Any:
        (before, left), (now, spike) = carry, x
        held = left > 0
        after = inner.hold(before, inner.integrate(before, lambda v: now, dt=dt), held)
        log_probability = jnp.where(held, 0.0, _log_probability(inner, after, spike, dt))
        left = jnp.where(spike > 0.0, period, jnp.maximum(left - 1, 0))
        return (inner.cell.reset(after, spike), left), (voltage(after), log_probability)

    _, (v, found) = fuse.scan(step, (start, jnp.zeros(shape, jnp.int32)), (current, spikes))
    impossible = _too_near(spikes > 0.0, period, shape)
    found = eqx.error_if(found, impossible, "teacher_forced: the record has spikes within the refractory period.")
    return Forced(v, found)


def _log_probability(cell: EscapeRate, after: Y, spike: Float[Array, "..."], dt: float) -> Float[Array, "..."]:
    expected = dt * cell.hazard(after)
    # Both branches finite: where nothing is expected the spike is all the more unlikely, not impossible.
    fires = jnp.log(-jnp.expm1(-jnp.maximum(expected, 1e-30)))
    return spike * fires - (1.0 - spike) * expected


def _too_near(spikes: Bool[Array, "steps ..."], period: Array, shape: tuple[int, ...]) -> Bool[Array, ""]:
    number = jnp.arange(1, spikes.shape[0] + 1, dtype=jnp.int32).reshape(-1, *(1,) * len(shape))
    places = jnp.where(jnp.broadcast_to(spikes, (spikes.shape[0], *shape)), number, 0)
    last = jnp.concatenate([jnp.zeros((1, *shape), jnp.int32), lax.cummax(places, axis=0)[:-1]])
    return jnp.any((places > 0) & (last > 0) & (places - last <= period))
