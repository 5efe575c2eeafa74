"""Running one cell with error control and spikes between any steps."""

from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float, Int

from ._adaptive import method_of, neuron_of
from ._current import as_current
from ._fields import as_parameter
from ._interfaces import AbstractCell, AbstractDrive
from ._located import course, Start
from ._one_step import Field
from ._types import is_tracer, State, Time
from ._voltage import voltage
from .sources import NoiseCurrent, PiecewiseCurrent, RampCurrent, StepCurrent


class Located(eqx.Module):
    """What `solve` returns.

    - `spikes`: their times, ms, in order, infinite after the last, `[max_spikes]`. Differentiable.
    - `count`: their number.
    - `t`, `y`: the times asked for, and the states of the cell there, with a leading axis for them; `None` without.
    - `state`: the state of the cell at the end.
    - `steps`, `rejected`: numbers of steps of the solver, all of them and those that it took again.
    """

    spikes: Float[Array, " spikes"]
    count: Int[Array, ""]
    t: Float[Array, " times"] | None
    y: State
    state: State
    steps: Int[Array, ""]
    rejected: Int[Array, ""]

    @property
    def v(self) -> Float[Array, " times"]:
        """The voltage at the times asked for, mV."""
        return voltage(self.y)


class _Over(eqx.Module):
    """A current over time that a user has given, as a function of the voltage at times after an origin."""

    given: Any
    origin: Time

    def __call__(self, t: Time) -> Callable[..., Array]:
        now = self.given
        if isinstance(now, AbstractDrive):
            # Of steps of no length: it changes exactly where it says.
            now = now(jnp.asarray(self.origin + t), dt=0.0)
        elif callable(now):
            now = now(self.origin + t)
        return as_current(now)


class _Amperes(eqx.Module):
    """From a function of time and voltage to one of time."""

    of: Callable[[Time, Array], Array]

    def __call__(self, t: Time) -> Callable[..., Array]:
        return lambda v: self.of(t, v)


def solve(
    cell: AbstractCell,
    t1: Time,
    current: Any = None,
    *,
    t0: Time = 0.0,
    state: State | None = None,
    ts: Any = None,
    jumps: Any = None,
    solver: diffrax.AbstractSolver | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-6,
    max_step: float | None = None,
    max_spikes: int = 100,
    max_steps: int = 4096,
) -> Located:
    """Integrate one cell from `t0` to `t1` by a solver with error control, with its spikes located between the solver's steps.

    From spike to spike `diffrax.diffeqsolve` (Kidger 2021) solves the cell's equations; where `threshold` crosses zero
    upwards the cell is reset and the solver starts afresh. There is no dt. Times of spikes, states at given times and the final
    state are differentiable towards everything, by the theorem of implicit functions at each crossing.

    ```python
    found = nex.solve(nex.HodgkinHuxley(), 50.0, 10.0, rtol=1e-8, atol=1e-8)
    slope = eqx.filter_grad(lambda cell: nex.solve(cell, 50.0, 10.0).spikes[0])(cell).g_na
    counts = jax.vmap(lambda i: nex.solve(cell, 1000.0, i).count)(currents)
    ```

    Several cells at once are `jax.vmap` of this; to put such a cell into a network, `Adaptive`. A cell that is reset and starts
    above its threshold fires at once. A crossing that is undone within a step of the solver is not seen (`max_step` keeps
    steps short). With a crossing whose slope is near zero derivatives are as large as they are in truth. Derivatives are
    those of the steps that were taken: with a steep upstroke they are less precise than the times (of AdEx
    with its peak at -20 mV some 3e-4 at tolerances of 1e-6 and 1e-5 at 1e-8, with the peak at 0 mV ten times that).

    **Arguments:**

    - `cell`: a neuron with numbers as parameters, or `Refractory` of one, whose period need not be a multiple of
        anything. Its stepper and surrogate are not used.
    - `t1`: the end, ms.
    - `current`: a number, a current such as `StepCurrent(...)`, or a function of time, ms, to a number or to a function of
        the voltage, e.g. `lambda t: nex.Affine(g(t) * e, g(t))` for the conductance g.
    - `t0`: the beginning, ms.
    - `state`: where to begin, `cell.init(())` by default.
    - `ts`: times, ms, increasing, at which states are wanted; after the reset where there is a spike.
    - `jumps`: times, ms, increasing, at which a function of time jumps, so that the solver need not find out.
        (Those of `StepCurrent`, `PiecewiseCurrent` and `RampCurrent` are known.)
    - `solver`: of diffrax, with an error estimate; `diffrax.Tsit5()` by default, `diffrax.Kvaerno5()` for stiff cells.
    - `rtol`, `atol`: tolerances of a step's error, relative and in units of the variables. In single precision not below
        some 1e-6.
    - `max_step`: the longest step, ms; unlimited by default.
    - `max_spikes`: room for spikes. The cost grows with it (slowly), so that it is known how much is compiled.
    - `max_steps`: room for steps; those that are rejected do not count.

    **Returns:** a `Located`.

    **Errors:** while running, more spikes than `max_spikes` and more steps than `max_steps` are errors that say so.
    """
    neuron = neuron_of("solve", cell)
    method = method_of("solve", solver, rtol, atol, max_step, max_steps)
    if not isinstance(max_spikes, int) or isinstance(max_spikes, bool) or max_spikes < 1:
        raise ValueError(f"solve: `max_spikes` must be a whole number, at least 1, got {max_spikes!r}.")
    y = neuron.cell.init(()) if state is None else state
    if voltage(y).shape != ():
        raise ValueError(
            f"solve: takes one cell, but its voltage has shape {voltage(y).shape}. Use jax.vmap or eqx.filter_vmap for more."
        )
    dtype = voltage(y).dtype
    start, end = jnp.asarray(t0, dtype), jnp.asarray(t1, dtype)
    _check_order(t0, t1)
    wanted = None if ts is None else _increasing("ts", ts, dtype)
    if wanted is not None and not any(map(is_tracer, (ts, t0, t1))):
        among = np.asarray(ts, np.float64)
        if among.size and not (np.min(among) >= t0 and np.max(among) <= t1):
            raise ValueError(f"solve: `ts` must lie between t0 = {t0} and t1 = {t1} ms, got {among}.")
    given = as_parameter(0.0 if current is None else current) if not callable(current) else current
    known = _jumps_of(given) if jumps is None else _increasing("jumps", jumps, dtype)
    stops, places = _stops(start, end, wanted, known)
    held_until = jnp.zeros((), dtype)
    found, counts = course(
        method,
        Field(neuron.cell, _over(given, start, voltage(y)), start),
        Start(y, held_until, neuron.t_ref, stops),
        jnp.zeros((), bool),
        max_spikes,
    )
    times = eqx.error_if(
        found.times + start, counts.spikes > max_spikes, f"solve: more than {max_spikes} spikes: raise `max_spikes`."
    )
    times = eqx.error_if(
        times,
        counts.exhausted,
        f"solve: more than {max_steps} steps: raise `max_steps`, or the tolerances `rtol` and `atol`.",
    )
    at = None if places is None else jtu.tree_map(lambda x: x[places], found.saved)
    return Located(times, counts.spikes, wanted, at, found.y, counts.steps, counts.rejected)


def _stops(start: Array, end: Array, wanted: Array | None, jumps: Array | None) -> tuple[Array, Array | None]:
    """Where steps are to end, from `start`, in order; and the places of the `wanted` ones among them."""
    known = [x for x in (wanted, None if jumps is None else jnp.clip(jumps, start, end), end[None]) if x is not None]
    joined = jnp.concatenate(known) - start
    # A jump comes before what is wanted at the same time, which is to be seen after the cell's reset.
    order = jnp.argsort(joined, stable=True)
    if wanted is None:
        return joined[order], None
    return joined[order], jnp.argsort(order)[: wanted.shape[0]]


def _over(given: Any, start: Array, v: Array) -> Callable[[Time], Callable[..., Array]]:
    """A current over time, as a function of the voltage at times after `start`. What a function of the user's has captured
    becomes a part of it, so that derivatives find it."""
    over = _Over(given, start)
    if callable(given) and not isinstance(given, eqx.Module):
        return _Amperes(eqx.filter_closure_convert(lambda t, v: over(t)(v), start, v))
    return over


def _check_order(t0: Any, t1: Any) -> None:
    if not (is_tracer(t0) or is_tracer(t1)) and not t1 >= t0:
        raise ValueError(f"solve: `t1` = {t1} ms lies before `t0` = {t0} ms.")


def _increasing(name: str, values: Any, dtype: Any) -> Float[Array, " times"]:
    values = values if eqx.is_array(values) else np.asarray(values, np.float64)
    if values.ndim != 1:
        raise ValueError(f"solve: `{name}` must be a vector of times, got shape {values.shape}.")
    if not is_tracer(values) and np.any(np.diff(np.asarray(values, np.float64)) < 0.0):
        raise ValueError(f"solve: `{name}` must increase, got {values}.")
    return jnp.asarray(values, dtype)


def _jumps_of(current: Any) -> Array | None:
    """Where a current jumps, or has a corner."""
    if isinstance(current, NoiseCurrent):
        raise TypeError("solve: a NoiseCurrent has no value at a time; use simulate, or noise_terms with diffrax.")
    if isinstance(current, PiecewiseCurrent):
        return current.times
    if isinstance(current, StepCurrent | RampCurrent):
        found = [x for x in (current.start, current.stop) if x is not None]
        return jnp.sort(jnp.concatenate([jnp.atleast_1d(x) for x in found]))
    return None
