"""A population of identical cells."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .._current import Affine, Course
from .._fields import as_parameter, as_shape
from .._interfaces import AbstractCell, AbstractDynamics, AbstractGradedCell, AbstractSpiking
from .._types import Initialiser, Key, Output, State, Time
from .._voltage import voltage, with_voltage
from ._receptor import Receptor


class PopulationState(eqx.Module):
    """The cells' state and that of each receptor."""

    cell: State
    receptors: dict[str, State]

    @property
    def v(self) -> Float[Array, "..."]:
        return voltage(self.cell)


class Population(AbstractDynamics):
    """An array of cells of one kind, with the receptors through which they are reached.

    The parameters of the cell and of the receptors may be numbers or arrays that broadcast against `shape`.

    **Arguments:**

    - `cell`: a neuron or any other cell.
    - `shape`: the number of cells, or a tuple for populations stacked along leading axes.
    - `receptors`: by the names that projections use.
    - `v0`: the initial voltage, mV: a number, an array that broadcasts against `shape`, or a function `(key, shape)`
        such as `connect.uniform(-70.0, -55.0)` or one of `jax.nn.initializers`; by default whatever the cell starts from.
    - `y0`: the whole initial state of the cells, as `cell.init` makes it, of arrays that broadcast against `shape`; `v0`
        then replaces its voltage.
    - `i0`: a constant current of the cells, in the unit of theirs, to which a drive is added.
    """

    cell: AbstractCell
    shape: tuple[int, ...] = eqx.field(static=True)
    receptors: dict[str, Receptor]
    v0: Array | Initialiser | None
    y0: State | None
    i0: Array | None

    def __init__(
        self,
        cell: AbstractCell,
        shape: int | tuple[int, ...],
        receptors: dict[str, Receptor] | None = None,
        *,
        v0: Any = None,
        y0: State | None = None,
        i0: Any = None,
    ):
        self.cell = cell
        self.shape = as_shape("Population", shape)
        self.receptors = {} if receptors is None else dict(sorted(receptors.items()))
        self.v0 = v0 if v0 is None or callable(v0) else as_parameter(v0)
        self.y0 = y0
        self.i0 = None if i0 is None else as_parameter(i0)

    def __check_init__(self) -> None:
        if not isinstance(self.cell, AbstractCell):
            raise TypeError(f"Population: `cell` must be a cell such as LIF(), got {type(self.cell).__name__}.")
        for name, receptor in self.receptors.items():
            if not isinstance(receptor, Receptor):
                raise TypeError(
                    f"Population: receptor {name!r} must be a Receptor(syn, out), got {type(receptor).__name__}."
                )
        if self.y0 is not None:
            cell, shape = self.cell, self.shape
            own = jtu.tree_structure(jax.eval_shape(lambda: cell.init(shape, key=jax.random.key(0))))
            if jtu.tree_structure(self.y0) != own:
                raise ValueError(
                    f"Population: `y0` must be a state of {type(cell).__name__}, {own}, got {jtu.tree_structure(self.y0)}."
                )
        for name, part in {"cell": self.cell, "v0": self.v0, "y0": self.y0, "i0": self.i0, **self.receptors}.items():
            _check_broadcast(name, part, self.shape)

    @property
    def size(self) -> int:
        """The number of cells."""
        return math.prod(self.shape)

    @property
    def is_spiking(self) -> bool:
        """Whether the cell, or what is wrapped, spikes."""
        spiking = lambda x: isinstance(x, AbstractSpiking)
        return any(map(spiking, jtu.tree_leaves(self.cell, is_leaf=spiking)))

    @property
    def is_phase(self) -> bool:
        """Whether the voltage of the cell, or of what is wrapped, is an angle."""
        graded = lambda x: isinstance(x, AbstractGradedCell)
        return any(graded(x) and x.is_phase for x in jtu.tree_leaves(self.cell, is_leaf=graded))

    def init(self, *, dt: float, key: Key | None = None) -> PopulationState:
        del dt
        cell_key, v_key = (None, None) if key is None else jax.random.split(key)
        cell = self.cell.init(self.shape, key=cell_key)
        if self.y0 is not None:
            cell = jtu.tree_map(lambda x, y: jnp.broadcast_to(y, self.shape).astype(x.dtype), cell, self.y0)
        if callable(self.v0):
            if v_key is None:
                raise ValueError("Population: `v0` is random, so `init` (and `simulate`) needs a `key`.")
            cell = with_voltage(cell, self.v0(v_key, self.shape))
        elif self.v0 is not None:
            cell = with_voltage(cell, jnp.broadcast_to(self.v0, self.shape))
        return PopulationState(cell, {name: r.syn.init(self.shape) for name, r in self.receptors.items()})

    def decay(self, state: PopulationState, *, dt: float) -> PopulationState:
        """The first half of a step: the receptors, one step on and without input."""
        decayed = {name: r.syn.decay(state.receptors[name], dt=dt) for name, r in self.receptors.items()}
        return PopulationState(state.cell, decayed)

    def inject(self, state: PopulationState, receptor: str, add: Any) -> PopulationState:
        """Arrivals at one receptor; `add` as in `AbstractLinearSynapse.inject`."""
        arrived = self.receptors[receptor].syn.inject(state.receptors[receptor], add)
        return PopulationState(state.cell, {**state.receptors, receptor: arrived})

    def update(
        self,
        state: PopulationState,
        drive: Any,
        *,
        dt: float,
        t: Time = 0.0,
        key: Key | None = None,
        load: Float[Array, "..."] | None = None,
    ) -> tuple[PopulationState, Output]:
        """The second half of a step: the cells, under the currents of their receptors and the drive, and a conductance
        `load`, the current `-load v`."""
        cell, output = self.cell.step(state.cell, self.current(state, drive, load), dt=dt, t=t, key=key)
        return PopulationState(cell, state.receptors), output

    def current(self, state: PopulationState, drive: Any = None, load: Float[Array, "..."] | None = None) -> Course:
        """The total membrane current over a step, as a function of the voltage."""
        steady = as_parameter(0.0 if drive is None else drive)
        if self.i0 is not None:
            steady = steady + self.i0
        return Course(
            Affine(steady, load), tuple(self.receptors.values()), tuple(state.receptors[n] for n in self.receptors)
        )

    def step(
        self, state: PopulationState, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[PopulationState, Output]:
        """One step of the population alone.

        **Arguments:**

        - `input`: the drive, a number or an array that broadcasts against `shape`; nothing if `None`.

        **Returns:** the new state and the cells' output, of the population's shape.
        """
        return self.update(self.decay(state, dt=dt), input, dt=dt, t=t, key=key)


def _check_broadcast(name: str, part: Any, shape: tuple[int, ...]) -> None:
    for leaf in jtu.tree_leaves(part):
        if eqx.is_inexact_array(leaf):
            try:
                fits = jnp.broadcast_shapes(leaf.shape, shape) == shape
            except ValueError:
                fits = False
            if not fits:
                raise ValueError(
                    f"Population: a parameter of `{name}` has shape {leaf.shape}, which does not broadcast to the "
                    f"population's shape {shape}."
                )
