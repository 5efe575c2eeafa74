"""Traces of spikes."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def faded(trace: Float[Array, " n"], tau: Float[Array, ""], dt: float) -> Float[Array, " n"]:
    """A trace one step later."""
    return trace * jnp.exp(-dt / tau)


def marked(trace: Float[Array, " n"], spikes: Float[Array, " n"], nearest: bool) -> Float[Array, " n"]:
    """A trace with the spikes of a step: each adds 1, or sets it to 1 where only the nearest spike counts."""
    if not nearest:
        return trace + spikes
    # Several spikes of a step set it to 1 as well; one moves it there by a formula that surrogate derivatives pass.
    return jnp.where(spikes > 1.0, jnp.ones_like(trace), trace + spikes * (1.0 - trace))


def low_pass(
    mean: Float[Array, " n"], value: Float[Array, " n"], tau: Float[Array, ""], dt: float
) -> Float[Array, " n"]:
    """A running mean one step later, over which the value is held."""
    return value + (mean - value) * jnp.exp(-dt / tau)
