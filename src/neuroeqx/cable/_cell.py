"""Cells with an extent."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Bool, Float

from .._checks import check_positive
from .._current import Affine, current_at, jump_of, Total
from .._fields import as_parameter
from .._interfaces import AbstractSpiking, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..channels import AbstractChannel, AbstractIon, Membrane, MembraneState
from ..ops.tree import solve as solve_tree, Tree
from ..surrogate import SuperSpike
from ._compartments import Compartments
from ._methods import BackwardEuler, CrankNicolson


class CellState(eqx.Module):
    """Voltage (mV), the gates of each channel by its name, and the concentration inside of each ion (mM; `None` if fixed),
    each of
    the shape of a population, whose last axis is that of compartments. Gates and concentrations are those of half a step
    ago."""

    v: Float[Array, "..."]
    gates: dict[str, dict[str, Float[Array, "..."]]]
    ions: dict[str, Float[Array, "..."] | None]


class Cell(AbstractSpiking):
    r"""A cell of many compartments (Rall 1962; Hines 1984): for compartment k with membrane of area $A_k$,

    $A_k C_m\, dv_k/dt = A_k \left(\sum_c I_c(v_k) + I_k(v_k)\right) + \sum_j \frac{v_j - v_k}{R_{jk}}$,

    with the inward currents $I_c$ of channels, what arrives from outside $I_k$, and the axial resistances $R_{jk}$ to its
    neighbours.

    The last axis of a population's shape is that of the compartments: `Population(cell, (cells, cell.size), receptors)`, or
    `(cell.size,)` for a single cell. So whatever can be done with the neurons of a population can be done with compartments:
    receptors
    and inputs reach each of them, its voltage can be recorded, and projections begin and end there.

    A compartment puts out a spike in the step in which its voltage crosses `v_th` upwards; nothing is reset. One step: gates
    and
    concentrations move on at the voltage of its beginning; then all voltages move together, by one implicit step of the
    whole tree,
    in which all currents that are affine in the voltage are exact, and others (GHK, the magnesium block) go by their
    tangent. Gates
    are ahead of the voltage by half a step, so that with `CrankNicolson()` the whole is of second order (concentrations of
    first).

    ```python
    parts = nex.cable.Compartments(nex.cable.read_swc("cell.swc"), nex.cable.DLambda())
    cell = nex.cable.Cell(
        parts,
        {
            "na": nex.channels.na_hh1952(g=parts.values({"soma": 120.0, "axon": 120.0}, default=0.0)),
            "k": nex.channels.k_hh1952(g=parts.values({"soma": 36.0, "axon": 36.0}, default=0.0)),
            "leak": nex.channels.leak(g=parts.values(lambda distance: 0.1 + 0.001 * distance), e=-65.0),
        },
    )
    population = nex.Population(cell, (cell.size,))
    solution = nex.simulate(population, 100.0, 0.025, cell.density(0.5, parts.at("soma")), record={"v": nex.voltage()})
    ```

    **Arguments:**

    - `compartments`: `Compartments`. Their sizes become parameters: `area` (um^2), and `inner` and `outer` (1/um).
    - `channels`, `ions`: by name, as those of `channels.PointCell`; their parameters are numbers or one for each compartment.
    - `cm`: capacitance, positive, uF/cm2: what `Compartments.values` takes.
    - `ra`: axial resistivity, positive, likewise, Ohm cm.
    - `v_start`: voltage of the start, mV, likewise.
    - `v_th`: voltage whose upward crossing counts as a spike, mV.
    - `emits`: the compartments that put out spikes, as `Compartments.at` finds them; all of them by default.
    - `method`: `BackwardEuler()` or `CrankNicolson()`.
    - `surrogate`: as in `LIF`.

    Currents are in uA/cm2 and conductances of receptors in mS/cm2, of the compartment's membrane; `density` converts.
    """

    membrane: Membrane
    area: Parameter
    inner: Parameter
    outer: Parameter
    cm: Parameter
    ra: Parameter
    v_start: Parameter
    v_th: Parameter
    emits: Bool[Array, " compartments"] | None
    method: BackwardEuler | CrankNicolson
    surrogate: AbstractSurrogate
    tree: Tree = eqx.field(static=True)
    halves: tuple[tuple[int, int], ...] = eqx.field(static=True)

    def __init__(
        self,
        compartments: Compartments,
        channels: Mapping[str, AbstractChannel],
        ions: Mapping[str, AbstractIon] | None = None,
        *,
        cm: Any = 1.0,
        ra: Any = 100.0,
        v_start: Any = -65.0,
        v_th: Any = 0.0,
        emits: Any = None,
        method: BackwardEuler | CrankNicolson | None = None,
        surrogate: AbstractSurrogate | None = None,
    ):
        if not isinstance(compartments, Compartments):
            raise TypeError(
                f"Cell: `compartments` must be Compartments(morphology, rule), got {type(compartments).__name__}."
            )
        self.membrane = Membrane(channels, ions)
        self.area, self.inner, self.outer = map(
            as_parameter, (compartments.area, compartments.inner, compartments.outer)
        )
        self.cm, self.ra, self.v_start = (_spread(compartments, x) for x in (cm, ra, v_start))
        self.v_th = as_parameter(v_th)
        self.emits = (
            None
            if emits is None
            else jnp.zeros(compartments.size, bool).at[_places(emits, compartments.size)].set(True)
        )
        self.method = BackwardEuler() if method is None else method
        self.surrogate = SuperSpike(as_parameter(1.0)) if surrogate is None else surrogate
        self.tree = compartments.tree
        self.halves = tuple((int(a), int(b)) for a, b in compartments.halves)

    def __check_init__(self) -> None:
        check_positive(self, "area", "cm", "ra")
        if not isinstance(self.method, BackwardEuler | CrankNicolson):
            raise TypeError(f"Cell: `method` must be BackwardEuler() or CrankNicolson(), got {self.method!r}.")

    @property
    def size(self) -> int:
        """The number of compartments."""
        return self.area.shape[-1]

    def density(self, current: Any, at: Any) -> Float[Array, " compartments"]:
        """Currents that are injected at points as densities (uA/cm2) of all compartments: an input of a population.

        **Arguments:**

        - `current`: nA, into each of these compartments: a number, or one for each. (A conductance in uS likewise becomes
            one in mS/cm2.)
        - `at`: compartments, as `Compartments.at` finds them.
        """
        chosen = _places(at, self.size)
        area = self.area[..., chosen]
        # 1 nA over 1 um2 is 1e5 uA/cm2.
        return jnp.zeros(self.size, area.dtype).at[chosen].add(as_parameter(current).astype(area.dtype) * 1e5 / area)

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> CellState:
        """At `v_start`, with the gates in their steady state; the last axis of `shape` is that of compartments."""
        del key
        if shape[-1:] != (self.size,):
            raise ValueError(
                f"Cell: the last axis of a population's shape must be that of the {self.size} compartments, got {shape}: give "
                "Population(cell, (cells, cell.size))."
            )
        own = _of_rank(self, len(shape))
        v = jnp.broadcast_to(own.v_start, shape)
        state = own.membrane.init(v)
        return CellState(v, state.gates, state.ions)

    def integrate(
        self, y: CellState, current: Current, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> CellState:
        del t, key
        coupling = self._coupling()
        if coupling.ndim > 1:
            coupling = jnp.broadcast_to(coupling, (*y.v.shape[:-1], len(self.tree)))
        given = _affine(current_at(current, self.method.middle(dt)), y.v)
        # Derivatives keep the state of each step only: computing it again takes less time than writing all in between.
        moved = eqx.filter_checkpoint(_moved, prevent_cse=False)
        v, membrane = moved(_of_rank(self, y.v.ndim), MembraneState(y.gates, y.ions), y.v, given, coupling, dt)
        jump = jump_of(current)
        return CellState(v if jump is None else v + jump, membrane.gates, membrane.ions)

    def hold(self, before: CellState, after: CellState, held: Bool[Array, "..."]) -> CellState:
        return CellState(jnp.where(held, before.v, after.v), after.gates, after.ions)

    def fire(
        self,
        before: CellState,
        after: CellState,
        allowed: Float[Array, "..."] | None = None,
        *,
        dt: float,
        key: Key | None = None,
    ) -> tuple[CellState, Float[Array, "..."]]:
        del dt, key
        own = _of_rank(self, after.v.ndim)
        spike = self.surrogate(after.v - own.v_th) * (before.v < own.v_th).astype(after.v.dtype)
        if self.emits is not None:
            emits = self.emits.astype(spike.dtype)
            spike = spike * emits.reshape((1,) * (spike.ndim - 1) + emits.shape)
        return after, spike if allowed is None else spike * allowed

    def _coupling(self) -> Float[Array, "... nodes"]:
        """The conductance from each node of the tree to its parent, in the unit of mS/cm2 times um2."""
        shape = jnp.broadcast_shapes(self.inner.shape, self.ra.shape)
        ra = jnp.broadcast_to(self.ra, shape)
        half = [jnp.broadcast_to(x, shape) * ra for x in (self.inner, self.outer)]
        half = jnp.concatenate([*half, jnp.zeros((*shape[:-1], 1), half[0].dtype)], -1)
        one, other = np.asarray(self.halves, np.int32).T
        resistance = half[..., one] + half[..., other]
        # That of the root, which has no parent, counts nothing.
        root = jnp.broadcast_to(jnp.asarray(np.arange(len(self.tree)) == self.tree.root), resistance.shape)
        # 1 / (ohm cm / um) is 100 uS, and 1 uS over 1 um2 is 1e5 mS/cm2.
        return jnp.where(root, jnp.zeros_like(resistance), 1e7 / jnp.where(root, jnp.ones_like(resistance), resistance))


def _moved(
    cell: Cell, membrane: MembraneState, v: Float[Array, "..."], given: Affine, coupling: Float[Array, "..."], dt: float
) -> tuple[Float[Array, "..."], MembraneState]:
    """The voltage and the membrane after a step under the current `given`."""
    membrane = cell.membrane.advance(membrane, v, dt)
    total = cell.membrane.affine(membrane, v) + given

    def solve(v: Float[Array, "..."], h: float) -> Float[Array, "..."]:
        capacitance = cell.cm * (1.0 / h)
        shunt = cell.area * (capacitance + total.b)  # pyright: ignore[reportOperatorIssue]
        source = cell.area * (capacitance * v + total.a)
        return solve_tree(cell.tree, jnp.broadcast_to(shunt, v.shape), coupling, jnp.broadcast_to(source, v.shape))

    return cell.method(solve, v, dt), membrane


def _of_rank(cell: Cell, rank: int) -> Cell:
    """A cell whose parameters of compartments have as many axes as its state, of length 1 for those that they lack."""
    lift = lambda x: x.reshape((1,) * (rank - x.ndim) + x.shape) if eqx.is_inexact_array(x) and x.ndim else x
    return jtu.tree_map(lift, cell)


def _affine(current: Callable[..., Any], v: Float[Array, "..."]) -> Affine:
    """A current as `a - b v`: as it is where it is affine, and by its tangent at `v` where not."""
    if isinstance(current, Affine):
        return Affine(jnp.broadcast_to(current.a, v.shape), current.b)
    if isinstance(current, Total):
        total = _affine(current.affine, v)
        for other in current.others:
            total = total + _affine(other, v)
        return total
    value, slope = jax.jvp(current, (v,), (jnp.ones_like(v),))
    return Affine(value - slope * v, -slope)


def _spread(compartments: Compartments, value: Any) -> Array:
    if isinstance(value, Mapping) or (isinstance(value, Callable) and not eqx.is_array(value)):
        return as_parameter(compartments.values(value))
    return as_parameter(value)


def _places(at: Any, size: int) -> np.ndarray:
    places = np.atleast_1d(np.asarray(at))
    if not np.issubdtype(places.dtype, np.integer) or places.ndim != 1 or np.any((places < 0) | (places >= size)):
        raise ValueError(
            f"Cell: compartments are whole numbers from 0 to {size - 1}, as Compartments.at finds them, got {at!r}."
        )
    return places
