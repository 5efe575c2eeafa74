"""The products with fixed fan-out in pure JAX: what every other backend must agree with, and what runs elsewhere.

A leading axis of the vectors, if any, is the batch. Zeros of `x` are skipped, as everywhere.
"""

import jax
import jax.numpy as jnp
from jax import lax

from .._columns import turned


_CHUNK = 4096  # synapses handled at a time by the event-driven product


def _add_all(out, weight, x, indices, offset):
    value = x[:, None]
    added = jnp.where(value == 0, 0, value * _broadcast(weight, out, indices.shape))
    return out.at[turned(indices, offset, out.size)].add(added)


def _broadcast(weight, like, shape):
    return jnp.broadcast_to(weight.astype(like.dtype), shape)


def _add_events(out, weight, x, ids, count, indices, offset):
    """Walks over the active rows, a chunk of them at a time: no event can be lost."""
    n_pre, k = indices.shape
    chunk = max(1, min(_CHUNK // k, n_pre))
    ranks = x if ids is not None else jnp.cumsum(x != 0, dtype=jnp.int32)  # not read where there is a list
    count = ranks[-1] if ids is None else count
    offsets = jnp.arange(chunk, dtype=jnp.int32)

    def add_chunk(carry):
        start, out = carry
        places = start + offsets
        if ids is not None:
            row = ids[jnp.minimum(places, n_pre - 1)]
        else:
            row = jnp.minimum(jnp.searchsorted(ranks, places + 1), n_pre - 1)
        value = jnp.where(places < count, x[row], 0)[:, None]
        own = weight if weight.ndim == 0 else weight[row]
        added = jnp.where(value == 0, 0, value * _broadcast(own, out, (chunk, k)))
        return start + chunk, out.at[turned(indices[row], offset, out.size)].add(added)

    start = jnp.zeros_like(count)  # not a constant, which differs in type inside of `jax.shard_map`
    return lax.while_loop(lambda carry: carry[0] < count, add_chunk, (start, out))[1]


def add_matvec(out, weight, x, indices, offset=None, *, active, event):
    if 0 in (out.size, x.size, indices.size):
        return out
    ids, count = (None, None) if active is None else active

    def add(out, x, ids, count):
        if event:
            return _add_events(out, weight, x, ids, count, indices, offset)
        return _add_all(out, weight, x, indices, offset)

    return add(out, x, ids, count) if x.ndim == 1 else jax.vmap(add)(out, x, ids, count)


def rmatvec(weight, g, indices, offset=None, *, n_pre):
    if 0 in (g.size, n_pre, indices.size):
        return jnp.zeros((*g.shape[:-1], n_pre), g.dtype)
    columns = turned(indices, offset, g.shape[-1])

    def gather(g):
        return jnp.sum(_broadcast(weight, g, indices.shape) * g[columns], axis=1)

    return gather(g) if g.ndim == 1 else jax.vmap(gather)(g)


def outer(x, g, indices, offset=None, *, active, weight_shape):
    del active  # every synapse is written anyway
    if 0 in (x.size, g.size, indices.size):
        return jnp.zeros(weight_shape, x.dtype)
    columns = turned(indices, offset, g.shape[-1])

    def product(x, g):
        value = x[:, None]
        dw = jnp.where(value == 0, 0, value * g[columns])
        return dw if weight_shape else jnp.sum(dw)

    if x.ndim == 1:
        return product(x, g)
    first = product(x[0], g[0])
    return lax.scan(lambda dw, vectors: (dw + product(*vectors), None), first, (x[1:], g[1:]))[0]


def add_outer(weight, x, g, indices, *, active, order):
    dw = outer(x, g, indices, active=active, weight_shape=weight.shape)
    return weight + dw if order is None else weight.at[order].add(dw, unique_indices=True)
