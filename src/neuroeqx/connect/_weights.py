"""Weights of synapses that have just been drawn."""

from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from .._fields import as_parameter
from .._types import Initialiser, is_tracer, Key


# A number, an array, or a function (key, shape) -> array as in `jax.nn.initializers`.
Weight: TypeAlias = Any


class Normal(eqx.Module):
    """As made by `normal`."""

    mean: Any
    sd: Any

    def __call__(self, key: Key, shape: tuple[int, ...]) -> Float[Array, "..."]:
        return self.mean + self.sd * jr.normal(key, shape)


class Uniform(eqx.Module):
    """As made by `uniform`."""

    low: Any
    high: Any

    def __call__(self, key: Key, shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jr.uniform(key, shape, minval=self.low, maxval=self.high)


def normal(mean: float, sd: float) -> Initialiser:
    """Normally distributed weights, for `weight=` of any rule.

    **Arguments:**

    - `mean`, `sd`: in the unit of the receptor; `sd` not negative.
    """
    if not (np.isfinite(mean) and np.isfinite(sd) and sd >= 0.0):
        raise ValueError(f"normal: `mean` and `sd` must be finite and `sd` not negative, got {mean} and {sd}.")
    return Normal(mean, sd)


def uniform(low: float, high: float) -> Initialiser:
    """Uniformly distributed weights in `[low, high)`, for `weight=` of any rule."""
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"uniform: `low` and `high` must be finite and in order, got {low} and {high}.")
    return Uniform(low, high)


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
    if not is_tracer(values) and not bool(jnp.all(jnp.isfinite(values))):
        raise ValueError(f"{rule}: `weight` must be finite.")
    return values
