"""Variations of a cell: each wraps the cell it changes."""

import weakref
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from ._checks import check_count
from ._current import as_current, Course
from ._fields import param
from ._interfaces import AbstractCell, AbstractSpiking
from ._types import is_tracer, Key, Output, Parameter, State, Time, Y
from ._voltage import voltage


class RefractoryState(eqx.Module):
    """The cell's own state, and for each cell the number of steps it stays refractory."""

    cell: Y
    remaining: Int[Array, "..."]

    @property
    def v(self) -> Float[Array, "..."]:
        return voltage(self.cell)


class Refractory(AbstractCell):
    """Holds the voltage of a neuron for a while after each spike, and lets it not fire; its other variables go on.

    A spike in step n holds the voltage through the steps n + 1 ... n + t_ref / dt. (The voltage of a neuron whose spikes
    leave it alone, such as `MAT2`, goes on.) Whole steps are counted, so the
    period is the same at any time of any run.

    `Refractory(Substeps(cell, n), t_ref)` divides each step: the rest of the step after a spike is held too, unless `t_ref`
    is zero, and then whole steps are counted. (`Substeps(Refractory(cell, t_ref), n)` counts the shorter ones.)

    **Arguments:**

    - `cell`: a neuron, or `Substeps` of one.
    - `t_ref`: the refractory period, ms, not negative: a number, or an array that broadcasts against the population.
        `simulate` refuses a dt that does not divide it, or that is not at least a 32,767th of it. Where the
        period is not known yet (a tracer, inside of a transformation) it is rounded, and cut at 32,767 steps.
    """

    cell: "AbstractSpiking | Substeps"
    t_ref: Parameter = param()

    def __check_init__(self) -> None:
        if not isinstance(_undivided(self.cell)[0], AbstractSpiking):
            raise TypeError(
                f"Refractory: `cell` must be a neuron (AbstractNeuron), got {type(self.cell).__name__}. "
                "A cell that does not spike has no refractory period; other wrappers go outside of this one."
            )
        if not (is_tracer(self.t_ref) or isinstance(self.t_ref, jax.ShapeDtypeStruct)) and bool(
            jnp.any(self.t_ref < 0)
        ):
            raise ValueError(f"Refractory: `t_ref` must not be negative, got {self.t_ref}.")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> RefractoryState:
        return RefractoryState(self.cell.init(shape, key=key), jnp.zeros(shape, _STEPS))

    def step(
        self, state: RefractoryState, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[RefractoryState, Float[Array, "..."]]:
        cell, n = _undivided(self.cell)
        held = state.remaining > 0
        period = jnp.minimum(jnp.round(self.t_ref / dt), jnp.iinfo(_STEPS).max).astype(_STEPS)

        def move(y: Y, held: Any, current: Any, dt: float, t: Time, key: Key | None) -> tuple[Y, Any]:
            after = cell.hold(y, cell.integrate(y, current, dt=dt, t=t, key=key), held)
            return cell.fire(y, after, allowed=(~held).astype(voltage(after).dtype), dt=dt, key=key)

        if n == 1:
            after, spike = move(state.cell, held, as_current(input), dt, t, key)
        else:

            def substep(carry: tuple[Y, Any, Any], *rest: Any) -> tuple[Y, Any, Any]:
                y, held, total = carry
                y, spike = move(y, held, *rest)
                return y, held | ((spike > 0.0) & (period > 0)), total + spike

            none = jnp.zeros_like(voltage(state.cell))
            after, _, spike = in_substeps(substep, (state.cell, held, none), input, n, dt=dt, t=t, key=key)
        remaining = jnp.where(spike > 0.0, period, jnp.maximum(state.remaining - 1, 0))
        return RefractoryState(after, remaining), spike

    def check_dt(self, dt: float) -> None:
        """Raise a `ValueError` if `t_ref` is not a whole number of steps of `dt`."""
        if is_tracer(self.t_ref):
            return
        steps = np.asarray(self.t_ref, dtype=np.float64).ravel() / dt
        off = np.abs(steps - np.round(steps)) > 1e-3
        if np.any(off):
            whole = np.floor(steps[off][0])
            raise ValueError(
                f"Refractory: `t_ref` = {steps[off][0] * dt:g} ms is not a multiple of dt = {dt:g} ms; the nearest "
                f"choices are {whole * dt:g} and {(whole + 1) * dt:g} ms."
            )
        most = int(jnp.iinfo(_STEPS).max)
        if np.any(steps > most):
            raise ValueError(
                f"Refractory: `t_ref` = {steps.max() * dt:g} ms is longer than {most} steps of dt = {dt:g} ms."
            )


# Of two bytes, for the counters are a quarter of the memory that a step of a LIF cell goes through.
_STEPS = jnp.int16


class EveryState(eqx.Module):
    """The cell's state, its last output, and the number of steps since it last moved."""

    cell: Y
    output: Float[Array, "..."]
    phase: Int[Array, ""]

    @property
    def v(self) -> Float[Array, "..."]:
        return voltage(self.cell)


class Chain(AbstractCell):
    """Cells one after the other, each with the output of the one before as its input; the output is that of the last.

    For example kinetics of several stages, `Projection(..., release=Chain(STP(), NMDA()))`: what short-term plasticity
    releases opens NMDA channels. The state is a tuple of theirs.

    **Arguments:**

    - `cells`: two or more.
    """

    cells: tuple[AbstractCell, ...]

    def __init__(self, *cells: Any):
        self.cells = cells

    def __check_init__(self) -> None:
        if len(self.cells) < 2 or not all(isinstance(cell, AbstractCell) for cell in self.cells):
            raise TypeError(
                f"Chain: takes two or more cells, such as Chain(STP(), NMDA()), got {[type(x).__name__ for x in self.cells]}."
            )

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> tuple[State, ...]:
        keys = [None if key is None else jax.random.fold_in(key, i) for i in range(len(self.cells))]
        return tuple(cell.init(shape, key=own) for cell, own in zip(self.cells, keys, strict=True))

    def step(
        self, state: tuple[State, ...], input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[tuple[State, ...], Output]:
        after = []
        for i, (cell, own) in enumerate(zip(self.cells, state, strict=True)):
            now, input = cell.step(own, input, dt=dt, t=t, key=None if key is None else jax.random.fold_in(key, i))
            after.append(now)
        return tuple(after), input


class Every(AbstractCell):
    """Moves a cell only in every n-th step (in the first, the n+1st, ...), by n times dt.

    Between its moves a graded cell keeps its output and a spiking cell is silent.

    **Arguments:**

    - `cell`: any cell.
    - `n`: a whole number, at least 1.
    """

    cell: AbstractCell
    n: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        check_count(self, "n")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> EveryState:
        inner = self.cell.init(shape, key=key)
        output = jax.eval_shape(lambda s: self.cell.step(s, None, dt=1.0, key=jax.random.key(0))[1], inner)
        return EveryState(inner, jnp.zeros(output.shape, output.dtype), jnp.zeros((), jnp.int32))

    def step(
        self, state: EveryState, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[EveryState, Output]:
        def move(_: None) -> tuple[State, Output]:
            return self.cell.step(state.cell, input, dt=self.n * dt, t=t, key=key)

        def wait(_: None) -> tuple[State, Output]:
            held = jnp.zeros_like(state.output) if is_spiking(self.cell) else state.output
            return state.cell, held

        inner, output = lax.cond(state.phase == 0, move, wait, None)
        return EveryState(inner, output, (state.phase + 1) % self.n), output


class Substeps(AbstractCell):
    """Divides each step of a cell into n shorter ones, with the input held.

    A spiking cell puts out the number of its spikes in the step, a graded cell its last output.

    **Arguments:**

    - `cell`: any cell.
    - `n`: a whole number, at least 1.
    """

    cell: AbstractCell
    n: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        check_count(self, "n")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> State:
        return self.cell.init(shape, key=key)

    def step(
        self, state: State, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[State, Output]:
        spiking = is_spiking(self.cell)
        output = jax.eval_shape(lambda s: self.cell.step(s, input, dt=dt, t=t, key=key)[1], state)

        def substep(carry: tuple[State, Output], current: Any, dt: float, t: Time, key: Key | None) -> Any:
            state, total = carry
            state, output = self.cell.step(state, current, dt=dt, t=t, key=key)
            return state, total + output if spiking else output

        carry = state, jnp.zeros(output.shape, output.dtype)
        return in_substeps(substep, carry, input, self.n, dt=dt, t=t, key=key)


def in_substeps(substep: Any, carry: Any, input: Any, n: int, *, dt: float, t: Time, key: Key | None) -> Any:
    """`substep(carry, current, dt, t, key) -> carry`, n times over the parts of one step, in which receptors decay."""
    fine = dt / n
    current = as_current(input)
    course = current if isinstance(current, Course) else None

    def one(all: tuple[Any, Any, Any], _: None) -> tuple[Any, None]:
        i, carry, states = all
        own = None if key is None else jax.random.fold_in(key, i)
        now = current if course is None else Course(course.steady, course.receptors, states, i == n - 1)
        carry = substep(carry, now, fine, t + i.astype(float) * fine, own)
        return (i + 1, carry, now.later(fine).states if isinstance(now, Course) else ()), None

    start = jnp.zeros((), jnp.int32), carry, () if course is None else course.states
    return lax.scan(one, start, None, length=n)[0][1]


def _undivided(cell: Any) -> tuple[Any, int]:
    """The cell inside of `Substeps`, if there are any, and their number."""
    return (cell.cell, cell.n) if isinstance(cell, Substeps) else (cell, 1)


def is_spiking(cell: AbstractCell) -> bool:
    """Whether the output of a cell, or of the cell inside its wrappers, is spikes."""
    while isinstance(cell, Every | Substeps):
        cell = cell.cell
    return isinstance(cell, AbstractSpiking | Refractory)


def check_periods(model: eqx.Module, dt: float) -> None:
    """Raise a `ValueError` if a refractory period anywhere in `model` is not a whole number of steps of `dt`."""

    def visit(node: Any, dt: float) -> None:
        stop = lambda x: isinstance(x, Refractory | Every | Substeps) and x is not node
        for found in jtu.tree_leaves(node, is_leaf=stop):
            if isinstance(found, Refractory):
                found.check_dt(dt)
            elif isinstance(found, Every):
                visit(found.cell if not isinstance(found.cell, Refractory) else (found.cell,), dt * found.n)
            elif isinstance(found, Substeps):
                visit(found.cell if not isinstance(found.cell, Refractory) else (found.cell,), dt / found.n)

    if _checked.get((id(model), dt)) is not model:
        visit((model,), dt)
        _checked[id(model), dt] = model


# Models, which do not change, for which a step was found to be right: looking takes as long as a hundred steps.
_checked: weakref.WeakValueDictionary[tuple[int, float], eqx.Module] = weakref.WeakValueDictionary()
