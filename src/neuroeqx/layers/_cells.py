"""A step of the cells of a layer, with their synapses."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._current import Affine, Course
from .._fields import as_parameter
from .._interfaces import AbstractCell, AbstractLinearSynapse
from .._types import Key, Output, State
from .._voltage import voltage
from ..network import Receptor
from ..synapses import CUBA


class LayerState(eqx.Module):
    """What a layer carries from step to step.

    - `cell`: the state of the cells.
    - `synapse`: that of their synapses, `None` if there are none.
    - `past`: the outputs that have not arrived yet, the oldest first, `[delay, ...]`; `None` without recurrence.
    """

    cell: State
    synapse: State = None
    past: Float[Array, "..."] | None = None

    @property
    def v(self) -> Float[Array, "..."]:
        return voltage(self.cell)


class Cells(eqx.Module):
    """Cells and the synapses through which all that a layer gives them arrives, for loops over time."""

    cell: AbstractCell
    synapse: Receptor | None
    dt: float = eqx.field(static=True)

    def init(self, shape: tuple[int, ...], key: Key | None) -> LayerState:
        synapse = None if self.synapse is None else self.synapse.syn.init(shape)
        return LayerState(self.cell.init(shape, key=key), synapse)

    def step(self, state: LayerState, x: Float[Array, "..."], i: Any, key: Key | None) -> tuple[LayerState, Output]:
        """Step `i` of a sequence: as in a network, receptors decay, `x` arrives, and the cells move."""
        t = i.astype(x.dtype) * self.dt
        if key is not None:
            key = jax.random.fold_in(key, i)
        synapse, current = None, x
        if self.synapse is not None:
            syn = self.synapse.syn
            synapse = syn.inject(syn.decay(state.synapse, dt=self.dt), lambda g: g + x)
            current = Course(Affine(as_parameter(0.0)), (self.synapse,), (synapse,))
        cell, output = self.cell.step(state.cell, current, dt=self.dt, t=t, key=key)
        return LayerState(cell, synapse, state.past), output


def as_receptor(owner: str, synapse: Any) -> Receptor | None:
    """Linear kinetics as a receptor whose output is the current; a receptor as it is."""
    if isinstance(synapse, AbstractLinearSynapse):
        return Receptor(synapse, CUBA())
    if synapse is None or isinstance(synapse, Receptor):
        return synapse
    raise TypeError(
        f"{owner}: `synapse` must be linear kinetics such as Expon(5.0), a Receptor(syn, out), or None, got "
        f"{type(synapse).__name__}."
    )


def check_cells(owner: str, cell: Any, synapse: Receptor | None, dt: Any) -> None:
    """Raise an error that names the argument unless these are a cell, a receptor without a lag, and a step."""
    if not isinstance(cell, AbstractCell):
        raise TypeError(f"{owner}: `cell` must be a cell such as LIF(), got {type(cell).__name__}.")
    if synapse is not None and synapse.lag:
        raise ValueError(f"{owner}: the `lag` of a receptor is counted by networks, not by layers; got {synapse.lag}.")
    if not isinstance(dt, float | int) or isinstance(dt, bool) or not 0.0 < dt < float("inf"):
        raise ValueError(f"{owner}: `dt` must be a positive number, ms, got {dt!r}.")


def check_state(owner: str, state: Any, expected: LayerState) -> None:
    """Raise a `ValueError` unless a state is one of this layer for these shapes."""
    own, given = jax.tree.structure(expected), jax.tree.structure(state)
    shapes = lambda tree: [jnp.shape(x) for x in jax.tree.leaves(tree)]
    if own != given or shapes(expected) != shapes(state):
        raise ValueError(
            f"{owner}: `state` is not one of this layer: it has the structure {given} and the shapes {shapes(state)}, expected "
            f"{own} and {shapes(expected)}."
        )
