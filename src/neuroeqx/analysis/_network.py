"""Networks of graded cells in continuous time."""

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from .._current import current_at
from .._fields import as_parameter
from .._interfaces import AbstractGradedCell, AbstractNeuron
from .._types import State
from ..network import Network, Population
from ..synapses import Delta, Instant


# Nothing here depends on the length of a step; a network asks for one to count those of a delay, of which there is one.
_DT = 1.0


class NetworkField(eqx.Module):
    """The derivatives of all cells of a network, whose projections pass what their sources put out now.

    - `currents`: constant ones, by population.
    """

    network: Network
    currents: dict[str, Any]

    def __check_init__(self) -> None:
        unknown = set(self.currents) - set(self.network.populations)
        if unknown:
            raise ValueError(
                f"system: `current` names {sorted(unknown)}; the network has {sorted(self.network.populations)}."
            )
        for name, population in self.network.populations.items():
            cells = AbstractNeuron | AbstractGradedCell
            if not isinstance(population, Population) or not isinstance(population.cell, cells):
                raise ValueError(
                    f"system: population {name!r} must consist of neurons or graded cells with a vector field, got "
                    f"{type(getattr(population, 'cell', population)).__name__}."
                )
        for name, projection in self.network.projections.items():
            why = _refused(self.network, projection)
            if why:
                raise ValueError(f"system: projection {name!r} {why}, so the cells' states are not the whole state.")

    def init(self) -> dict[str, State]:
        """The state before the first step."""
        return {name: population.init(dt=_DT).cell for name, population in self.network.populations.items()}

    def __call__(self, y: dict[str, State]) -> dict[str, State]:
        arrived = self.network.arrive(self._state(y), dt=_DT)
        derivatives = {}
        for name, population in self.network.populations.items():
            load = arrived.loads[name].reshape(population.shape) if name in arrived.loads else None
            drive = self.currents.get(name)
            current = population.current(
                arrived.populations[name], None if drive is None else as_parameter(drive), load
            )
            derivatives[name] = population.cell.vector_field(0.0, y[name], current_at(current, 0.0))
        return derivatives

    def _state(self, y: dict[str, State]) -> Any:
        """The network's state in which every line holds what it is sent now."""
        state = _from_rest(self.network).init(dt=_DT)
        cells = {name: dataclasses.replace(own, cell=y[name]) for name, own in state.populations.items()}
        now: dict[str, Array] = {}
        for name, population in self.network.populations.items():
            if isinstance(population.cell, AbstractGradedCell):
                now[name] = population.cell.output(y[name]).reshape(-1)
            now[f"{name}:voltage"] = cells[name].v.reshape(-1)
        lines = {
            line: eqx.tree_at(lambda h: h.last, history, now.get(line, jnp.zeros_like(history.last)))
            for line, history in state.histories.items()
        }
        return eqx.tree_at(lambda s: (s.populations, s.histories), state, (cells, lines))


def _from_rest(network: Network) -> Network:
    """The same network without the initial values of its cells, which may be random."""
    starts = lambda n: [x for p in n.populations.values() for x in (p.v0, p.y0)]
    return eqx.tree_at(starts, network, [None] * len(starts(network)), is_leaf=lambda x: x is None)


def _refused(network: Network, projection: Any) -> str | None:
    """Why a projection has a state of its own, or knows of steps."""
    receptor = network.populations[projection.post.name].receptors[projection.receptor]
    source = network.populations[projection.pre.name]
    if projection.delay is not None or projection.interpolated is not None or projection.delays or receptor.lag:
        return "has a delay"
    if projection.release is not None or projection.plasticity is not None:
        return "has a release or is plastic"
    if not isinstance(receptor.syn, Instant) or isinstance(receptor.out, Delta):
        return f"has a receptor with the kinetics {type(receptor.syn).__name__} and not Receptor(Instant(), ...)"
    if projection.coupling is None and not isinstance(source.cell, AbstractGradedCell):
        return "sends spikes"
    return None
