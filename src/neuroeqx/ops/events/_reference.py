"""Lists of events and of active entries in pure JAX."""

import jax
import jax.numpy as jnp


def _append(buffer, count, x, step):
    fired = x != 0
    capacity = buffer.shape[0]
    # Not `count + order`, which could overflow.
    order = jnp.cumsum(fired, dtype=jnp.int32) - 1
    place = jnp.where(fired & (order < capacity - count), count + order, capacity)
    events = jnp.stack([jnp.full(x.shape, step), jnp.arange(x.shape[0], dtype=jnp.int32)], axis=1)
    total = count + jnp.sum(fired, dtype=jnp.int32)
    most = jnp.iinfo(jnp.int32).max  # the count stays there instead of turning negative
    return buffer.at[place].set(events, mode="drop"), jnp.where(total < count, most, total)


def append(buffer, count, x, step):
    return list((_append if x.ndim == 1 else jax.vmap(_append))(buffer, count, x, step))


def _compact(x):
    fired = x != 0
    ranks = jnp.cumsum(fired, dtype=jnp.int32)
    places = jnp.where(fired, ranks - 1, x.shape[0])
    ids = jnp.zeros(x.shape, jnp.int32).at[places].set(jnp.arange(x.shape[0], dtype=jnp.int32), mode="drop")
    return ids, jnp.sum(fired, dtype=jnp.int32)


def compact(x):
    return list((_compact if x.ndim == 1 else jax.vmap(_compact))(x))
