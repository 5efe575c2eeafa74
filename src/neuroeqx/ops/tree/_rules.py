"""The primitive of the solution of a tree, and its rules.

With v the solution A v = i, where A is symmetric, a tangent is A dv = di - dA v, so all derivatives are solutions of the same
tree with other sources.
"""

import jax.numpy as jnp
import numpy as np
from jax.interpreters import ad, batching

from .._primitive import bind, make_primitive, result_type, zero_tangent
from . import _cpu, _reference
from ._room import numbers


def _abstract(shunt, coupling, source, order, *, tree, backend):
    """The voltages, and room in which native code works."""
    return [result_type(source, shape) for shape in (source.shape, (numbers(source, tree),))]


solve_p = make_primitive(
    "neuroeqx_tree_solve", _abstract, _reference.solve, _cpu.solve, _reference.solve, multiple_results=True
)


def bind_solve(shunt, coupling, source, *, tree, backend):
    return bind(solve_p, shunt, coupling, source, jnp.asarray(tree.order), tree=tree, backend=backend)[0]


def _jvp(primals, tangents, **params):
    v, dv = _with_tangent(primals, tangents, **params)
    room = jnp.zeros(numbers(v, params["tree"]), v.dtype)
    return [v, room], [dv, zero_tangent(room)]


def _with_tangent(primals, tangents, *, tree, backend):
    shunt, coupling, source, _ = primals
    d_shunt, d_coupling, d_source, _ = tangents
    params = {"tree": tree, "backend": backend}
    v = bind_solve(shunt, coupling, source, **params)
    rest = ad.instantiate_zeros(d_source)
    if type(d_shunt) is not ad.Zero:
        rest = rest - d_shunt * v
    if type(d_coupling) is ad.Zero:
        return v, bind_solve(shunt, coupling, rest, **params)
    # Through a conductance flows a current also between nodes that have no entry of their own.
    size, nodes = source.shape[-1], len(tree)
    whole = lambda x: jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, nodes - size)])
    rest = whole(rest) + _currents(d_coupling, bind_solve(whole(shunt), coupling, whole(source), **params), tree)
    return v, bind_solve(whole(shunt), coupling, rest, **params)[..., :size]


def _currents(coupling, v, tree):
    """Into each node, along its conductances."""
    children = np.asarray([k for k in range(len(tree)) if k != tree.root], np.int32)
    if not children.size:
        return jnp.zeros_like(v)
    parents = np.asarray(tree.parent, np.int32)[children]
    flow = coupling[..., children] * (v[..., parents] - v[..., children])
    return jnp.zeros_like(v).at[..., children].add(flow, unique_indices=True).at[..., parents].add(-flow)


def _transpose(ct, shunt, coupling, source, order, *, tree, backend):
    if type(ct[0]) is ad.Zero or not ad.is_undefined_primal(source):
        return None, None, None, None
    return None, None, bind_solve(shunt, coupling, ct[0], tree=tree, backend=backend), None


def _batch(args, dims, *, tree, backend):
    """A new axis in front; a coupling that all members share stays as it is."""
    shunt, coupling, source, _ = args
    members = next(arg.shape[dim] for arg, dim in zip(args, dims, strict=True) if dim is not None)
    full = lambda x, dim: jnp.broadcast_to(x, (members, *x.shape)) if dim is None else jnp.moveaxis(x, dim, 0)
    shunt, source = full(shunt, dims[0]), full(source, dims[2])
    if dims[1] is not None or coupling.ndim > 1:
        coupling = full(coupling, dims[1])
        if coupling.ndim < source.ndim:
            gap = (1,) * (source.ndim - coupling.ndim)
            coupling = jnp.reshape(coupling, (members, *gap, coupling.shape[-1]))
            coupling = jnp.broadcast_to(coupling, (*source.shape[:-1], coupling.shape[-1]))
    v = bind_solve(shunt, coupling, source, tree=tree, backend=backend)
    return [v, jnp.zeros(numbers(v, tree), v.dtype)], [0, None]


ad.primitive_jvps[solve_p] = _jvp
ad.primitive_transposes[solve_p] = _transpose
batching.primitive_batchers[solve_p] = _batch
