"""The products with single spikes in pure JAX."""

import jax.numpy as jnp


def sort(steps, *, length):
    there = (steps >= 0) & (steps < length)
    known = jnp.where(there, steps, length)
    bounds = jnp.sum(known[:, :, None] < jnp.arange(length + 1, dtype=jnp.int32)[None, None], axis=1, dtype=jnp.int32)
    return [jnp.argsort(known, axis=1, stable=True).astype(jnp.int32), bounds]


def add_rows(weight, steps, ids, bounds):
    members, length = steps.shape[0], bounds.shape[1] - 1
    # Negative indices would count from the end.
    steps = jnp.where(steps < 0, length, steps)
    out = jnp.zeros((length, members, weight.shape[1]), weight.dtype)
    return out.at[steps, jnp.arange(members)[:, None]].add(weight[None], mode="drop")


def outer(g, steps, ids, bounds):
    length, members, _ = g.shape
    there = (steps >= 0) & (steps < length)
    rows = g[jnp.where(there, steps, 0), jnp.arange(members)[:, None]]
    return jnp.sum(jnp.where(there[:, :, None], rows, jnp.zeros_like(rows)), axis=0)
