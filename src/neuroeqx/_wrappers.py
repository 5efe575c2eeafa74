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

from ._current import as_current
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

    **Arguments:**

    - `cell`: a neuron.
    - `t_ref`: the refractory period, ms, not negative: a number, or an array that broadcasts against the population.
        `simulate` refuses a dt that does not divide it, or that is not at least a 32,767th of it. Where the
        period is not known yet (a tracer, inside of a transformation) it is rounded, and cut at 32,767 steps.
    """

    cell: AbstractSpiking
    t_ref: Parameter = param()

    def __check_init__(self) -> None:
        if not isinstance(self.cell, AbstractSpiking):
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
        held = state.remaining > 0
        after = self.cell.integrate(state.cell, as_current(input), dt=dt, t=t, key=key)
        after = self.cell.hold(state.cell, after, held)
        after, spike = self.cell.fire(state.cell, after, allowed=(~held).astype(voltage(after).dtype), dt=dt, key=key)
        period = jnp.minimum(jnp.round(self.t_ref / dt), jnp.iinfo(_STEPS).max).astype(_STEPS)
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
        _check_count("Every", self.n)

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
        _check_count("Substeps", self.n)

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> State:
        return self.cell.init(shape, key=key)

    def step(
        self, state: State, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[State, Output]:
        fine = dt / self.n

        spiking = is_spiking(self.cell)

        def substep(carry: tuple[Any, State, Output], _: None) -> tuple[Any, None]:
            i, state, total = carry
            key_i = None if key is None else jax.random.fold_in(key, i)
            state, output = self.cell.step(state, input, dt=fine, t=t + i.astype(float) * fine, key=key_i)
            return (i + 1, state, total + output if spiking else output), None

        first = jnp.zeros((), jnp.int32)
        output = jax.eval_shape(lambda carry: substep(carry, None)[0][2], (first, state, 0.0))
        carry = first, state, jnp.zeros(output.shape, output.dtype)
        _, state, total = lax.scan(substep, carry, None, length=self.n)[0]
        return state, total


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


def _check_count(name: str, n: int) -> None:
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"{name}: `n` must be a whole number of steps, at least 1, got {n!r}.")
