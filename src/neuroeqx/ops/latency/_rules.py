"""The primitives of products with single spikes, and their rules.

Both are linear, and each other's transpose: `add_rows` is sum_i W_ij [step of i in member m is t], a function of W, and `outer`
its transpose, summed over members. Operands have an axis of members, which `vmap` over spikes makes longer: it lies behind
that of time, where scans over time want it.
"""

import functools
import math

import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching

from .._primitive import bind, make_primitive, result_type
from . import _cpu, _reference


def _abstract_add_rows(weight, steps, *, length, backend):
    return result_type(weight, (length, steps.shape[0], weight.shape[1]))


def _abstract_outer(g, steps, *, backend):
    return result_type(g, (steps.shape[1], g.shape[2]))


add_rows_p = make_primitive(
    "neuroeqx_latency_add_rows", _abstract_add_rows, _reference.add_rows, _cpu.add_rows, _reference.add_rows
)
outer_p = make_primitive("neuroeqx_latency_outer", _abstract_outer, _reference.outer, _cpu.outer, _reference.outer)


def _jvp(primitive, primals, tangents, **params):
    (x, steps), (dx, _) = primals, tangents
    return bind(primitive, x, steps, **params), bind(primitive, ad.instantiate_zeros(dx), steps, **params)


def _transpose_add_rows(ct, weight, steps, *, length, backend):
    del weight, length
    return None if type(ct) is ad.Zero else bind(outer_p, ct, steps, backend=backend), None


def _transpose_outer(ct, g, steps, *, backend):
    if type(ct) is ad.Zero:
        return None, None
    return bind(add_rows_p, ct, steps, length=g.aval.shape[0], backend=backend), None


def _one_by_one(primitive, args, dims, params):
    """A batch of weights, or of what is summed over: one after the other."""
    moved = [arg if dim is None else jnp.moveaxis(arg, dim, 0) for arg, dim in zip(args, dims, strict=True)]
    mapped = [arg for arg, dim in zip(moved, dims, strict=True) if dim is not None]

    def one(members):
        rest = iter(members)
        full = [arg if dim is None else next(rest) for arg, dim in zip(moved, dims, strict=True)]
        return bind(primitive, *full, **params)

    return lax.map(one, mapped), 0


def _batch_add_rows(args, dims, **params):
    (weight, steps), (d_weight, d_steps) = args, dims
    if d_weight is not None:
        return _one_by_one(add_rows_p, args, dims, params)
    steps = jnp.moveaxis(steps, d_steps, 0)
    y = bind(add_rows_p, weight, steps.reshape(math.prod(steps.shape[:2]), steps.shape[2]), **params)
    return y.reshape(y.shape[0], *steps.shape[:2], y.shape[2]), 1


def _batch_outer(args, dims, **params):
    return _one_by_one(outer_p, args, dims, params)


for _primitive, _transpose, _batch in (
    (add_rows_p, _transpose_add_rows, _batch_add_rows),
    (outer_p, _transpose_outer, _batch_outer),
):
    ad.primitive_jvps[_primitive] = functools.partial(_jvp, _primitive)
    ad.primitive_transposes[_primitive] = _transpose
    batching.primitive_batchers[_primitive] = _batch
