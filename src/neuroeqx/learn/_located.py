"""A step of integrate-and-fire neurons in closed form, with the time of the spike in it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from .._math import phi1


class Arrivals(NamedTuple):
    """What arrives within a step, by one decay time.

    - `weight`: `[sources, neurons]`, zero where nothing arrives.
    - `at`: when, after the beginning of the step, ms, `[sources]`.
    - `tau`: the decay time of the current of each neuron, ms.
    - `start`: the current at the beginning of the step, before arrivals, `[neurons]`.
    """

    weight: Float[Array, "pre post"]
    at: Float[Array, " pre"]
    tau: Float[Array, " post"]
    start: Float[Array, " post"]

    def current(self, u: Float[Array, " post"]) -> Float[Array, " post"]:
        """At times u after the beginning, of each neuron."""
        past = u[None, :] - self.at[:, None]
        decayed = jnp.exp(-jnp.maximum(past, 0.0) / self.tau[None, :])
        return self.start * jnp.exp(-u / self.tau) + jnp.sum(jnp.where(past >= 0.0, self.weight * decayed, 0.0), 0)

    def quick(self, tau: Float[Array, " post"]) -> Callable[[Array], Array]:
        """Nearly `voltage`, as a function of times whose exponentials are taken once for all of them, for a first search."""
        # Where both time constants are the same the difference of exponentials is that of almost the same.
        rate, apart = 1.0 / tau, 1.0 / tau - 1.0 / self.tau
        apart = jnp.where(jnp.abs(apart) < _APART * rate, _APART * rate, apart)
        other = rate - apart
        slow, fast = (self.weight * jnp.exp(self.at[:, None] * x[None, :]) for x in (rate, other))

        def voltage(u: Array) -> Array:
            there = self.at[:, None] <= u[None, :]
            past = lambda x: self.start + jnp.sum(jnp.where(there, x, 0.0), 0)
            return (past(fast) * jnp.exp(-u * other) - past(slow) * jnp.exp(-u * rate)) * rate / apart

        return voltage

    def voltage(self, u: Float[Array, " post"], tau: Float[Array, " post"]) -> Float[Array, " post"]:
        """What the current has charged a membrane with."""
        rate, difference = 1.0 / tau[None, :], (1.0 / tau - 1.0 / self.tau)[None, :]
        charge = lambda x: x * rate * jnp.exp(-x * rate) * phi1(difference * x)
        past = jnp.maximum(u[None, :] - self.at[:, None], 0.0)
        return self.start * charge(u[None, :])[0] + jnp.sum(self.weight * charge(past), 0)


class Membrane(NamedTuple):
    """Neurons at the beginning of a step.

    - `v`: voltages.
    - `steady`: where they go without synapses: rest, and the drive.
    - `r`, `tau`: resistances and time constants.
    - `arrivals`: at each receptor.
    """

    v: Float[Array, " post"]
    steady: Float[Array, " post"]
    r: Float[Array, " post"]
    tau: Float[Array, " post"]
    arrivals: list[Arrivals]

    def free(self, u: Float[Array, " post"]) -> Float[Array, " post"]:
        """The voltage at times u, without reset."""
        v = self.steady + (self.v - self.steady) * jnp.exp(-u / self.tau)
        return v + self.r * sum(a.voltage(u, self.tau) for a in self.arrivals)

    def quick(self) -> Callable[[Array], Array]:
        """Nearly `free`, as a function of times."""
        parts = [a.quick(self.tau) for a in self.arrivals]
        own = lambda u: self.steady + (self.v - self.steady) * jnp.exp(-u / self.tau)
        return lambda u: own(u) + self.r * sum(part(u) for part in parts)

    def scale(self, dt: float) -> Float[Array, " post"]:
        """How large the terms of `free` may be within a step."""
        charges = [
            (jnp.abs(a.start) + jnp.sum(jnp.abs(a.weight), 0)) * jnp.minimum(a.tau, dt) / self.tau
            for a in self.arrivals
        ]
        return jnp.abs(self.v) + jnp.abs(self.steady) + jnp.abs(self.r) * sum(charges)

    def slope(self, u: Float[Array, " post"], v: Float[Array, " post"]) -> Float[Array, " post"]:
        """dv/dt at times u, where the voltage is v."""
        return (self.steady - v + self.r * sum(a.current(u) for a in self.arrivals)) / self.tau


class Fired(NamedTuple):
    """Neurons at the end of a step: voltages, spikes (0 or 1) and when in the step they were, and for how many steps more
    the voltage is held, until the same time in the last of them."""

    v: Float[Array, " post"]
    spike: Float[Array, " post"]
    at: Float[Array, " post"]
    held: Int[Array, " post"]


# Into how many parts a step is divided in the search for the first crossing; one that goes up and down within a part is missed.
_PARTS = 4
_HALVINGS, _REFINEMENTS = 20, 60
# The least relative difference of time constants in the first search.
_APART = 1e-2
# A threshold that is just touched has no finite derivative of its time.
_LEAST_SLOPE = 1e-6


def fire(
    membrane: Membrane,
    last: Fired,
    v_th: Float[Array, "..."],
    v_reset: Float[Array, "..."],
    period: Int[Array, "..."],
    dt: float,
) -> Fired:
    """A step with at most one spike of each neuron, whose time has the derivative of the implicit function theorem: that of
    the voltage by a parameter, divided by minus its slope."""
    held = last.held > 1
    released = last.held == 1
    begin = jnp.where(released, last.at, 0.0)
    still = lax.stop_gradient((membrane, begin, v_th, v_reset, released))
    crossed, found = _search(*still, dt)
    crossed = crossed & ~held
    # Of a membrane that is set free in this step, and of all others, from here on.
    freed = jnp.where(released, v_reset - membrane.free(begin), 0.0)
    path = lambda u: membrane.free(u) + freed * jnp.exp(-(u - begin) / membrane.tau)
    at = jnp.where(crossed, found, begin)
    v_found = path(at)
    slope = lax.stop_gradient(jnp.maximum(membrane.slope(at, v_found), _LEAST_SLOPE))
    # The value is that of the search, which lies within the step; the derivative that of a step of Newton.
    above = v_found - v_th
    at = jnp.where(crossed, at - (above - lax.stop_gradient(above)) / slope, at)
    v_end = path(jnp.full_like(begin, dt))
    # At `at` the voltage is at threshold: the equation is linear, and the rest of the step that of the difference.
    after = v_end + (v_reset - v_th) * jnp.exp(-(dt - at) / membrane.tau)
    after = jnp.where(period > 0, v_reset, after)
    v = jnp.where(crossed, after, jnp.where(held, v_reset, v_end))
    v = eqx.error_if(
        v, jnp.any(crossed & (v >= v_th)), "exact: a neuron spikes twice within a step; take a shorter dt."
    )
    spike = lax.stop_gradient(crossed.astype(v.dtype))
    left = jnp.where(crossed, period, jnp.maximum(last.held - 1, 0)).astype(last.held.dtype)
    return Fired(v, spike, jnp.where(crossed, at, jnp.where(left > 0, last.at, 0.0)), left)


def _search(
    membrane: Membrane, begin: Array, v_th: Array, v_reset: Array, released: Array, dt: float
) -> tuple[Bool[Array, " post"], Float[Array, " post"]]:
    """Whether the threshold is crossed after `begin`, and when first: at the end of a part of the step, then by bisection of
    nearly the same path, then by Newton's method, between bounds that it moves and halves where it would leave them."""
    freed = jnp.where(released, v_reset - membrane.free(begin), 0.0)
    path = lambda u: membrane.free(u) + freed * jnp.exp(-(u - begin) / membrane.tau)
    parts = jnp.arange(1, _PARTS + 1, dtype=begin.dtype) / _PARTS
    above = jax.vmap(lambda part: path(begin + (dt - begin) * part) >= v_th)(parts)
    first = jnp.argmax(above, 0).astype(begin.dtype)
    width = (dt - begin) / _PARTS
    ends = low, high = begin + first * width, begin + (first + 1.0) * width
    quick = membrane.quick()
    nearly = lambda u: quick(u) + freed * jnp.exp(-(u - begin) / membrane.tau)

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        over = nearly(middle) >= v_th
        return jnp.where(over, low, middle), jnp.where(over, middle, high)

    def refine(carry: Any) -> Any:
        u, low, high, _, n = carry
        v = path(u)
        over = v >= v_th
        low, high = jnp.where(over, low, u), jnp.where(over, u, high)
        better = u - (v - v_th) / jnp.maximum(membrane.slope(u, v), _LEAST_SLOPE)
        better = jnp.where((better >= low) & (better <= high), better, 0.5 * (low + high))
        moves = (jnp.abs(better - u) > 2.0 * eps * dt) & (jnp.abs(v - v_th) > resolved)
        return better, low, high, crossed & moves, n + 1

    def goes_on(carry: Any) -> Array:
        *_, open_, n = carry
        return jnp.any(open_) & (n < _REFINEMENTS)

    crossed, eps = jnp.any(above, 0), jnp.finfo(begin.dtype).eps
    # Voltages differ from the threshold by rounding alone from here on.
    resolved = 4.0 * eps * (jnp.abs(v_th) + jnp.abs(freed) + membrane.scale(dt))
    found = lax.fori_loop(0, _HALVINGS, halve, ends)[1]
    return crossed, lax.while_loop(goes_on, refine, (found, low, high, crossed, jnp.zeros((), jnp.int32)))[0]
