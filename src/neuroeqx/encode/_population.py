"""A value as the rates of units with overlapping tuning curves."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import as_parameter
from ._given import checked


Tuning = Callable[[Float[Array, "..."]], Float[Array, "..."]]


def population(
    values: Any, preferred: Any, tuning: Tuning, *, height: Any = 1.0, background: Any = 0.0
) -> Float[Array, "*shape units"]:
    """The rates of units that each prefer a value: `background + height * tuning(value - preferred)`.

    `poisson(population(x, jnp.linspace(0.0, 1.0, 12), gaussian(0.1), height=100.0), dt=1.0, steps=100, key=key)` are spikes.

    **Arguments:**

    - `values`: `[...]`.
    - `preferred`: the value each unit prefers, `[units]`.
    - `tuning`: a function of the distance from it: `gaussian(width)`, `von_mises(kappa)`, or one of your own.
    - `height`, `background`: in the unit of the result (Hz); numbers, or `[units]`.
    """
    values = as_parameter(values)
    preferred = as_parameter(preferred).astype(values.dtype)
    if preferred.ndim != 1:
        raise ValueError(f"population: `preferred` must be [units], got shape {preferred.shape}.")
    height, background = (
        jnp.broadcast_to(as_parameter(x).astype(values.dtype), preferred.shape) for x in (height, background)
    )
    # Every operand gets the rank of the result.
    units = lambda x: x.reshape((1,) * values.ndim + x.shape)
    return units(background) + units(height) * tuning(values[..., None] - units(preferred))


def gaussian(width: Any) -> Tuning:
    r"""The tuning $\exp(-d^2 / 2 \sigma^2)$.

    **Arguments:**

    - `width`: $\sigma$, positive, in the unit of the value.
    """
    width = checked("gaussian", "width", width, lambda x: ~(x > 0.0), "must be positive")
    if width.ndim:
        raise ValueError(f"gaussian: `width` must be a number, got shape {width.shape}.")
    return lambda distance: jnp.exp(-0.5 * jnp.square(distance / width.astype(distance.dtype)))


def von_mises(kappa: Any) -> Tuning:
    r"""The tuning $\exp(\kappa (\cos d - 1))$ of a direction, in radians.

    **Arguments:**

    - `kappa`: $\kappa$, not negative: the greater, the narrower.
    """
    kappa = checked("von_mises", "kappa", kappa, lambda x: ~(x >= 0.0), "must not be negative")
    if kappa.ndim:
        raise ValueError(f"von_mises: `kappa` must be a number, got shape {kappa.shape}.")
    return lambda distance: jnp.exp(kappa.astype(distance.dtype) * (jnp.cos(distance) - 1.0))
