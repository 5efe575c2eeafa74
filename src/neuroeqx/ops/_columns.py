"""Columns that turn: places in a ring of future inputs."""

import jax.numpy as jnp


def turned(columns, offset, size):
    """The places in a vector of `size` that columns stand for, `offset` (or nothing) further, around its end."""
    if offset is None:
        return columns
    # In unsigned arithmetic the sum of two places cannot overflow.
    places = columns.astype(jnp.uint32) + offset.astype(jnp.uint32) % jnp.uint32(size)
    return jnp.where(places >= size, places - jnp.uint32(size), places).astype(jnp.int32)
