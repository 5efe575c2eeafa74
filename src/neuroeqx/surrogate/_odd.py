"""Odd functions, by what they are above zero."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float


def odd(function: Callable[[Float[Array, "..."]], Float[Array, "..."]], x: Float[Array, "..."]) -> Float[Array, "..."]:
    """`function(x)`, and `-function(-x)` below zero; at zero the derivative is that from above, where `sign(x)` and `abs(x)`
    would make it 0."""
    above = x >= 0.0
    return jnp.where(above, 1.0, -1.0) * function(jnp.where(above, x, -x))
