"""How parameters act on the neurons that they belong to, carried forwards in time: eligibilities.

A step of a population is elementwise over its neurons. So the derivative of the state of a neuron by a parameter of its own,
or by the weight of a synapse onto it, follows from what it was a step earlier as long as paths through other neurons are left
out: for each synapse as many numbers as a neuron has variables, whatever the length of the run (Bellec et al. 2020;
Murray 2019). Which derivatives of the outputs these are multiplied with makes the difference between methods.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax import lax
from jaxtyping import Array, Float

from .._types import Key, State, Time
from ..connect import Dense
from ..network import Network, Population
from ._places import places


class Line(eqx.Module):
    """What a projection has sent in its last steps, for synapses with delays of their own.

    - `ring`: `[length, sources]`.
    - `cursor`: the row of the newest entry.
    """

    ring: Float[Array, "length pre"]
    cursor: Array

    @classmethod
    def silent(cls, length: int, x: Any) -> "Line":
        return cls(jnp.zeros((length, *x.shape), x.dtype), jnp.zeros((), jnp.int32))

    def push(self, x: Float[Array, " pre"]) -> "Line":
        cursor = (self.cursor + 1) % self.ring.shape[0]
        return Line(lax.dynamic_update_index_in_dim(self.ring, x, cursor, 0), cursor)

    def read(self, ago: Any, sources: Any) -> Float[Array, " synapses"]:
        return self.ring[(self.cursor - ago) % self.ring.shape[0], sources]


class Linear:
    """A step of a population as a linear map, about what it does in this step."""

    def __init__(
        self, population: Population, before: State, arrived: State, drive: Any, *, dt: float, t: Time, key: Key | None
    ):
        parameters, rest = eqx.partition(population, eqx.is_inexact_array)
        moving, still = eqx.partition(before, eqx.is_inexact_array)
        there, fixed = eqx.partition(arrived, eqx.is_inexact_array)
        self.shape = population.shape
        self.zeros = jtu.tree_map(jnp.zeros_like, (parameters, moving))

        def decay(parameters: Any, moving: Any) -> Any:
            decayed = eqx.combine(parameters, rest).decay(eqx.combine(moving, still), dt=dt)
            return eqx.filter(decayed, eqx.is_inexact_array)

        def inject(receptor: str, amount: Array) -> Any:
            return eqx.filter(population.inject(arrived, receptor, lambda g: g + amount), eqx.is_inexact_array)

        def update(parameters: Any, there: Any) -> Any:
            whole = eqx.combine(parameters, rest), eqx.combine(there, fixed)
            after, output = whole[0].update(whole[1], drive, dt=dt, t=t, key=key)
            return eqx.filter(after, eqx.is_inexact_array), output

        _, self._decay = jax.linearize(decay, parameters, moving)
        _, self._update = jax.linearize(update, parameters, there)
        self._inject = inject
        self._dtype = jnp.result_type(*jtu.tree_leaves(moving))

    def __call__(self, parameters: Any, before: Any) -> tuple[Any, Array]:
        """The changes of the state afterwards and of the output, with those of parameters and of the state before."""
        return self._update(parameters, self._decay(parameters, before))

    def arrival(self, receptor: str) -> tuple[Any, Array]:
        """With one unit more at a receptor of each neuron."""
        zero = jnp.zeros(self.shape, self._dtype)
        _, there = jax.jvp(lambda amount: self._inject(receptor, amount), (zero,), (jnp.ones_like(zero),))
        return self._update(self.zeros[0], there)

    def columns(self) -> list[tuple[list[Array], Array]]:
        """With one unit more of each variable, all neurons at once: a neuron's Jacobian, column by column."""
        leaves, treedef = jtu.tree_flatten(self.zeros[1])
        found = []
        for i, leaf in enumerate(leaves):
            unit = treedef.unflatten([*leaves[:i], jnp.ones_like(leaf), *leaves[i + 1 :]])
            after, output = self(self.zeros[0], unit)
            found.append((jtu.tree_leaves(after), output))
        return found


class Influence:
    """Which parameters of a network are followed, and how.

    Eligibilities are a pair: by parameters of populations the derivative of the state of each neuron, in the form of the
    state; by projections that of each synapse's target, `[synapses]` for each of its variables.

    **Arguments:**

    - `model`: the network.
    - `chosen`: a tree like it, true where a parameter is followed.
    - `spiking_only`: whether only populations that spike are followed.

    **Errors:** `TypeError` or `ValueError` for what cannot be followed.
    """

    def __init__(self, owner: str, model: Any, chosen: Any, *, spiking_only: bool):
        _check(owner, model)
        self.populations = [
            name
            for name, p in model.populations.items()
            if isinstance(p, Population) and (not spiking_only or p.is_spiking)
        ]
        wanted = lambda tree: [i for i, yes in enumerate(jtu.tree_leaves(tree)) if yes]
        self.leaves = {
            name: wanted(_aligned(model.populations[name], chosen.populations[name])) for name in self.populations
        }
        self.projections = [
            name
            for name, p in model.projections.items()
            if p.post.name in self.populations and any(jtu.tree_leaves(chosen.projections[name].comm))
        ]
        self.places = {name: places(owner, model.projections[name].comm) for name in self.projections}
        self.targets = {}
        for name in self.projections:
            start, _ = model.projections[name].post.bounds(model.populations[model.projections[name].post.name].size)
            self.targets[name] = self.places[name][1] + start

    def init(self, model: Network, state: State | None, dt: float, key: Key | None) -> Any:
        """Before the first step. A state that was given does not depend on parameters."""
        units, synapses, lines = {}, {}, {}
        for i, (name, population) in enumerate(model.populations.items()):
            if name not in self.populations:
                continue
            own = None if key is None else jax.random.fold_in(key, i)
            parameters, rest = eqx.partition(population, eqx.is_inexact_array)

            def start(parameters: Any, rest: Any = rest, own: Any = own) -> Any:
                return eqx.filter(eqx.combine(parameters, rest).init(dt=dt, key=own), eqx.is_inexact_array)

            for leaf in self.leaves[name]:
                _, change = jax.jvp(start, (parameters,), (_unit(parameters, leaf),))
                units[name, leaf] = change if state is None else jtu.tree_map(jnp.zeros_like, change)
        for name in self.projections:
            projection = model.projections[name]
            target = model.populations[projection.post.name]
            moving = jax.eval_shape(lambda p=target: eqx.filter(p.init(dt=dt, key=key), eqx.is_inexact_array))
            moving = jtu.tree_leaves(moving)
            if any(x.shape != target.shape for x in moving):
                raise ValueError(f"{projection.post.name!r} has variables that are not one number for each neuron.")
            count = self.targets[name].shape
            synapses[name] = [jnp.zeros(count, x.dtype) for x in moving]
            if self.places[name][2] is not None:
                lag = target.receptors[projection.receptor].lag
                x = jax.ShapeDtypeStruct((projection.comm.shape[0],), moving[0].dtype)  # pyright: ignore
                lines[name] = Line.silent(projection.comm.horizon + lag, x)  # pyright: ignore
        return units, synapses, lines

    def advance(
        self, model: Network, eligibilities: Any, state: State, drive: Any, *, dt: float, t: Time, key: Key | None
    ) -> tuple[Any, Any]:
        """One step on.

        **Returns:** the eligibilities after the step, and the derivatives of what neurons put out in it: a pair as
        eligibilities are, of arrays of the population's shape, and `[synapses]`.
        """
        units, synapses, lines = (dict(x) for x in eligibilities)
        arrived = model.arrive(state, dt=dt, t=t, key=key)
        outputs: tuple[dict[Any, Array], dict[str, Array]] = ({}, {})
        drives = {} if drive is None else drive
        for name in self.populations:
            population, before = model.populations[name], state.populations[name]
            into = [p for p in self.projections if model.projections[p].post.name == name]
            if not self.leaves[name] and not into:
                continue
            linear = Linear(
                population, before, arrived.populations[name], drives.get(name), dt=dt, t=t, key=model.key_of(name, key)
            )
            for leaf in self.leaves[name]:
                unit = _unit(linear.zeros[0], leaf)
                units[name, leaf], outputs[0][name, leaf] = linear(unit, units[name, leaf])
            columns = linear.columns() if into else []
            for p in into:
                x, lines = self._input(model, p, arrived.sent[p], lines)
                spread = lambda y, p=p: y.reshape(-1)[self.targets[p]]
                after, output = linear.arrival(model.projections[p].receptor)
                new = [spread(y) * x for y in jtu.tree_leaves(after)]
                out = spread(output) * x
                for old, (column, at_output) in zip(synapses[p], columns, strict=True):
                    new = [y + spread(c) * old for y, c in zip(new, column, strict=True)]
                    out = out + spread(at_output) * old
                synapses[p], outputs[1][p] = new, out
        return (units, synapses, lines), outputs

    def _input(self, model: Network, name: str, x: Array, lines: Any) -> tuple[Array, Any]:
        """What arrives at each synapse of a projection in this step."""
        sources, _, delays = self.places[name]
        if delays is None:
            return x[sources], lines
        projection = model.projections[name]
        lag = model.populations[projection.post.name].receptors[projection.receptor].lag
        line = lines[name].push(x)
        return line.read(delays - 1 + lag, sources), {**lines, name: line}

    def gradient(self, model: Network, signals: dict[str, Array], derivatives: Any) -> Any:
        """The derivatives of outputs (or of a variable) times signals of the same neurons, as a gradient of each parameter."""
        units, synapses = derivatives
        by_unit = {
            (name, leaf): _sum_to(signals[name] * value, _leaf(model.populations[name], leaf).shape)
            for (name, leaf), value in units.items()
        }
        by_synapse = {}
        for name, value in synapses.items():
            signal = signals[model.projections[name].post.name].reshape(-1)[self.targets[name]]
            shape = model.projections[name].comm.weight.shape  # pyright: ignore
            by_synapse[name] = _sum_to((signal * value).reshape(_whole(model.projections[name].comm)), shape)
        return by_unit, by_synapse

    def nothing(self, model: Network) -> Any:
        """Gradients of zero."""
        by_unit = {
            (name, leaf): jnp.zeros_like(_leaf(model.populations[name], leaf))
            for name in self.populations
            for leaf in self.leaves[name]
        }
        return by_unit, {p: jnp.zeros_like(model.projections[p].comm.weight) for p in self.projections}  # pyright: ignore

    def as_tree(self, model: Network, gradient: Any) -> Network:
        """Zeros for all parameters but for those that are followed."""
        by_unit, by_synapse = gradient
        zeros = jtu.tree_map(jnp.zeros_like, eqx.filter(model, eqx.is_inexact_array))
        for name in self.populations:
            leaves, treedef = jtu.tree_flatten(zeros.populations[name])
            for leaf in self.leaves[name]:
                leaves[leaf] = by_unit[name, leaf]
            zeros = eqx.tree_at(lambda m, n=name: m.populations[n], zeros, treedef.unflatten(leaves))
        for name in self.projections:
            zeros = eqx.tree_at(lambda m, n=name: m.projections[n].comm.weight, zeros, by_synapse[name])
        return zeros


def _check(owner: str, model: Any) -> None:
    if not isinstance(model, Network):
        raise TypeError(f"{owner}: the model must be a Network, got {type(model).__name__}.")
    for name, projection in model.projections.items():
        if projection.plasticity is not None or projection.coupling is not None:
            kind = "plasticity" if projection.plasticity is not None else "a coupling"
            raise ValueError(f"{owner}: projection {name!r} has {kind}, through which eligibilities are not followed.")
        if projection.interpolated is not None:
            raise ValueError(
                f"{owner}: projection {name!r} has `delay`=Interpolated(...), through which eligibilities are not followed."
            )


def _aligned(population: Population, chosen: Any) -> Any:
    """Of each inexact leaf whether it is chosen."""
    return jtu.tree_map(lambda x, yes: yes if eqx.is_inexact_array(x) else None, population, chosen)


def _unit(parameters: Any, leaf: int) -> Any:
    """Ones in one leaf, zeros in the others."""
    leaves, treedef = jtu.tree_flatten(parameters)
    return treedef.unflatten([jnp.full_like(x, float(i == leaf)) for i, x in enumerate(leaves)])


def _leaf(population: Population, leaf: int) -> Array:
    return jtu.tree_leaves(eqx.filter(population, eqx.is_inexact_array))[leaf]


def _sum_to(x: Array, shape: tuple[int, ...]) -> Array:
    """Summed over the axes along which an array of this shape is repeated."""
    extra = x.ndim - len(shape)
    x = x.sum(tuple(range(extra)))
    short = tuple(i for i, n in enumerate(shape) if n == 1 and x.shape[i] != 1)
    return x.sum(short, keepdims=True)


def _whole(comm: Any) -> tuple[int, ...]:
    """The shape of an array with a number for each synapse."""
    return comm.shape if isinstance(comm, Dense) else comm.columns.shape
