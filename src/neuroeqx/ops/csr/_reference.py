"""The CSR products in pure JAX: what every other backend must agree with, and what runs where there is no other.

A leading axis of the vectors, if any, is the batch. Like the kernels these skip the zeros of `x`: an infinite weight
that meets one contributes nothing.
"""

import jax
import jax.numpy as jnp
from jax import lax


_CHUNK = 4096  # synapses handled at a time by the event-driven product


def _rows(indices, indptr):
    """The row of every synapse."""
    n_pre = indptr.size - 1
    return jnp.repeat(jnp.arange(n_pre, dtype=jnp.int32), jnp.diff(indptr), total_repeat_length=indices.size)


def _add_all(out, weight, indices, indptr, x):
    value = x[_rows(indices, indptr)]
    return out.at[indices].add(jnp.where(value == 0, 0, value * weight))


def _add_events(out, weight, indices, indptr, x):
    """Walks over the synapses of the active rows, laid end to end, in chunks of fixed size: no event can be lost."""
    n_pre, chunk = indptr.size - 1, min(_CHUNK, indices.size)
    ends = jnp.cumsum(jnp.where(x != 0, jnp.diff(indptr), 0), dtype=indptr.dtype)
    offsets = jnp.arange(chunk, dtype=indptr.dtype)

    def add_chunk(carry):
        start, out = carry
        positions = start + offsets
        row = jnp.minimum(jnp.searchsorted(ends, positions, side="right"), n_pre - 1)
        valid = positions < ends[-1]
        synapse = jnp.where(valid, indptr[row + 1] - (ends[row] - positions), 0)
        value = x[row] * (weight if weight.ndim == 0 else weight[synapse])
        return start + chunk, out.at[indices[synapse]].add(jnp.where(valid, value, 0))

    start = jnp.zeros_like(ends[-1])  # not a constant, which differs from `ends` in type inside of `jax.shard_map`
    return lax.while_loop(lambda carry: carry[0] < ends[-1], add_chunk, (start, out))[1]


def add_matvec(out, weight, indices, indptr, x, *, event):
    if 0 in (out.size, x.size, indices.size):
        return out
    add = _add_events if event else _add_all
    if x.ndim == 1:
        return add(out, weight, indices, indptr, x)
    return jax.vmap(lambda out, x: add(out, weight, indices, indptr, x))(out, x)


def rmatvec(weight, indices, indptr, g):
    n_pre = indptr.size - 1
    if 0 in (g.size, n_pre, indices.size):
        return jnp.zeros((*g.shape[:-1], n_pre), g.dtype)
    rows = _rows(indices, indptr)

    def gather(g):
        return jnp.zeros(n_pre, g.dtype).at[rows].add(weight * g[indices], indices_are_sorted=True)

    return gather(g) if g.ndim == 1 else jax.vmap(gather)(g)


def outer(indices, indptr, x, g, *, shared):
    if 0 in (x.size, g.size, indices.size):
        return jnp.zeros(() if shared else indices.shape, x.dtype)
    rows = _rows(indices, indptr)

    def product(x, g):
        value = x[rows]
        dw = jnp.where(value == 0, 0, value * g[indices])
        return jnp.sum(dw) if shared else dw

    if x.ndim == 1:
        return product(x, g)
    first = product(x[0], g[0])
    return lax.scan(lambda dw, vectors: (dw + product(*vectors), None), first, (x[1:], g[1:]))[0]
