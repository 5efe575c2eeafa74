"""Spike trains of independent intervals."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
from jax import lax
from jaxtyping import Array, Float

from .._fields import as_shape
from .._interfaces import AbstractDynamics
from .._types import Initialiser, Key, Time
from ._rates import rate_now


class RenewalProcess(AbstractDynamics):
    """Independent spike trains whose intervals are drawn from a distribution (Cox 1962): regular ones, or bursts with a
    coefficient of variation above 1.

    A node of a network, as `Poisson`. Its state is the time left to the next spike, ms, and so the number of spikes of a step
    has exactly the law of the process in continuous time; several in one step count as many times, as with `SpikeTimes`.
    (Where intervals are those of gamma distributions of whole order, `GammaProcess` has native code.)

    **Arguments:**

    - `intervals`: ms, from `(key, shape)` to an array of that shape, such as `nex.connect.gamma(mean=100.0, sd=150.0)`,
        `nex.connect.lognormal(100.0, 50.0)` or a function of yours. Not negative.
    - `shape`: the number of sources, or a tuple.
    - `equilibrium`: `True`: the process has been going on for ever, so that the first spike comes after the forward
        recurrence time and the rate is constant from the beginning; needs intervals that have `length_biased()`, as gamma and
        lognormal ones do: the distribution of the density $t f(t) / mean$. `False`: an ordinary renewal process, as if each
        had spiked at the beginning.

    A step's `input`, if there is one, is how many times as fast time runs for the process, not negative: so rates change in
    time. Nothing is differentiated.

    **Errors:** `ValueError` for `equilibrium=True` without `length_biased()`; at run time if an interval is negative.
    """

    intervals: Initialiser
    shape: tuple[int, ...] = eqx.field(static=True)
    equilibrium: bool = eqx.field(static=True)

    def __init__(self, intervals: Any, shape: int | tuple[int, ...], *, equilibrium: bool = True):
        if not callable(intervals):
            raise TypeError(
                "RenewalProcess: `intervals` must draw them, as nex.connect.gamma(mean=100.0, sd=150.0) does, got "
                f"{intervals!r}."
            )
        if equilibrium and getattr(intervals, "length_biased", None) is None:
            raise ValueError(
                f"RenewalProcess: of {intervals!r} it is not known how long the first interval takes in equilibrium: give "
                "it `length_biased()`, or give equilibrium=False."
            )
        self.intervals = intervals
        self.shape = as_shape("RenewalProcess", shape)
        self.equilibrium = equilibrium

    def init(self, *, dt: float, key: Key | None = None) -> Float[Array, "..."]:
        """The time left to the first spike, ms."""
        del dt
        if key is None:
            raise ValueError("RenewalProcess begins at random, so `init` (and `simulate`) needs a `key`.")
        if not self.equilibrium:
            return self._draw(self.intervals, key)
        which, where = jr.split(key)
        intervals: Any = self.intervals
        whole = self._draw(intervals.length_biased(), which)
        return whole * jr.uniform(where, self.shape, whole.dtype)

    def _draw(self, intervals: Initialiser, key: Key) -> Float[Array, "..."]:
        drawn = jnp.asarray(lax.stop_gradient(intervals(key, self.shape)), float)
        if drawn.shape != self.shape:
            raise ValueError(f"RenewalProcess: `intervals` drew {drawn.shape} where {self.shape} were asked for.")
        return drawn

    def step(
        self, state: Float[Array, "..."], input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        del t
        if key is None:
            raise ValueError("RenewalProcess needs randomness: pass `key` to `step` or `simulate`.")
        still = jtu.tree_map(lambda x: lax.stop_gradient(x) if isinstance(x, jax.Array) else x, self.intervals)
        passed = lax.stop_gradient(rate_now("RenewalProcess", jnp.ones(()), input)) * dt
        left = lax.stop_gradient(state) - passed.astype(state.dtype)

        def goes_on(carry: tuple[Array, Array, Array]) -> Array:
            k, left, _ = carry
            return jnp.any(left <= 0.0) & (k < _MOST)

        def spike(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            k, left, count = carry
            due = left <= 0.0
            drawn = self._draw(still, jr.fold_in(key, k)).astype(left.dtype)
            left = jnp.where(due, left + jnp.where(drawn >= 0.0, drawn, jnp.nan), left)
            return k + 1, left, count + due.astype(left.dtype)

        start = jnp.zeros((), jnp.int32), left, jnp.zeros_like(left)
        _, left, count = lax.while_loop(goes_on, spike, start)
        # A comparison with what is no number is false.
        left = eqx.error_if(
            left, ~jnp.all(left > 0.0), f"RenewalProcess: an interval is negative, or {_MOST} spikes are in one step."
        )
        return left, count


# Zero is an interval that gamma distributions of small shape are rounded to. Where there is no other, time stands still.
_MOST = 10_000
