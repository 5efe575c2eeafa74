"""The CSR products in pure JAX: what every other backend must agree with, and what runs where there is no other.

A leading axis of the vectors, if any, is the batch. Like the kernels these skip the zeros of `x`: an infinite weight
that meets one contributes nothing.
"""

import jax
import jax.numpy as jnp
from jax import lax

from .._columns import turned
from .._reference_rows import add_events


def _rows(indices, indptr):
    """The row of every synapse."""
    n_pre = indptr.size - 1
    return jnp.repeat(jnp.arange(n_pre, dtype=jnp.int32), jnp.diff(indptr), total_repeat_length=indices.size)


def _add_all(out, weight, x, indices, indptr, offset):
    value = x[_rows(indices, indptr)]
    added = jnp.where(value == 0, 0, value * weight.astype(out.dtype))
    return out.at[turned(indices, offset, out.size)].add(added)


def add_matvec(out, weight, x, indices, indptr, offset=None, *, active, event):
    if 0 in (out.size, x.size, indices.size):
        return out

    def add(out, x, active):
        if event:
            bounds = lambda rows: (indptr[rows], indptr[rows + 1])
            return add_events(out, weight, x, active, indices, bounds, offset)
        return _add_all(out, weight, x, indices, indptr, offset)

    return add(out, x, active) if x.ndim == 1 else jax.vmap(add)(out, x, active)


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
