"""Where synapses go and when: targets and delays in one number.

What is known is worked out by NumPy: JAX would compile every operation for every size of a matrix.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from .._types import is_tracer


def as_integers(owner: str, name: str, values: Any, wide: bool = False) -> Array:
    """`values` as int32, or int64 where `wide` allows it and they need it. Never wrapped into numbers that look valid."""
    values = values if isinstance(values, jax.Array) else np.asarray(values)
    if not (np.issubdtype(values.dtype, np.integer) or values.size == 0):
        raise TypeError(f"{owner}: `{name}` must be whole numbers, got {values.dtype}{list(values.shape)}.")
    if is_tracer(values) or values.size == 0 or values.dtype == np.int32:
        return jnp.asarray(values, jnp.int32)
    low, high = _ends(values)
    if wide and high >= 2**31:
        if not jax.config.read("jax_enable_x64"):
            raise ValueError(f"{owner}: {high} synapses need 64-bit row pointers: set jax_enable_x64.")
        return jnp.asarray(values, jnp.int64)
    if low < 0 or high >= 2**31:
        raise ValueError(f"{owner}: `{name}` must not be negative and fit into 32 bits, got {low} ... {high}.")
    return jnp.asarray(values, jnp.int32)


def join(owner: str, indices: Any, delays: Any, n_post: int) -> tuple[Int[Array, "..."], int]:
    """Columns and the longest delay (0 for none): a synapse of delay d is in column (d - 1) n_post + target."""
    indices = as_integers(owner, "indices", indices)
    if indices.size and not is_tracer(indices):
        low, high = _ends(indices)
        if not (low >= 0 and high < n_post):
            raise ValueError(f"{owner}: `indices` must lie in 0 ... {n_post - 1}, got {low} ... {high}.")
    if delays is None:
        return indices, 0
    if is_tracer(delays) or is_tracer(indices):
        raise TypeError(f"{owner}: `delays` size the memory of a network, so they and `indices` cannot be traced.")
    steps = np.broadcast_to(np.asarray(as_integers(owner, "delays", delays)), indices.shape)
    shortest, longest = (int(steps.min()), int(steps.max())) if steps.size else (1, 1)
    if shortest < 1:
        raise ValueError(f"{owner}: `delays` are counted in steps and at least 1, got {shortest}.")
    if longest * n_post >= 2**31:
        raise ValueError(
            f"{owner}: delays of up to {longest} steps to {n_post} targets do not fit into 32 bits; shorten them, or "
            "put the common part into the delay of the projection."
        )
    return jnp.asarray(np.asarray(indices) + (steps - 1) * n_post, jnp.int32), longest


def _ends(values: Any) -> tuple[int, int]:
    known = np.asarray(values)
    return int(known.min()), int(known.max())


def known(array: Array) -> Any:
    """For NumPy, unless it is traced."""
    return array if is_tracer(array) else np.asarray(array)


def targets(columns: Int[Array, "..."], horizon: int, n_post: int) -> Int[Array, "..."]:
    return jnp.asarray(known(columns) % n_post) if horizon else columns


def delays(columns: Int[Array, "..."], horizon: int, n_post: int) -> Int[Array, "..."] | None:
    return jnp.asarray(known(columns) // n_post + 1) if horizon else None
