"""Networks: populations and the projections between them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from .._abstract import eval_shape
from .._interfaces import AbstractConnectivity, AbstractDynamics, AbstractRule
from .._types import Key, State, Time
from ._history import History
from ._population import Population
from ._projection import Projection


class NetworkState(eqx.Module):
    """The state of every population, the recent output of every source, and the release state of projections."""

    populations: dict[str, State]
    histories: dict[str, History]
    releases: dict[str, State]


class Network(AbstractDynamics):
    """Populations and the projections between them.

    One step, for all populations alike: receptors decay; what the sources put out `delay` earlier arrives and is added;
    cells move under the resulting currents and the drive; their outputs are remembered. Nothing depends on the order in
    which populations or projections were given.

    **Arguments:**

    - `populations`: by name. Besides `Population`, any `AbstractDynamics` with a `shape` can be a source (`Poisson`,
        `SpikeTimes`).
    - `projections`: a list, or a dictionary by name. Those of a list are named `"pre->post:receptor"`.
    - `key`: needed if any connectivity is random; each projection draws from `fold_in(key, its position)`.

    **Errors:** `ValueError` for unknown names and connectivities that do not fit, naming the projection.
    """

    populations: dict[str, Any]
    projections: dict[str, Projection]

    def __init__(
        self,
        populations: Mapping[str, Any],
        projections: Sequence[Projection] | Mapping[str, Projection] = (),
        *,
        key: Key | None = None,
    ):
        # Sorted by name, as JAX keeps dictionaries: the order of sums and of keys is then the same inside and outside jit.
        self.populations = dict(sorted(populations.items()))
        for name, population in self.populations.items():
            if not isinstance(population, AbstractDynamics) or not isinstance(
                getattr(population, "shape", None), tuple
            ):
                raise TypeError(
                    f"Network: population {name!r} must be a Population or a source with a shape, got "
                    f"{type(population).__name__}."
                )
        named = projections if isinstance(projections, Mapping) else _named(projections)
        resolved = {
            name: self._resolved(name, projection, None if key is None else jax.random.fold_in(key, i))
            for i, (name, projection) in enumerate(named.items())
        }
        self.projections = dict(sorted(resolved.items()))

    def _resolved(self, name: str, projection: Projection, key: Key | None) -> Projection:
        for end in (projection.pre, projection.post):
            if end.name not in self.populations:
                raise ValueError(
                    f"Network: projection {name!r} names a population {end.name!r}; there are "
                    f"{sorted(self.populations)}."
                )
        target = self.populations[projection.post.name]
        receptors = target.receptors if isinstance(target, Population) else {}
        if projection.receptor not in receptors:
            raise ValueError(
                f"Network: projection {name!r} names a receptor {projection.receptor!r} of population "
                f"{projection.post.name!r}, which has {sorted(receptors)}."
            )
        start, stop = projection.pre.bounds(_size(self.populations[projection.pre.name]))
        first, last = projection.post.bounds(target.size)
        shape = (stop - start, last - first)
        comm = projection.comm
        if isinstance(comm, AbstractRule):
            comm = comm(*shape, key=key)
        if comm.shape != shape:
            raise ValueError(
                f"Network: the connectivity of projection {name!r} has shape {comm.shape}, but its source and target "
                f"have {shape[0]} and {shape[1]} cells."
            )
        return eqx.tree_at(lambda p: p.comm, projection, comm)

    def init(self, *, dt: float, key: Key | None = None) -> NetworkState:
        """The state before the first step: cells at their initial values, no input under way."""
        populations = {}
        for i, (name, population) in enumerate(self.populations.items()):
            own = None if key is None else jax.random.fold_in(key, i)
            populations[name] = population.init(dt=dt, key=own)
        lengths: dict[str, int] = {}
        releases = {}
        for name, projection in self.projections.items():
            source = projection.pre.name
            lengths[source] = max(lengths.get(source, 1), projection.steps(dt))
            if projection.release is not None:
                releases[name] = projection.release.init((projection.comm.shape[0],))  # pyright: ignore
        histories = {}
        for source, length in lengths.items():
            output = self._output_of(source, populations[source], dt)
            histories[source] = History.silent(_size(self.populations[source]), length, output.dtype)
        return NetworkState(populations, histories, releases)

    def _output_of(self, name: str, state: State, dt: float) -> jax.ShapeDtypeStruct:
        return eval_shape(_output, self.populations[name], state, dt, jax.random.key(0))

    def step(
        self,
        state: NetworkState,
        input: Mapping[str, Any] | None = None,
        *,
        dt: float,
        t: Time = 0.0,
        key: Key | None = None,
    ) -> tuple[NetworkState, dict[str, Float[Array, "..."]]]:
        """One step.

        **Arguments:**

        - `input`: the drive of populations by name: numbers, or arrays that broadcast against the population.

        **Returns:** the new state, and the output of every population by name.
        """
        drives = {} if input is None else input
        unknown = set(drives) - set(self.populations)
        if unknown:
            raise ValueError(f"Network: input for unknown {sorted(unknown)}; there are {sorted(self.populations)}.")
        histories = {name: history.turn() for name, history in state.histories.items()}
        populations = {
            name: p.decay(state.populations[name], dt=dt) if isinstance(p, Population) else state.populations[name]
            for name, p in self.populations.items()
        }
        populations, releases = self._deliver(populations, histories, state.releases, dt=dt, t=t, key=key)
        outputs = {}
        for i, (name, population) in enumerate(self.populations.items()):
            own = None if key is None else jax.random.fold_in(key, i)
            update = population.update if isinstance(population, Population) else population.step
            populations[name], outputs[name] = update(populations[name], drives.get(name), dt=dt, t=t, key=own)
        histories = {name: history.push(outputs[name].reshape(-1)) for name, history in histories.items()}
        return NetworkState(populations, histories, releases), outputs

    def _deliver(
        self,
        populations: dict[str, State],
        histories: dict[str, History],
        releases: dict[str, State],
        *,
        dt: float,
        t: Time,
        key: Key | None,
    ) -> tuple[dict[str, State], dict[str, State]]:
        releases = dict(releases)
        for i, (name, projection) in enumerate(self.projections.items()):
            x = _section(histories[projection.pre.name].read(projection.steps(dt)), projection.pre)
            if projection.release is not None:
                own = None if key is None else jax.random.fold_in(key, len(self.populations) + i)
                releases[name], x = projection.release.step(releases[name], x, dt=dt, t=t, key=own)
            target = projection.post.name
            populations[target] = self.populations[target].inject(
                populations[target], projection.receptor, lambda g, x=x, p=projection: _add_product(g, x, p)
            )
        return populations, releases

    def __repr__(self) -> str:
        cells = "\n".join(
            f"  {name}: {_kind(p)}, {'x'.join(map(str, p.shape))}" for name, p in self.populations.items()
        )
        synapses = "\n".join(
            f"  {name}: {type(p.comm).__name__} with {p.synapses} synapses"
            + (f", delay {p.delay:g} ms" if p.delay is not None else "")
            for name, p in self.projections.items()
        )
        return f"Network of\n{cells}\nand\n{synapses}" if synapses else f"Network of\n{cells}"


def _output(population: AbstractDynamics, state: State, dt: float, key: Key) -> Array:
    return population.step(state, None, dt=dt, key=key)[1]


def _add_product(g: Float[Array, "..."], x: Float[Array, " pre"], projection: Projection) -> Float[Array, "..."]:
    """The receptor's variable with one projection's arrivals added."""
    comm = projection.comm
    assert isinstance(comm, AbstractConnectivity)  # rules were resolved at construction
    x = x.astype(g.dtype)
    flat = g.reshape(-1)
    start, stop = projection.post.bounds(flat.shape[0])
    if (start, stop) == (0, flat.shape[0]):
        return comm.add_to(flat, x).reshape(g.shape)
    return flat.at[start:stop].set(comm.add_to(flat[start:stop], x)).reshape(g.shape)


def _kind(model: Any) -> str:
    """The name of a cell or source, with what its wrappers hold: `Refractory(LIF)`."""
    if isinstance(model, Population):
        return _kind(model.cell)
    inner = getattr(model, "cell", None)
    return type(model).__name__ + ("" if inner is None else f"({_kind(inner)})")


def _section(x: Float[Array, " size"], part: Any) -> Float[Array, " part"]:
    start, stop = part.bounds(x.shape[0])
    return x if (start, stop) == (0, x.shape[0]) else x[start:stop]


def _size(population: Any) -> int:
    return math.prod(population.shape)


def _named(projections: Sequence[Projection]) -> dict[str, Projection]:
    named: dict[str, Projection] = {}
    for projection in projections:
        if not isinstance(projection, Projection):
            raise TypeError(f"Network: `projections` holds a {type(projection).__name__}, not a Projection.")
        name, count = str(projection), 2
        while name in named:
            name, count = f"{projection} #{count}", count + 1
        named[name] = projection
    return named
