"""Integration of one spiking cell with error control, in one loop through all of its spikes, which are located between steps.

The steps that were taken are noted; derivatives are those of these steps (`_replayed.py`).
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ._one_step import AT_ONCE, correction, Field, FREE, land, Landed, Method, Placed, REFRACTORY_END, SPIKE, step, STOP
from ._replayed import Log, replay
from ._types import Y
from ._voltage import voltage


class Course(NamedTuple):
    """What came of a cell from time 0 to the last stop.

    - `y`: the state at the end.
    - `times`: of spikes, in order, infinite where there are none, `[max_spikes]`.
    - `height`: the distance above threshold at the end or, if there was a spike, at the last one, where its derivative is
        that at a fixed time.
    - `held_until`: the end of the last refractory period.
    - `saved`: the states at the stops.
    """

    y: Y
    times: Float[Array, " spikes"]
    height: Float[Array, ""]
    held_until: Float[Array, ""]
    saved: Y


class Counts(NamedTuple):
    """Numbers of spikes (one more than there was room for, if there was not), of steps of the solver, and of those that it
    took again; whether the last stop was not reached for want of steps."""

    spikes: Int[Array, ""]
    steps: Int[Array, ""]
    rejected: Int[Array, ""]
    exhausted: Bool[Array, ""]


class Start(NamedTuple):
    """Where a cell begins.

    - `y`: its state.
    - `held_until`: the end of its refractory period, or a time that is not positive.
    - `t_ref`: its refractory period, if it has one.
    - `stops`: times that steps end at, increasing, the last of them the end.
    """

    y: Y
    held_until: Float[Array, ""]
    t_ref: Float[Array, ""] | None
    stops: Float[Array, " stops"]


def course(
    method: Method, field: Field, start: Start, spiked: Bool[Array, ""], max_spikes: int
) -> tuple[Course, Counts]:
    """Integrate to the last stop.

    **Arguments:**

    - `spiked`: whether the cell stands at its threshold because it has just fired (of cells that are not reset).
    - `max_spikes`: room for spikes; the loop ends where there are more.
    """
    return _course((field, start), method=method, spiked=spiked, max_spikes=max_spikes)


@eqx.filter_custom_jvp
def _course(model: Any, *, method: Method, spiked: Any, max_spikes: int) -> tuple[Course, Counts]:
    found, counts, _ = _search(method, model[0], model[1], spiked, max_spikes)
    return found, counts


@_course.def_jvp
def _course_jvp(primals: Any, tangents: Any, *, method: Method, spiked: Any, max_spikes: int) -> Any:
    (model,), (change,) = primals, tangents
    found, counts, log = _search(method, model[0], model[1], spiked, max_spikes)

    def again(model: Any) -> Course:
        field, start = model
        return Course(*replay(method, field, start, log))

    _, moved = eqx.filter_jvp(again, (model,), (change,))
    return (found, counts), (moved, jtu.tree_map(lambda _: None, counts))


class _Search(NamedTuple):
    """The loop's state. `width`: the step to be tried. While a crossing is looked for: `aim`, the step that should end at it,
    `bracket`, one that ends behind it, and `tries`, how often it was aimed at; 0 otherwise."""

    placed: Placed
    stop: Int[Array, ""]
    spiked: Bool[Array, ""]
    width: Float[Array, ""]
    aim: Float[Array, ""]
    bracket: Float[Array, ""]
    tries: Int[Array, ""]
    spikes: Int[Array, ""]
    iterations: Int[Array, ""]
    log: Log
    found: Course


_TRIES = 5


def _search(
    method: Method, field: Field, start: Start, spiked: Bool[Array, ""], max_spikes: int
) -> tuple[Course, Counts, Log]:
    dtype, n_stops, room = voltage(start.y).dtype, start.stops.shape[0], method.max_steps
    zero, none = jnp.zeros((), dtype), jnp.zeros((), jnp.int32)
    placed = Placed(zero, start.y, start.held_until)
    log = Log.empty(room, n_stops, max_spikes, dtype)
    saved = jtu.tree_map(lambda x: jnp.zeros((n_stops, *x.shape), x.dtype), start.y)
    found = Course(
        start.y, jnp.full(max_spikes, jnp.inf, dtype), field.cell.threshold(start.y), start.held_until, saved
    )
    width = method.first_step(field, zero, start.y)
    begun = _Search(placed, none, spiked, width, zero, zero, none, none, none, log, found)

    def goes_on(s: _Search) -> Bool[Array, ""]:
        left = (s.stop < n_stops) & (s.spikes <= max_spikes)
        return left & (s.log.used < room) & (s.iterations < 8 * room)

    def once(s: _Search) -> _Search:
        return _iterate(method, field, start, s)

    s = lax.while_loop(goes_on, once, begun)
    exhausted = (s.stop < n_stops) & (s.spikes <= max_spikes)
    found = s.found._replace(y=s.placed.y, held_until=s.placed.held_until)
    rejected = s.iterations - s.log.used
    return found, Counts(s.spikes, s.iterations, rejected, exhausted), s.log


def _iterate(method: Method, field: Field, start: Start, s: _Search) -> _Search:
    """Try a step; take it, or a spike within it, or look again."""
    cell, (t, y, held_until) = field.cell, s.placed
    dtype = t.dtype
    held = t < held_until
    before = cell.threshold(y)
    at_once = ~held & (before >= 0.0) & (not cell.fires_on_crossing)
    stop = start.stops[s.stop]
    to_stop = ~held | (stop <= held_until)
    target = jnp.where(to_stop, stop, held_until)
    room, aimed = target - t, s.tries > 0
    # Nothing is left over that would be shorter than a hundredth of a step.
    reaches = ~aimed & (1.01 * s.width >= room)
    h = jnp.where(aimed, s.aim, jnp.where(reaches, room, s.width))
    still = at_once | (h <= 0.0)
    taken = step(method, field, t, jnp.where(still, jnp.full((), 1e-3, dtype), h), y, held)
    error = method.error(taken.error, y, taken.y)
    fits = error <= 1.0
    after = cell.threshold(taken.y)
    crosses = ~aimed & ~still & fits & ~held & ~s.spiked & (before < 0.0) & (after >= 0.0)
    root = lax.cond(crosses, lambda: _bisected(field, t, y, h, taken.y), lambda: h)
    slope, change = lax.cond(
        aimed,
        lambda: correction(field, t + h, taken.y),
        lambda: (jtu.tree_map(jnp.zeros_like, y), jnp.zeros((), dtype)),
    )
    change = jnp.clip(change, -s.aim, jnp.maximum(s.bracket - s.aim, 0.0))
    fires = aimed & ((jnp.abs(change) <= 1e-5 * s.bracket) | (s.tries >= _TRIES))
    spike = fires | at_once
    accepted = spike | (~aimed & ~crosses & (fits | still))
    kind = jnp.where(
        at_once, AT_ONCE, jnp.where(fires, SPIKE, jnp.where(reaches, jnp.where(to_stop, STOP, REFRACTORY_END), FREE))
    ).astype(jnp.int8)
    y1 = jtu.tree_map(lambda old, new: jnp.where(still, old, new), y, taken.y)
    end = jnp.where(reaches & ~at_once, target, jnp.where(still, t, t + h))
    landed = land(field, start.t_ref, kind, end, y1, held_until, slope, change)
    choose = lambda new, old: jtu.tree_map(lambda x, y: jnp.where(accepted, x, y), new, old)
    placed = choose(landed.placed, s.placed)
    width = _width(method, error, s.width, h, clipped=reaches, still=still | aimed, looked=crosses)
    width = lax.cond(spike, lambda: method.first_step(field, placed.t, placed.y), lambda: width)
    again = aimed & ~fires
    arrived = accepted & (kind == STOP)
    return _Search(
        placed,
        s.stop + arrived.astype(jnp.int32),
        jnp.where(accepted, spike, s.spiked),
        width,
        jnp.where(crosses, root, jnp.where(again, s.aim + change, 0.0)),
        jnp.where(crosses, h, jnp.where(again, s.bracket, 0.0)),
        jnp.where(crosses, 1, jnp.where(again, s.tries + 1, 0)),
        s.spikes + spike.astype(jnp.int32),
        s.iterations + 1,
        s.log.add(accepted, jnp.where(still, 0.0, h), kind, held, arrived, s.stop, spike, s.spikes),
        _noted(s.found, landed, arrived, s.stop, spike, s.spikes),
    )


def _width(
    method: Method, error: Array, width: Array, h: Array, *, clipped: Array, still: Array, looked: Array
) -> Float[Array, ""]:
    """The step to be tried next, by the error of the last one. One that was cut short sets no upper limit."""
    # An infinite error, or none that is a number, is a step far too long.
    error = jnp.where(jnp.isfinite(error), error, jnp.inf)
    factor = jnp.clip(0.9 * (error + 1e-30) ** (-1.0 / method.order), 0.2, 5.0)
    next = h * factor
    next = jnp.where(clipped & (error <= 1.0), jnp.maximum(width, next), next)
    next = jnp.where(still | looked, width, next)
    return next if method.max_step is None else jnp.minimum(next, method.max_step)


def _bisected(field: Field, t: Array, y: Y, h: Array, after: Y) -> Float[Array, ""]:
    """A step that ends near the crossing within a step of h, by cubic interpolation of the state."""
    slopes = field(t, y), field(t + h, after)

    def at(part: Array) -> Y:
        """Hermite's polynomial."""
        q, left = part * part, 1.0 - part

        def one(x: Array, z: Array, f: Array, g: Array) -> Array:
            return x + (3.0 - 2.0 * part) * q * (z - x) + h * part * left * (left * f - part * g)

        return jtu.tree_map(one, y, after, *slopes)

    def halve(_: Any, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = 0.5 * (low + high)
        below = field.cell.threshold(at(middle)) < 0.0
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    return h * lax.fori_loop(0, 16, halve, (jnp.zeros_like(h), jnp.ones_like(h)))[1]


def _noted(found: Course, landed: Landed, arrived: Array, stop: Array, spike: Array, spikes: Array) -> Course:
    """Results with those of a step."""
    n_stops, room = jtu.tree_leaves(found.saved)[0].shape[0], found.times.shape[0]
    at = jnp.where(arrived, stop, n_stops)
    saved = jtu.tree_map(lambda all, x: all.at[at].set(x, mode="drop"), found.saved, landed.placed.y)
    times = found.times.at[jnp.where(spike, spikes, room)].set(landed.placed.t, mode="drop")
    height = jnp.where(spike | (arrived & (spikes == 0)), landed.height, found.height)
    return found._replace(times=times, height=height, saved=saved)
