"""Choices among a few given values."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._fields import as_parameter
from .._types import is_tracer


def probability(owner: str, name: str, value: Any) -> Float[Array, ""]:
    """A number from 0 to 1."""
    array = as_parameter(value)
    if array.ndim or not (is_tracer(value) or 0.0 <= float(value) <= 1.0):
        raise ValueError(f"{owner}: `{name}` must be a number from 0 to 1, got {value!r}.")
    return array


def amounts(owner: str, name: str, values: Any, limit: float = np.inf) -> Float[Array, " values"]:
    """Numbers that are not negative, at least one of them, and at most `limit`."""
    array = jnp.atleast_1d(as_parameter(values))
    known = None if is_tracer(values) else np.asarray(values)
    if array.ndim != 1 or not array.size or (known is not None and not np.all((known >= 0.0) & (known <= limit))):
        above = f" and at most {limit:g}" if np.isfinite(limit) else ""
        raise ValueError(f"{owner}: `{name}` must be one or more numbers, not negative{above}, got {values!r}.")
    return array


def count(owner: str, name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{owner}: `{name}` must be a whole number of at least {least}, got {value!r}.")
    return int(value)
