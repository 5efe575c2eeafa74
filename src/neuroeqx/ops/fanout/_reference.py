"""The products with fixed fan-out in pure JAX: what every other backend must agree with, and what runs elsewhere.

A leading axis of the vectors, if any, is the batch. Zeros of `x` are skipped, as everywhere.
"""

import jax
import jax.numpy as jnp
from jax import lax

from .._columns import turned
from .._reference_rows import add_events


def _add_all(out, weight, x, indices, offset):
    value = x[:, None]
    added = jnp.where(value == 0, 0, value * _broadcast(weight, out, indices.shape))
    return out.at[turned(indices, offset, out.size)].add(added)


def _broadcast(weight, like, shape):
    return jnp.broadcast_to(weight.astype(like.dtype), shape)


def _position_type(indices):
    """What counts synapses."""
    if indices.size < 2**31:
        return jnp.int32
    if not jax.config.read("jax_enable_x64"):
        raise ValueError(
            f"in pure JAX, {indices.size} synapses (2**31 or more) are counted in int64, which JAX has only with "
            "`jax_enable_x64`; backend='native' (the default on CPU) needs nothing"
        )
    return jnp.int64


def add_matvec(out, weight, x, indices, offset=None, *, active, event):
    if 0 in (out.size, x.size, indices.size):
        return out
    k = indices.shape[1]

    def bounds(rows):
        begin = k * rows.astype(_position_type(indices))
        return begin, begin + k

    def add(out, x, active):
        if event:
            own = weight if weight.ndim == 0 else weight.reshape(-1)
            return add_events(out, own, x, active, indices.reshape(-1), bounds, offset)
        return _add_all(out, weight, x, indices, offset)

    return add(out, x, active) if x.ndim == 1 else jax.vmap(add)(out, x, active)


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
