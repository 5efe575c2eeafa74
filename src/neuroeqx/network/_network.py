"""Networks: populations and the projections between them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .. import ops
from .._abstract import eval_shape
from .._interfaces import AbstractDynamics, AbstractPlasticity, AbstractSparseConnectivity
from .._types import Key, State, Time
from .._voltage import voltage
from . import _coupling, _plastic
from ._arrivals import Arrivals
from ._describe import described
from ._history import History
from ._interpolated import in_range
from ._plastic import Traces
from ._population import Population
from ._projection import named_projections, Projection
from ._resolved import resolved


class NetworkState(eqx.Module):
    """The state of every population, the recent output of every source, the release state of projections, the inputs
    under way to receptors that are reached by synapses with delays of their own, and of plastic projections the weights and
    what their rules keep."""

    populations: dict[str, State]
    histories: dict[str, History]
    releases: dict[str, State]
    arrivals: dict[str, Arrivals]
    weights: dict[str, Array]
    traces: Traces


class Arrived(eqx.Module):
    """A network in the middle of a step: receptors have decayed and received, and no cell has moved yet.

    - `sent`: what arrives at the synapses of each projection: one number for each source, or for each that looks back.
    - `loads`: the conductances of couplings, of whole populations.
    """

    populations: dict[str, State]
    histories: dict[str, History]
    releases: dict[str, State]
    arrivals: dict[str, Arrivals]
    sent: dict[str, Float[Array, " sources_or_synapses"]]
    loads: dict[str, Float[Array, " post"]]


class Network(AbstractDynamics):
    """Populations and the projections between them.

    One step, for all populations alike: receptors decay; what the sources put out `delay` earlier arrives and is added;
    cells move under the resulting currents and the drive; their outputs are remembered; what arrived and what targets put
    out changes weights. Nothing depends on the order in which populations or projections were given.

    `plasticity` holds the learning rules of projections by name: that of their class, `"STDP"`, then `"STDP #2"`, in the
    order in which projections were given. They are parameters, trainable as others are; weights are in the state.

    **Arguments:**

    - `populations`: by name. Besides `Population`, any `AbstractDynamics` with a `shape` can be a source (`Poisson`,
        `SpikeTimes`).
    - `projections`: a list, or a dictionary by name. Those of a list are named `"pre->post:receptor"`.
    - `key`: needed if any connectivity is random; each projection draws from `fold_in(key, its position)`.

    **Errors:** `ValueError` for unknown names and connectivities that do not fit, naming the projection.
    """

    populations: dict[str, Any]
    projections: dict[str, Projection]
    plasticity: dict[str, AbstractPlasticity]

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
        named = projections if isinstance(projections, Mapping) else named_projections(projections)
        drawn = {
            name: resolved(name, projection, self.populations, None if key is None else jax.random.fold_in(key, i))
            for i, (name, projection) in enumerate(named.items())
        }
        # By identity, so before anything rebuilds the projections.
        rules, owned = _plastic.named_rules(named, self.populations)
        drawn = {name: _plastic.with_rules(name, p, owned[name]) for name, p in drawn.items()}
        self.plasticity = dict(sorted(rules.items()))
        self.projections = dict(sorted(drawn.items()))

    @property
    def driven(self) -> dict[str, tuple[int, ...] | None]:
        """What takes an input: populations, by their shape, and learning rules with a third factor."""
        rules = {name: None for name, rule in self.plasticity.items() if rule.is_modulated}
        return {name: population.shape for name, population in self.populations.items()} | rules

    def init(self, *, dt: float, key: Key | None = None) -> NetworkState:
        """The state before the first step: cells at their initial values, no input under way."""
        populations = {}
        for i, (name, population) in enumerate(self.populations.items()):
            own = None if key is None else jax.random.fold_in(key, i)
            populations[name] = population.init(dt=dt, key=own)
        lengths: dict[str, int] = {}
        releases = {}
        for name, projection in self.projections.items():
            line = _coupling.line(projection)
            lengths[line] = max(lengths.get(line, 1), self._room(projection, dt))
            if projection.release is not None:
                releases[name] = projection.release.init((projection.comm.shape[0],))  # pyright: ignore
        histories = {}
        for line, length in lengths.items():
            if line in populations:
                output = self._output_of(line, populations[line], dt)
                histories[line] = History.silent(_size(self.populations[line]), length, output.dtype)
        for projection in self.projections.values():
            if projection.coupling is not None:
                line = _coupling.line(projection)
                histories[line] = History.constant(_voltages(populations[projection.pre.name]), lengths[line])
        weights, traces = _plastic.init(self, populations, dt)
        state = NetworkState(populations, histories, releases, self._no_arrivals(populations), weights, traces)
        return in_range(self, state, dt)

    def _no_arrivals(self, populations: dict[str, State]) -> dict[str, Arrivals]:
        lengths: dict[str, int] = {}
        arrivals = {}
        for projection in self.projections.values():
            if _coupling.sends_ahead(projection):
                target = self.populations[projection.post.name]
                start, stop = projection.post.bounds(target.size)
                place = _place(projection)
                horizon = projection.comm.horizon + self._lag(projection)  # pyright: ignore
                lengths[place] = max(lengths.get(place, 1), horizon)
                state = populations[projection.post.name].receptors[projection.receptor]
                dtype = jtu.tree_leaves(state)[0].dtype
                arrivals[place] = Arrivals.none(stop - start, lengths[place], dtype)
        sent: dict[str, list[Any]] = {}
        for projection in self.projections.values():
            if _coupling.sends_ahead(projection) and projection.coupling is not None:
                v = _section(_voltages(populations[projection.pre.name]), projection.pre)
                x = _coupling.passed(projection.coupling, v)
                sent.setdefault(_place(projection), []).append((projection.comm, x, self._lag(projection)))
        return arrivals | {place: _coupling.under_way(arrivals[place], x) for place, x in sent.items()}

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

        - `input`: the drive of populations by name: numbers, or arrays that broadcast against the population. By the name
            of a learning rule its third factor.

        **Returns:** the new state, and the output of every population by name.
        """
        drives = {} if input is None else input
        unknown = set(drives) - set(self.driven)
        if unknown:
            raise ValueError(f"Network: input for unknown {sorted(unknown)}; there are {list(self.driven)}.")
        arrived = self.arrive(state, dt=dt, t=t, key=key)
        populations, histories, outputs = dict(arrived.populations), arrived.histories, {}
        for name, population in self.populations.items():
            update = population.update if isinstance(population, Population) else population.step
            load = {"load": arrived.loads[name].reshape(population.shape)} if name in arrived.loads else {}
            own = self.key_of(name, key)
            populations[name], outputs[name] = update(populations[name], drives.get(name), dt=dt, t=t, key=own, **load)
        weights, traces = _plastic.learn(
            self,
            state.weights,
            state.traces,
            histories=histories,
            populations=populations,
            outputs=outputs,
            factors={name: drives.get(name) for name in self.plasticity},
            dt=dt,
        )
        now = {name: output.reshape(-1) for name, output in outputs.items()}
        for projection in self.projections.values():
            if projection.coupling is not None:
                now[_coupling.line(projection)] = _voltages(populations[projection.pre.name])
        histories = {line: history.push(now[line]) for line, history in histories.items()}
        return NetworkState(populations, histories, arrived.releases, arrived.arrivals, weights, traces), outputs

    def arrive(self, state: NetworkState, *, dt: float, t: Time = 0.0, key: Key | None = None) -> Arrived:
        """The first part of a step, until all that is under way to the receptors has arrived."""
        histories = {name: history.turn() for name, history in state.histories.items()}
        populations = {
            name: p.decay(state.populations[name], dt=dt) if isinstance(p, Population) else state.populations[name]
            for name, p in self.populations.items()
        }
        sent, releases = self._sent(histories, state.releases, dt=dt, t=t, key=key)
        populations, arrivals, loads = self._deliver(populations, sent, state.arrivals, state.weights)
        return Arrived(populations, histories, releases, arrivals, {name: x for name, (x, _) in sent.items()}, loads)

    def key_of(self, population: str, key: Key | None) -> Key | None:
        """The key with which a population moves, of that of a step."""
        return None if key is None else jax.random.fold_in(key, list(self.populations).index(population))

    def _sent(
        self, histories: dict[str, History], releases: dict[str, State], *, dt: float, t: Time, key: Key | None
    ) -> tuple[dict[str, tuple[Array, Any]], dict[str, State]]:
        """What arrives at the synapses of every projection: a vector, and the list of its active entries where several
        projections share it."""
        releases, sent = dict(releases), {}
        shared = self._shared(dt)
        lists = {}
        for i, (name, projection) in enumerate(self.projections.items()):
            source, history = projection.pre.name, histories[_coupling.line(projection)]
            late, active = self._lag(projection), None
            if projection.interpolated is not None:
                is_phase = getattr(self.populations[source], "is_phase", False)
                lag, whole = 0, None
                x = _coupling.between_steps(projection, history, late, dt, is_phase)
            elif _coupling.looks_back(projection):
                lag, whole = 0, None
                x = _coupling.seen(projection, history, late)
            else:
                lag = self._steps(projection, dt)
                whole = history.read(lag)
                x = _section(whole, projection.pre)
            if projection.coupling is not None:
                x = _coupling.passed(projection.coupling, x)
            elif projection.release is not None:
                own = None if key is None else jax.random.fold_in(key, len(self.populations) + i)
                releases[name], x = projection.release.step(releases[name], x, dt=dt, t=t, key=own)
            elif whole is not None and x is whole and shared.get((source, lag), 0) > 1 and _walks(projection):
                if (source, lag) not in lists:
                    lists[source, lag] = ops.events.compact(whole)
                active = lists[source, lag]
            sent[name] = x, active
        return sent, releases

    def _lag(self, projection: Projection) -> int:
        return self.populations[projection.post.name].receptors[projection.receptor].lag

    def _room(self, projection: Projection, dt: float) -> int:
        """How many steps of its source a projection needs."""
        if projection.interpolated is not None:
            return projection.interpolated.room(dt, self._lag(projection))
        if _coupling.looks_back(projection):
            return projection.comm.horizon + self._lag(projection)  # pyright: ignore
        return self._steps(projection, dt)

    def _steps(self, projection: Projection, dt: float) -> int:
        """How many steps ago what acts now was sent, or is read to be sent on with delays of its own."""
        return projection.steps(dt) + (0 if projection.delays else self._lag(projection))

    def _shared(self, dt: float) -> dict[tuple[str, int], int]:
        """How many projections walk along the active rows of one vector: all of a source, at one lag."""
        counts: dict[tuple[str, int], int] = {}
        for projection in self.projections.values():
            whole = projection.pre.bounds(_size(self.populations[projection.pre.name]))
            if whole == (0, _size(self.populations[projection.pre.name])) and _walks(projection):
                source = projection.pre.name, self._steps(projection, dt)
                counts[source] = counts.get(source, 0) + 1
        return counts

    def _deliver(
        self,
        populations: dict[str, State],
        sent: dict[str, tuple[Array, Any]],
        arrivals: dict[str, Arrivals],
        weights: dict[str, Array],
    ) -> tuple[dict[str, State], dict[str, Arrivals], dict[str, Array]]:
        """Every projection's product, added to its receptor, or to what is under way to it; and the conductances with
        which couplings load their targets."""
        loads: dict[str, Array] = {}
        arrivals = {place: under_way.turn() for place, under_way in arrivals.items()}
        for name, projection in self.projections.items():
            if name in weights:
                projection = eqx.tree_at(lambda p: p.comm.weight, projection, weights[name])
            x, active = sent[name]
            add = lambda g, p=projection, x=x, a=active: _coupling.product(p, g, x, a)
            if projection.coupling is not None and _coupling.loads(projection.coupling):
                add, loads = self._load(projection, x, populations, loads, add)
            if _coupling.sends_ahead(projection):
                place = _place(projection)
                arrivals[place] = arrivals[place].deliver(projection.comm, x, active, self._lag(projection))  # pyright: ignore
            else:
                populations = self._inject(populations, projection, add)
        due = {_place(p): p for p in self.projections.values() if _coupling.sends_ahead(p)}
        for place, projection in due.items():
            now, arrivals[place] = arrivals[place].take()
            populations = self._inject(populations, projection, lambda g, now=now: g + now)
        return populations, arrivals, loads

    def _load(
        self, projection: Projection, x: Array, populations: dict[str, State], loads: dict[str, Array], add: Any
    ) -> tuple[Any, dict[str, Array]]:
        """What a coupling adds to its receptor, and the loads of all populations with its own."""
        coupling, comm, target = projection.coupling, projection.comm, projection.post.name
        v = _voltages(populations[target])
        if _coupling.is_affine(coupling):  # pyright: ignore
            b = _coupling.load(coupling, comm, x)  # pyright: ignore
        else:
            a, b = _coupling.over_synapses(projection, x, _section(v, projection.post))
            add = lambda g: g + a
        start, stop = projection.post.bounds(v.shape[0])
        whole = b if (start, stop) == (0, v.shape[0]) else jnp.zeros_like(v).at[start:stop].set(b)
        return add, loads | {target: loads[target] + whole if target in loads else whole}

    def _inject(self, populations: dict[str, State], projection: Projection, add: Any) -> dict[str, State]:
        """`add`, from the receptor's variable of the targets to that with arrivals, applied to those of a projection."""
        target = projection.post.name
        population = self.populations[target]

        def inject(g: Float[Array, "..."]) -> Float[Array, "..."]:
            flat = g.reshape(-1)
            start, stop = projection.post.bounds(flat.shape[0])
            if (start, stop) == (0, flat.shape[0]):
                return add(flat).reshape(g.shape)
            return flat.at[start:stop].set(add(flat[start:stop])).reshape(g.shape)

        return {**populations, target: population.inject(populations[target], projection.receptor, inject)}

    def __repr__(self) -> str:
        return described(self)


def _output(population: AbstractDynamics, state: State, dt: float, key: Key) -> Array:
    return population.step(state, None, dt=dt, key=key)[1]


def _place(projection: Projection) -> str:
    """The receptor of the cells that a projection reaches."""
    return f"{projection.post}:{projection.receptor}"


def _walks(projection: Projection) -> bool:
    """Whether a projection walks along the active rows of its source's output, as it is."""
    sends_output = projection.release is None and projection.coupling is None and projection.interpolated is None
    return sends_output and isinstance(projection.comm, AbstractSparseConnectivity)


def _section(x: Float[Array, " size"], part: Any) -> Float[Array, " part"]:
    start, stop = part.bounds(x.shape[0])
    return x if (start, stop) == (0, x.shape[0]) else x[start:stop]


def _voltages(state: State) -> Float[Array, " size"]:
    """The voltages of a population, flattened."""
    return voltage(state).reshape(-1)


def _size(population: Any) -> int:
    return math.prod(population.shape)
