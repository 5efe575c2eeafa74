"""Weights of synapses that have just been drawn."""

from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from .._fields import as_parameter
from .._types import is_tracer, Key


# A number, an array, or a function (key, shape) -> array as in `jax.nn.initializers`.
Weight: TypeAlias = Any


def as_weight(weight: Weight) -> Array | Callable[..., Any]:
    """A number or array as a parameter; a function as it is."""
    return weight if callable(weight) else as_parameter(weight)


def show(weight: Any) -> str:
    """A weight in the description of a rule: a single number by its value."""
    if eqx.is_array(weight) and weight.ndim == 0 and not is_tracer(weight):
        return f"{float(weight):g}"
    return eqx.tree_pformat(weight)


def weights(rule: str, weight: Weight, shape: tuple[int, ...], key: Key | None) -> Float[Array, "..."]:
    """The weights of `shape` drawn, or the given ones, which must be one number or of that shape."""
    if callable(weight):
        if key is None:
            raise ValueError(f"{rule}: `weight` is random, so a `key` is needed.")
        values = as_parameter(weight(key, shape))
    else:
        values = as_parameter(weight)
    if values.shape not in ((), shape):
        raise ValueError(f"{rule}: `weight` must be one number or of shape {shape}, got shape {values.shape}.")
    if not is_tracer(values) and not np.all(np.isfinite(np.asarray(values))):
        raise ValueError(f"{rule}: `weight` must be finite.")
    return values
