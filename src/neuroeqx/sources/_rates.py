"""Rates of sources, their own or given as input."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import as_parameter


def rate_now(owner: str, rate: Float[Array, "..."], input: Any) -> Float[Array, "..."]:
    """A source's own rate, or the one given as a step's input, which is checked at run time."""
    if input is None:
        return rate
    given = as_parameter(input)
    return eqx.error_if(given, ~jnp.all(given >= 0.0), f"{owner}: the rate given as input is negative or no number.")
