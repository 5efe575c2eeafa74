"""Delay differential equations."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from ._fields import as_parameter
from ._types import is_tracer, Y


class Delayed(eqx.Module):
    """What `solve_delayed` returns: a solution that can be asked for at any time, `solution(t)`.

    - `t`: the ends of steps, ms, `[steps + 1]`, from `t0` to `t1`.
    - `y`: the solution there, with a leading axis for them.
    - `slope`, `end_slope`: its derivative at the beginning and at the end of each step, which differ where it jumps, with a
        leading axis of steps and one entry more, zero.
    - `history`: the solution before `t0`, a function of time.
    """

    t: Float[Array, " times"]
    y: Y
    slope: Y
    end_slope: Y
    history: Callable[[Array], Y]

    def __call__(self, t: Any) -> Y:
        """The solution at the time t, a number: the history before `t0`, Hermite's cubic polynomial of the step after it."""
        t = jnp.asarray(t, self.t.dtype)
        i = jnp.clip(jnp.searchsorted(self.t, t, side="right") - 1, 0, self.t.shape[0] - 2)
        return _past(self.history, self.t, self.y, self.slope, self.end_slope, i, t)


def _hermite(part: Array, h: Array, y: Array, z: Array, f: Array, g: Array) -> Array:
    left = 1.0 - part
    return y + (3.0 - 2.0 * part) * part * part * (z - y) + h * part * left * (left * f - part * g)


def _past(
    history: Callable[[Array], Y], ts: Array, ys: Y, slopes: Y, ends: Y, i: Int[Array, ""], t: Float[Array, ""]
) -> Y:
    """The solution at t, in the step from `ts[i]` or before all of them."""
    h = ts[i + 1] - ts[i]
    part = jnp.where(h > 0.0, (t - ts[i]) / jnp.where(h > 0.0, h, jnp.ones_like(h)), jnp.zeros_like(h))
    one = lambda y, f, g: _hermite(part, h, y[i], y[i + 1], f[i], g[i])
    within = jtu.tree_map(one, ys, slopes, ends)
    before = history(jnp.minimum(t, ts[0]))
    return jtu.tree_map(lambda x, y: jnp.where(t <= ts[0], x, y), before, within)


def solve_delayed(
    vector_field: Callable[..., Y],
    history: Any,
    delays: Any,
    t1: float,
    dt: float,
    *,
    t0: float = 0.0,
    args: Any = None,
    breaks: int = 4,
) -> Delayed:
    r"""Solve $y'(t) = f(t, y(t), (y(t - \tau_1), y(t - \tau_2), ...))$ with constant delays, by the method of steps.

    The classical Runge-Kutta method of order 4; what lies a delay ago comes from cubic Hermite interpolation of the steps
    behind, of order 4 as well (Bellen & Zennaro 2003). Where the history meets the solution its derivative jumps, a delay later
    the second one, and so on; steps end at these times and their sums, however delays and dt fit together. (A
    step is therefore shorter than dt, in places.) The delays are parameters like others: the solution is differentiable
    towards them, and towards the history and all that `vector_field` and `args` hold, forwards and backwards.

    ```python
    feedback = lambda t, y, past, args: -past[0]
    solution = nex.solve_delayed(feedback, 1.0, [1.0], 10.0, 0.01)
    solution(2.5)  # and solution.y at solution.t
    ```

    **Arguments:**

    - `vector_field`: `(t, y, past, args)` to dy/dt, in units of y per ms; `past` is a tuple with a state for each delay.
    - `history`: the solution up to `t0`: a state, which it has always been, or a function of time to one. A state is an
        array or any tree of arrays.
    - `delays`: ms, a vector of at most 8, each at least `dt`: so that nothing within a step is needed to make it.
    - `t1`: the end, ms.
    - `dt`: the longest step, ms.
    - `t0`: the beginning, ms.
    - `args`: passed on.
    - `breaks`: how many times a jump of a derivative is followed: after k delays it is one of the (k + 1)st derivative, so
        after four a method of order 4 does not feel it.

    **Returns:** a `Delayed`.

    **Errors:** `ValueError` for delays shorter than `dt` (while running, where they are not known before), and times in the
    wrong order.
    """
    delay = jnp.atleast_1d(as_parameter(delays))
    if delay.ndim != 1 or not 1 <= delay.shape[0] <= 8:
        raise ValueError(f"solve_delayed: `delays` must be a vector of 1 to 8, got shape {delay.shape}.")
    if not (dt > 0.0 and t1 > t0):
        raise ValueError(f"solve_delayed: `dt` must be positive and `t1` after `t0`, got {dt}, {t1} and {t0} ms.")
    if not is_tracer(delay) and np.min(np.asarray(delay, np.float64)) < dt * (1.0 - 1e-6):
        raise ValueError(
            f"solve_delayed: `delays` must not be shorter than `dt` = {dt} ms, got {np.asarray(delay).min():g}."
        )
    delay = eqx.error_if(
        delay, jnp.any(delay < dt * (1.0 - 1e-6)), "solve_delayed: `delays` must not be shorter than `dt`."
    )
    if callable(history):
        before = history
    else:
        constant = jtu.tree_map(as_parameter, history)
        before = lambda t: constant
    ts = _grid(delay, t0, t1, dt, breaks)
    return _steps(vector_field, before, delay, ts, args)


def _grid(delay: Array, t0: float, t1: float, dt: float, breaks: int) -> Float[Array, " times"]:
    """Steps of dt, and ends of steps where a derivative of the solution jumps, which move with the delays."""
    sums = {(0,) * delay.shape[0]}
    for _ in range(breaks):
        unit = np.eye(delay.shape[0], dtype=int)
        sums |= {tuple(int(x) for x in np.add(s, e)) for s in sums for e in unit}
    counts = np.array(sorted(sums - {(0,) * delay.shape[0]}), np.float64)
    dtype = delay.dtype
    jumps = t0 + jnp.sum(jnp.asarray(counts, dtype) * delay[None], 1)
    jumps = jnp.minimum(jumps, jnp.asarray(t1, dtype))
    even = jnp.linspace(t0, t1, max(1, int(np.ceil((t1 - t0) / dt - 1e-9))) + 1, dtype=dtype)
    # A step of no length is passed over, but a polynomial of one that is as short as rounding would be asked for times far
    # outside. So jumps that are one but for rounding become one, and the even times next to one move onto it.
    eps = float(jnp.finfo(dtype).eps)
    jumps = jnp.sort(jumps)
    again = jnp.diff(jumps, prepend=jumps[:1] - dt) <= 8.0 * eps * max(abs(t0), abs(t1))
    jumps = lax.cummax(jnp.where(again, jnp.asarray(t0, dtype), jumps))
    j = jnp.searchsorted(jumps, even)
    for near in (jumps[jnp.maximum(j - 1, 0)], jumps[jnp.minimum(j, jumps.shape[0] - 1)]):
        even = jnp.where(jnp.abs(even - near) < eps ** (1.0 / 3.0) * dt, near, even)
    return jnp.sort(jnp.concatenate([even, jumps]))


def _steps(vector_field: Any, history: Any, delay: Array, ts: Array, args: Any) -> Delayed:
    n = ts.shape[0] - 1
    y0 = history(ts[0])
    room = jtu.tree_map(lambda x: jnp.zeros((n + 1, *x.shape), x.dtype).at[0].set(x), y0)
    none = jtu.tree_map(jnp.zeros_like, room)
    longer = lambda x, h, k: jtu.tree_map(lambda y, k: y + h * k, x, k)

    def field(t: Array, y: Y, carry: Any, inside: Array) -> Y:
        past = []
        for j in range(delay.shape[0]):
            at = t - delay[j]
            # The step in which what is asked for lies is that of the middle of the step which asks: no end of either lies
            # within the other.
            i = jnp.clip(jnp.searchsorted(ts, inside - delay[j], side="right") - 1, 0, n - 1)
            ys, slopes, ends = carry
            then = _past(history, ts, ys, slopes, ends, i, at)
            early = inside - delay[j] < ts[0]
            first = history(jnp.minimum(at, ts[0]))
            past.append(jtu.tree_map(lambda x, y, early=early: jnp.where(early, x, y), first, then))
        return vector_field(t, y, tuple(past), args)

    def step(carry: Any, k: Array) -> tuple[Any, None]:
        ys, slopes, ends = carry
        t, h = ts[k], ts[k + 1] - ts[k]
        middle = t + 0.5 * h
        y = jtu.tree_map(lambda all: all[k], ys)
        at = lambda s, y: field(s, y, carry, middle)
        a = at(t, y)
        b = at(middle, longer(y, 0.5 * h, a))
        c = at(middle, longer(y, 0.5 * h, b))
        d = at(t + h, longer(y, h, c))
        move = lambda y, a, b, c, d: y + h / 6.0 * (a + 2.0 * (b + c) + d)
        after = jtu.tree_map(move, y, a, b, c, d)
        last = at(t + h, after)
        put = lambda all, i, x: jtu.tree_map(lambda all, x: all.at[i].set(x), all, x)
        return (put(ys, k + 1, after), put(slopes, k, a), put(ends, k, last)), None

    (ys, slopes, ends), _ = lax.scan(step, (room, none, none), jnp.arange(n, dtype=jnp.int32))
    return Delayed(ts, ys, slopes, ends, history)
