"""Steps that have been taken before, taken again to be differentiated."""

from typing import Any, NamedTuple

import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ._one_step import AT_ONCE, correction, Field, land, Method, Placed, REFRACTORY_END, SPIKE, step, STOP
from ._types import Y


class Log(NamedTuple):
    """The steps of a solve, as many as are `used`.

    - `h`: their lengths, 0 where none was needed. `[room]`
    - `kind`: what they end with. `[room]`
    - `held`: whether the cell was refractory. `[room]`
    - `stops`, `spikes`: the steps that ended with a stop or a spike, each of the latter from 0 on; -1 where there are fewer.
    """

    h: Float[Array, " room"]
    kind: Int[Array, " room"]
    held: Bool[Array, " room"]
    stops: Int[Array, " stops"]
    spikes: Int[Array, " spikes"]
    used: Int[Array, ""]

    @classmethod
    def empty(cls, room: int, stops: int, spikes: int, dtype: Any) -> "Log":
        none = lambda n: jnp.full(n, -1, jnp.int32)
        return cls(
            jnp.zeros(room, dtype),
            jnp.zeros(room, jnp.int8),
            jnp.zeros(room, bool),
            none(stops),
            none(spikes),
            jnp.zeros((), jnp.int32),
        )

    def add(
        self, taken: Array, h: Array, kind: Array, held: Array, arrived: Array, stop: Array, spike: Array, spikes: Array
    ) -> "Log":
        """With a step more, if it was `taken`."""
        at = jnp.where(taken, self.used, self.h.shape[0])
        put = lambda all, at, x: all.at[at].set(x, mode="drop")
        return Log(
            put(self.h, at, h),
            put(self.kind, at, kind),
            put(self.held, at, held),
            put(self.stops, jnp.where(arrived, stop, self.stops.shape[0]), self.used),
            put(self.spikes, jnp.where(spike, spikes, self.spikes.shape[0]), self.used),
            self.used + taken.astype(jnp.int32),
        )


def replay(method: Method, field: Field, start: Any, log: Log) -> tuple[Y, Array, Array, Array, Y]:
    """What `Course` holds, differentiable. Lengths of steps are constants, but of those that end at a stop or with a refractory
    period; the steps after a spike move with it."""
    zero = jnp.zeros_like(log.h[0])

    def once(placed: Placed, stop: Array, i: Array) -> tuple[Placed, Array, Array]:
        (t, y, held_until), h, kind = placed, log.h[i], log.kind[i]
        is_bound = (kind == STOP) | (kind == REFRACTORY_END)
        target = jnp.where(kind == STOP, start.stops[jnp.minimum(stop, start.stops.shape[0] - 1)], held_until)
        still = log.h[i] == 0.0
        h = jnp.where(is_bound, target - t, h)
        taken = step(method, field, t, jnp.where(still, jnp.full_like(h, 1e-3), h), y, log.held[i])
        end = jnp.where(kind == AT_ONCE, t, t + h)
        y1 = jtu.tree_map(lambda old, new: jnp.where(still, old, new), y, taken.y)
        crossed = kind == SPIKE
        slope, change = correction(field, end, y1)
        # Where there is no crossing the slope may be anything, so that nothing may depend on it.
        slope, change = jtu.tree_map(lambda x: jnp.where(crossed, x, jnp.zeros_like(x)), (slope, change))
        placed, height = land(field, start.t_ref, kind, end, y1, held_until, slope, change)
        _, rise = jax.jvp(field.cell.threshold, (y1,), (slope,))
        height = height - lax.stop_gradient(rise) * (end - lax.stop_gradient(end))
        return placed, stop + (kind == STOP).astype(jnp.int32), height

    def body(carry: tuple[Placed, Array, Array], i: Array) -> tuple[tuple[Placed, Array, Array], Any]:
        used = i < log.used

        def move(carry: Any) -> Any:
            now = once(carry[0], carry[1], i)
            return jtu.tree_map(lambda new, old: jnp.where(used, new, old), now, carry)

        carry = lax.cond(eqxi.unvmap_any(used), move, lambda carry: carry, carry)
        return carry, (carry[0].t, carry[0].y, carry[2])

    begun = Placed(zero, start.y, start.held_until), jnp.zeros((), jnp.int32), field.cell.threshold(start.y)
    steps = jnp.arange(log.h.shape[0], dtype=jnp.int32)
    (placed, _, last), (ts, ys, heights) = lax.scan(jax.checkpoint(body), begun, steps)
    pick = lambda all, at: all[jnp.maximum(at, 0)]
    times = jnp.where(log.spikes >= 0, pick(ts, log.spikes), jnp.inf)
    saved = jtu.tree_map(lambda all: pick(all, log.stops), ys)
    height = jnp.where(jnp.any(log.spikes >= 0), pick(heights, jnp.max(log.spikes)), last)
    return placed.y, times, height, placed.held_until, saved
