"""The primitives of products with single spikes, and their rules.

`add_rows` is sum_i W_ij [step of i in member m is t], a linear function of W, and `outer` its transpose, summed over members;
so each one's derivatives are the other. Both follow a list that `sort` makes once: for each member the sources in the order of
their steps, and where in it each step begins. Operands may have an axis of members, all or none: the first one of lists, and
behind that of time in what there is for each step, where scans over time want it.
"""

import functools
import math

import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching

from .._primitive import bind, make_primitive, result_type, zero_tangent
from . import _cpu, _reference


def _abstract_sort(steps, *, length, backend):
    return [result_type(steps, shape) for shape in (steps.shape, (*steps.shape[:-1], length + 1))]


def _abstract_add_rows(weight, steps, ids, bounds, *, backend):
    return result_type(weight, (bounds.shape[-1] - 1, *steps.shape[:-1], weight.shape[1]))


def _abstract_outer(g, steps, ids, bounds, *, backend):
    return result_type(g, (steps.shape[-1], g.shape[-1]))


# What is lowered to is written for a batch of members.


def _sort(function):
    def sort(steps, **params):
        results = function(jnp.atleast_2d(steps), **params)
        return [x.reshape(*steps.shape[:-1], x.shape[1]) for x in results]

    return sort


def _add_rows(function):
    def add_rows(weight, *lists):
        y = function(weight, *map(jnp.atleast_2d, lists))
        return y.reshape(y.shape[0], *lists[0].shape[:-1], y.shape[2])

    return add_rows


def _outer(function):
    def outer(g, *lists):
        members = math.prod(lists[0].shape[:-1])
        return function(g.reshape(g.shape[0], members, g.shape[-1]), *map(jnp.atleast_2d, lists))

    return outer


def _backends(name, wrapped):
    return [wrapped(getattr(backend, name)) for backend in (_reference, _cpu, _reference)]


sort_p = make_primitive("neuroeqx_latency_sort", _abstract_sort, *_backends("sort", _sort), multiple_results=True)
add_rows_p = make_primitive("neuroeqx_latency_add_rows", _abstract_add_rows, *_backends("add_rows", _add_rows))
outer_p = make_primitive("neuroeqx_latency_outer", _abstract_outer, *_backends("outer", _outer))


def _jvp_sort(primals, tangents, **params):
    results = bind(sort_p, *primals, **params)
    return results, [zero_tangent(result) for result in results]


def _jvp(primitive, primals, tangents, **params):
    (x, *lists), (dx, *_) = primals, tangents
    return bind(primitive, x, *lists, **params), bind(primitive, ad.instantiate_zeros(dx), *lists, **params)


def _transpose(other, ct, x, *lists, **params):
    del x
    return None if type(ct) is ad.Zero else bind(other, ct, *lists, **params), *(None for _ in lists)


def _one_by_one(primitive, args, dims, params):
    """A batch of weights, or of what is summed over: one after the other."""
    moved = [arg if dim is None else jnp.moveaxis(arg, dim, 0) for arg, dim in zip(args, dims, strict=True)]
    mapped = [arg for arg, dim in zip(moved, dims, strict=True) if dim is not None]

    def one(members):
        rest = iter(members)
        full = [arg if dim is None else next(rest) for arg, dim in zip(moved, dims, strict=True)]
        return bind(primitive, *full, **params)

    return lax.map(one, mapped), 0


def _fold(x, dim):
    """Makes a new axis part of that of members, or that axis if there is none."""
    x = jnp.moveaxis(x, dim, 0)
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _batch_sort(args, dims, **params):
    [steps], [dim] = args, dims
    steps = jnp.moveaxis(steps, dim, 0)
    results = bind(sort_p, _fold(steps, 0), **params)
    return [x.reshape(*steps.shape[:-1], x.shape[-1]) for x in results], [0, 0]


def _batch_add_rows(args, dims, **params):
    (weight, *lists), (d_weight, *d_lists) = args, dims
    if d_weight is not None or None in d_lists:
        return _one_by_one(add_rows_p, args, dims, params)
    y = bind(add_rows_p, weight, *map(_fold, lists, d_lists), **params)
    steps = jnp.moveaxis(lists[0], d_lists[0], 0)
    return y.reshape(y.shape[0], *steps.shape[:-1], y.shape[-1]), 1


def _batch_outer(args, dims, **params):
    return _one_by_one(outer_p, args, dims, params)


ad.primitive_jvps[sort_p] = _jvp_sort
batching.primitive_batchers[sort_p] = _batch_sort
for _primitive, _other, _batch in ((add_rows_p, outer_p, _batch_add_rows), (outer_p, add_rows_p, _batch_outer)):
    ad.primitive_jvps[_primitive] = functools.partial(_jvp, _primitive)
    ad.primitive_transposes[_primitive] = functools.partial(_transpose, _other)
    batching.primitive_batchers[_primitive] = _batch
