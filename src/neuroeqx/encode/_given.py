"""What encoders are given: values as arrays, numbers of steps, parameters that are known or traced."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._fields import as_parameter
from .._types import is_tracer


def check_steps(owner: str, steps: Any) -> int:
    """A number of steps of at least 1."""
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise ValueError(f"{owner}: `steps` must be a whole number of at least 1, got {steps!r}.")
    return int(steps)


def check_dt(owner: str, dt: Any) -> None:
    if not dt > 0.0:
        raise ValueError(f"{owner}: `dt` must be positive, in ms, got {dt!r}.")


def checked(
    owner: str, name: str, value: Any, is_bad: Callable[[Any], Any], rule: str, dtype: Any = None
) -> Float[Array, "..."]:
    """A parameter as an array: a `ValueError` if it is known and breaks the rule, an error at run time if it is traced."""
    array = as_parameter(value) if dtype is None else as_parameter(value).astype(dtype)
    if any(is_tracer(leaf) for leaf in jax.tree_util.tree_leaves(value)):
        return eqx.error_if(array, jnp.any(is_bad(array)), f"{owner}: `{name}` {rule}.")
    known = np.asarray(value)  # inside of `jit`, the array would be a tracer
    bad = is_bad(known)
    if np.any(bad):
        raise ValueError(f"{owner}: `{name}` {rule}, got {known[bad][0]:g}.")
    return array
