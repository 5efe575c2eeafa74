"""A run of one population after the other, between which nothing is kept but spikes."""

import graphlib
from collections.abc import Callable
from typing import Any

import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .._checkpointed import from_bits, to_bits
from .._interfaces import AbstractDynamics
from .._simulate import check_inputs
from .._types import Key, Time
from ..network import Network, Population
from ..sources import Samples
from ._objective import Objective


class Relay(AbstractDynamics):
    """In place of a population: puts out what it is given."""

    shape: tuple[int, ...] = eqx.field(static=True)

    def init(self, *, dt: float, key: Key | None = None) -> None:
        del dt, key

    def step(
        self, state: None, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[None, Float[Array, "..."]]:
        del state, dt, t, key
        return None, jnp.zeros(self.shape) if input is None else input


def why_not(model: Any, key: Any, state: Any) -> str:
    """Why a run of a model, or of its shapes, cannot be divided into parts, or ''."""
    if not isinstance(model, Network):
        return f"the model is no Network, but {type(model).__name__}"
    if state is not None:
        return "the run begins with a `state` that is given"
    if model.plasticity:
        return "weights change during the run"
    if key is not None and any(p.release is not None for p in model.projections.values()):
        return "releases may draw from the key of the whole network"
    if len(parts(model)) < 2:
        return "all its populations drive each other"
    return ""


def parts(model: Network) -> list[list[str]]:
    """Names of the populations that drive each other, each such set before those that it drives. Sources are none of them."""
    names = [name for name, population in model.populations.items() if isinstance(population, Population)]
    edges: list[tuple[int, int]] = []
    for projection in model.projections.values():
        if projection.pre.name in names:
            edge = names.index(projection.pre.name), names.index(projection.post.name)
            # What a coupling passes is a voltage, which is not kept.
            edges += [edge] if projection.coupling is None else [edge, edge[::-1]]
    pre, post = np.asarray(edges, int).reshape(-1, 2).T
    links = coo_array((np.ones(len(edges)), (pre, post)), (len(names), len(names)))
    number, labels = connected_components(links, connection="strong")
    before: dict[int, set[int]] = {i: set() for i in range(number)}
    for i, j in zip(labels[pre], labels[post], strict=True):
        before[int(j)] |= {int(i)} - {int(j)}
    order = graphlib.TopologicalSorter(before).static_order()
    return [[name for name, label in zip(names, labels, strict=True) if label == i] for i in order]


def outputs_in_parts(objective: Objective, model: Network, inputs: Any, *, key: Key | None) -> dict[str, Any]:
    """As `objective.outputs`. For derivatives each part is run again, with the spikes of those before it, of which bits are
    kept; only while one part is differentiated is all there that its derivatives need."""
    check_inputs(model, inputs, objective.steps)
    drives, done = {} if inputs is None else dict(inputs), {}
    read = {projection.pre.name for projection in model.projections.values()}
    alone = [[name] for name, x in model.populations.items() if not isinstance(x, Population) and name not in read]
    for part in [*parts(model), *alone]:
        sub, seen = _part(model, part)
        moved = [name for name, population in sub.populations.items() if not isinstance(population, Relay)]
        names = [name for name in moved if name not in done]
        given = {name: drive for name, drive in drives.items() if name in moved}
        before = {name: done[name] for name in seen}
        bits = {name: to_bits(x) for name, x in before.items() if model.populations[name].is_spiking}

        def run(sub: Network, given: Any, key: Any, before: Any, names: list[str] = names) -> dict[str, Array]:
            drives = given | {name: Samples(x) for name, x in before.items()}
            # Not fused: a native forward run could round otherwise than that of the derivatives, and spike otherwise.
            return objective.outputs(sub, drives, key=key, state=None, names=names, fused=False)

        done |= _run_again(run, bits, sub, given, key, before)
    return done


def _run_again(run: Callable[..., Any], bits: dict[str, Array], *args: Any) -> Any:
    """`run(*args)`, of which the last is a dictionary that has `bits` of some of its values. For its derivatives it is
    computed again, and not before they are wanted (by `jax.checkpoint` all parts may be there at a time)."""
    arrays, static = eqx.partition(args, eqx.is_array)
    floats, others = eqx.partition(arrays, eqx.is_inexact_array)
    spikes = lambda floats: [floats[-1][name] for name in bits]
    shapes = [(x.shape, x.dtype) for x in spikes(floats)]

    def whole(floats: Any, bits: Any) -> Any:
        values = [from_bits(*each, x) for each, x in zip(shapes, bits.values(), strict=True)]
        return eqx.tree_at(spikes, floats, values, is_leaf=lambda x: x is None) if values else floats

    @jax.custom_vjp
    def again(floats: Any, bits: Any, others: Any) -> Any:
        del bits
        return run(*eqx.combine(floats, others, static))

    def forward(floats: Any, bits: Any, others: Any) -> Any:
        return again(floats, bits, others), (
            eqx.tree_at(spikes, floats, [None] * len(bits)) if bits else floats,
            bits,
            others,
        )

    def backward(kept: Any, slopes: Any) -> Any:
        def derivatives() -> Any:
            floats, bits, others = kept
            return jax.vjp(lambda floats: run(*eqx.combine(floats, others, static)), whole(floats, bits))[1](slopes)[0]

        # A branch has what it needs only when it is there; the compiler would move all else to the front of the program.
        wanted = eqxi.unvmap_any(jnp.stack([jnp.any(x != 0.0) for x in jtu.tree_leaves(slopes)]))
        return lax.cond(wanted, derivatives, lambda: jtu.tree_map(jnp.zeros_like, whole(*kept[:2]))), None, None

    again.defvjp(forward, backward)
    return again(floats, bits, others)


def _part(model: Network, names: list[str]) -> tuple[Network, list[str]]:
    """The network with relays instead of all populations but these, and the names of those that they read. Populations keep
    their places, by which they have their keys."""
    projections = {name: p for name, p in model.projections.items() if p.post.name in names}
    read = {p.pre.name for p in projections.values()}
    populations = {
        name: x
        if name in names or name in read and not isinstance(x, Population)
        else Relay(x.shape if name in read else (0,))
        for name, x in model.populations.items()
    }
    part = eqx.tree_at(lambda m: (m.populations, m.projections), model, (populations, projections))
    return part, sorted(name for name in read if isinstance(populations[name], Relay))
