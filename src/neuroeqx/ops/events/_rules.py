"""The primitives of events. All operands may carry a leading batch axis, or none does."""

import math

import jax.numpy as jnp
from jax.interpreters import ad, batching

from .._primitive import bind, make_primitive, result_type, zero_tangent
from . import _cpu, _reference, _triton


def _abstract(buffer, count, x, step, *, backend):
    return [result_type(state, state.shape) for state in (buffer, count)]


append_p = make_primitive(
    "neuroeqx_events_append", _abstract, _reference.append, _cpu.append, _triton.append, multiple_results=True
)


def _abstract_compact(x, *, backend):
    return [result_type(x, shape).update(dtype=jnp.dtype("int32")) for shape in (x.shape, x.shape[:-1])]


compact_p = make_primitive(
    "neuroeqx_events_compact",
    _abstract_compact,
    _reference.compact,
    _cpu.compact,
    _triton.compact,
    multiple_results=True,
)


def _jvp(primals, tangents, *, backend):
    results = bind(append_p, *primals, backend=backend)
    return results, [zero_tangent(result) for result in results]


def _batch(args, dims, *, backend):
    members = next(arg.shape[dim] for arg, dim in zip(args, dims, strict=True) if dim is not None)

    def fold(arg, dim):
        full = jnp.broadcast_to(arg, (members, *arg.shape)) if dim is None else jnp.moveaxis(arg, dim, 0)
        return jnp.reshape(full, (-1, *full.shape[2:])) if nested else full

    nested = args[2].ndim - (dims[2] is not None) == 2  # there is a batch axis already
    results = bind(append_p, *map(fold, args, dims), backend=backend)
    if nested:
        results = [jnp.reshape(result, (members, -1, *result.shape[1:])) for result in results]
    return results, [0, 0]


def _jvp_compact(primals, tangents, *, backend):
    results = bind(compact_p, *primals, backend=backend)
    return results, [zero_tangent(result) for result in results]


def _batch_compact(args, dims, *, backend):
    x = jnp.moveaxis(args[0], dims[0], 0)
    ids, count = bind(compact_p, x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), backend=backend)
    return [ids.reshape(x.shape), count.reshape(x.shape[:-1])], [0, 0]


ad.primitive_jvps[append_p] = _jvp
ad.primitive_jvps[compact_p] = _jvp_compact
batching.primitive_batchers[compact_p] = _batch_compact
batching.primitive_batchers[append_p] = _batch
