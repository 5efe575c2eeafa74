"""Projections that pass a function of two voltages: what arrives, and by how much it falls with the voltage of the target.

Of every target there are two sums over its synapses, of the current `a - b v`: `a` arrives at the receptor as everything
does, `b` loads the cell.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from .._interfaces import AbstractConnectivity, AbstractCoupling
from ..connect import CSR, Dense
from ..synapses import CUBA, Instant
from ._arrivals import Arrivals
from ._history import History
from ._population import Population


def line(projection: Any) -> str:
    """The name of what a projection reads: the output of its source, or the voltage."""
    return projection.pre.name if projection.coupling is None else f"{projection.pre.name}:voltage"


def passed(coupling: AbstractCoupling, pre: Float[Array, " pre"]) -> Float[Array, " pre"]:
    """What a product takes: `a`, or the voltage as it is where there is a function for each synapse."""
    affine = coupling.affine(pre)
    return pre if affine is None else affine.a


def is_affine(coupling: AbstractCoupling) -> bool:
    return coupling.affine(jnp.zeros(())) is not None


def loads(coupling: AbstractCoupling) -> bool:
    """Whether what is passed depends on the voltage of the target."""
    affine = coupling.affine(jnp.zeros(()))
    return affine is None or affine.b is not None


def looks_back(projection: Any) -> bool:
    """Whether each synapse reads its source as it was one delay ago: a voltage that is evaluated when it arrives cannot be sent
    ahead, nor what lies between steps."""
    if projection.interpolated is not None:
        return projection.interpolated.each
    return projection.delays and projection.coupling is not None and not is_affine(projection.coupling)


def sends_ahead(projection: Any) -> bool:
    """Whether what its synapses pass is under way to the receptor, each over a delay of its own."""
    return projection.delays and not looks_back(projection)


def seen(projection: Any, history: History, lag: int) -> Float[Array, " synapses"]:
    """Of a projection that looks back, what the sources of its synapses were, at their delays and `lag` steps more."""
    return history.read_each(projection.comm.delays + lag, _sources(projection, history))


def between_steps(
    projection: Any, history: History, lag: int, dt: float, is_phase: bool
) -> Float[Array, " sources_or_synapses"]:
    """Of a projection with an interpolated delay, what its sources were: one number for each source or synapse."""
    own = projection.interpolated
    sources = _sources(projection, history) if own.each else None
    x = own.read(
        history, projection.comm, sources, lag=lag, dt=dt, is_phase=is_phase and projection.coupling is not None
    )
    start, stop = projection.pre.bounds(history.last.shape[0])
    return x if own.each or x.shape == (stop - start,) else x[start:stop]


def _sources(projection: Any, history: History) -> Any:
    """Where in the history the source of each synapse is."""
    return jnp.asarray(synapses(projection.comm)[1], jnp.int32) + projection.pre.bounds(history.last.shape[0])[0]


def product(
    projection: Any, g: Float[Array, " post"], x: Float[Array, " sources_or_synapses"], active: Any
) -> Float[Array, " post"]:
    """A receptor's variable with what one projection passes."""
    x, comm = x.astype(g.dtype), projection.comm
    if looks_back(projection):
        weight, _, targets = synapses(comm)
        return g.at[targets].add((weight * x).astype(g.dtype))
    return comm.add_to(g, x) if active is None else comm.deliver(g, x, active=active)


def load(coupling: AbstractCoupling, comm: AbstractConnectivity, x: Float[Array, "..."]) -> Float[Array, " post"]:
    """`b` of an affine coupling. It does not change from step to step, so loops compute it once."""
    affine = coupling.affine(x)
    assert affine is not None and affine.b is not None
    return affine.b.astype(x.dtype) * comm(jnp.ones(comm.shape[0], x.dtype))


def over_synapses(
    projection: Any, pre: Float[Array, " pre"], post: Float[Array, " post"]
) -> tuple[Float[Array, " post"], Float[Array, " post"]]:
    """`a` and `b` of a coupling that is evaluated for each synapse, linearised around the voltages of the targets.

    **Arguments:**

    - `pre`: the voltages of sources, or, of a projection that looks back, those that its synapses see.
    """
    coupling = projection.coupling
    weight, sources, targets = synapses(projection.comm)
    u, v = pre if looks_back(projection) else pre[sources], post[targets]
    f, slope = jax.jvp(lambda v: coupling(u, v), (v,), (jnp.ones_like(v),))
    total = lambda x: jnp.zeros_like(post).at[targets].add((weight * x).astype(post.dtype))
    return total(f - slope * v), -total(slope)


def synapses(comm: Dense | CSR) -> tuple[Array, Any, Any]:
    """The weight, the source and the target of every synapse."""
    if isinstance(comm, CSR):
        return comm.weight, comm.rows, comm.indices
    n_pre, n_post = comm.shape
    return comm.weight.reshape(-1), np.repeat(np.arange(n_pre), n_post), np.tile(np.arange(n_post), n_pre)


def under_way(arrivals: Arrivals, sent: list[tuple[Any, Float[Array, " pre"], int]]) -> Arrivals:
    """Inputs under way before the first step, to a receptor whose sources have always been at their first voltages.

    **Arguments:**

    - `sent`: of every projection its matrix, what it passes, and how late its receptor is.
    """

    def step(_: Any, arrivals: Arrivals) -> Arrivals:
        arrivals = arrivals.turn()
        for comm, x, lag in sent:
            arrivals = arrivals.deliver(comm, x, None, lag)
        return arrivals.take()[1]

    return lax.fori_loop(0, max(comm.horizon + lag for comm, _, lag in sent) - 1, step, arrivals)


def resolved(name: str, projection: Any, populations: dict[str, Any]) -> Any:
    """A projection of a network with a matrix that its coupling can use; a `ValueError` if the coupling does not fit."""
    coupling, kind = projection.coupling, type(projection.coupling).__name__
    source = projection.pre.name
    if line(projection) in populations:
        raise ValueError(f"Network: the name {line(projection)!r} is taken by the voltage of {source!r}.")
    if not isinstance(populations[source], Population):
        raise ValueError(
            f"Network: projection {name!r} has the coupling {kind}, but its source {source!r} is a "
            f"{type(populations[source]).__name__}, which has no voltage; couple populations of cells."
        )
    receptor = populations[projection.post.name].receptors[projection.receptor]
    if loads(coupling) and not (isinstance(receptor.syn, Instant) and isinstance(receptor.out, CUBA)):
        raise ValueError(
            f"Network: projection {name!r} has the coupling {kind}, a current that depends on the voltage of the target, "
            f"so its receptor must be Receptor(Instant(), CUBA()), got {type(receptor.syn).__name__} and "
            f"{type(receptor.out).__name__}."
        )
    if is_affine(coupling):
        return projection
    return one_by_one(projection)


def one_by_one(projection: Any) -> Any:
    """The projection with a matrix whose synapses are stored one by one."""
    if isinstance(projection.comm, Dense | CSR):
        return projection
    return eqx.tree_at(lambda p: p.comm, projection, projection.comm.to_csr())
