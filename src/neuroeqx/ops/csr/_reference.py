"""The CSR products in pure JAX: what every other backend must agree with, and what runs where there is no other.

A leading axis of the vectors, if any, is the batch. Like the kernels these skip the zeros of `x`: an infinite weight
that meets one contributes nothing.
"""

import jax
import jax.numpy as jnp
from jax import lax

from .._columns import turned


_CHUNK = 2048  # synapses handled at a time by the event-driven product
_PIECE = 16  # synapses of one row that are found together


def _rows(indices, indptr):
    """The row of every synapse."""
    n_pre = indptr.size - 1
    return jnp.repeat(jnp.arange(n_pre, dtype=jnp.int32), jnp.diff(indptr), total_repeat_length=indices.size)


def _add_all(out, weight, x, indices, indptr, offset):
    value = x[_rows(indices, indptr)]
    added = jnp.where(value == 0, 0, value * weight.astype(out.dtype))
    return out.at[turned(indices, offset, out.size)].add(added)


def _add_events(out, weight, x, ids, count, indices, indptr, offset):
    """Walks over the active rows, cut into pieces of a fixed length, a chunk of them at a time: no event can be lost.

    The barriers keep XLA from computing again for every synapse what is the same for a piece, or for both its uses.
    """
    n_pre, chunk = indptr.size - 1, max(1, min(_CHUNK, indices.size) // _PIECE)
    if ids is None:
        rows, lengths = None, jnp.where(x != 0, jnp.diff(indptr), 0)
    else:
        rows = ids
        lengths = jnp.where(jnp.arange(n_pre, dtype=jnp.int32) < count, indptr[rows + 1] - indptr[rows], 0)
    pieces = (lengths + (_PIECE - 1)) // _PIECE
    ends = jnp.cumsum(pieces, dtype=indptr.dtype)
    chunk_of = jnp.arange(chunk, dtype=indptr.dtype)
    piece_of = jnp.arange(_PIECE, dtype=indptr.dtype)[None]

    def add_chunk(carry):
        start, out = carry
        positions = start + chunk_of
        place = jnp.minimum(jnp.searchsorted(ends, positions, side="right"), n_pre - 1)
        row = place if rows is None else rows[place]
        begin = indptr[row] + _PIECE * (positions - (ends[place] - pieces[place]))
        end = jnp.where(positions < ends[-1], indptr[row + 1], 0)
        begin, end, value = lax.optimization_barrier((begin, end, x[row]))
        synapse = begin[:, None] + piece_of
        valid = synapse < end[:, None]
        synapse = lax.optimization_barrier(jnp.where(valid, synapse, 0))
        own = (weight if weight.ndim == 0 else weight[synapse]).astype(out.dtype)
        added = jnp.where(valid, value[:, None] * own, 0)
        columns = turned(indices[synapse], offset, out.size)
        columns, added = lax.optimization_barrier((columns, added))
        return start + chunk, out.at[columns].add(added)

    start = jnp.zeros_like(ends[-1])  # not a constant, which differs from `ends` in type inside of `jax.shard_map`
    return lax.while_loop(lambda carry: carry[0] < ends[-1], add_chunk, (start, out))[1]


def add_matvec(out, weight, x, indices, indptr, offset=None, *, active, event):
    if 0 in (out.size, x.size, indices.size):
        return out
    ids, count = (None, None) if active is None else active

    def add(out, x, ids, count):
        if event:
            return _add_events(out, weight, x, ids, count, indices, indptr, offset)
        return _add_all(out, weight, x, indices, indptr, offset)

    return add(out, x, ids, count) if x.ndim == 1 else jax.vmap(add)(out, x, ids, count)


def rmatvec(weight, g, indices, indptr, offset=None, *, n_pre):
    if 0 in (g.size, n_pre, indices.size):
        return jnp.zeros((*g.shape[:-1], n_pre), g.dtype)
    rows, columns = _rows(indices, indptr), turned(indices, offset, g.shape[-1])

    def gather(g):
        values = weight.astype(g.dtype) * g[columns]
        return jnp.zeros(n_pre, g.dtype).at[rows].add(values, indices_are_sorted=True)

    return gather(g) if g.ndim == 1 else jax.vmap(gather)(g)


def outer(x, g, indices, indptr, offset=None, *, active, weight_shape):
    del active  # every synapse is written anyway
    if 0 in (x.size, g.size, indices.size):
        return jnp.zeros(weight_shape, x.dtype)
    rows, columns = _rows(indices, indptr), turned(indices, offset, g.shape[-1])

    def product(x, g):
        value = x[rows]
        dw = jnp.where(value == 0, 0, value * g[columns])
        return dw if weight_shape else jnp.sum(dw)

    if x.ndim == 1:
        return product(x, g)
    first = product(x[0], g[0])
    return lax.scan(lambda dw, vectors: (dw + product(*vectors), None), first, (x[1:], g[1:]))[0]


def add_outer(weight, x, g, indices, indptr, *, active, order):
    dw = outer(x, g, indices, indptr, active=active, weight_shape=weight.shape)
    return weight + dw if order is None else weight.at[order].add(dw, unique_indices=True)
