"""Gradients from runs forwards only: along tangents, and from the values of runs with other parameters."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float

from .._types import Key


def forward(
    value: Callable[[Array], Array], parameters: Float[Array, " parameters"], directions: int | None, key: Key | None
) -> tuple[Array, Float[Array, " parameters"]]:
    """By forward-mode differentiation, one direction after the other: of each parameter, or the mean over random directions u
    of (slope along u) u, whose expectation is the gradient (Baydin et al. 2022)."""
    n = parameters.shape[0]
    if directions is None:
        along = lambda i: jax.jvp(value, (parameters,), (jnp.zeros_like(parameters).at[i].set(1.0),))
        values, slopes = lax.map(along, jnp.arange(n), batch_size=min(n, _TOGETHER))
        return values[0], slopes
    if key is None:
        raise ValueError("forward: random `directions` need a `key`.")

    def one(key: Key) -> tuple[Array, Array]:
        u = jr.normal(key, (n,), parameters.dtype)
        at, slope = jax.jvp(value, (parameters,), (u,))
        return at, slope * u

    values, estimates = lax.map(one, jr.split(jr.fold_in(key, _OWN), directions), batch_size=min(directions, _TOGETHER))
    return values[0], estimates.mean(0)


def evolution(
    value: Callable[[Array], Array],
    parameters: Float[Array, " parameters"],
    directions: int,
    sigma: float,
    key: Key | None,
) -> tuple[Array, Float[Array, " parameters"]]:
    """By the values of runs with parameters on either side, `sigma` times random directions away: the gradient of the loss
    smoothed by a Gaussian of this width (Salimans et al. 2017)."""
    if key is None:
        raise ValueError("es: random directions need a `key`.")

    def pair(key: Key) -> Array:
        u = jr.normal(key, parameters.shape, parameters.dtype)
        above, below = (value(parameters + sign * sigma * u) for sign in (1.0, -1.0))
        return (above - below) / (2.0 * sigma) * u

    estimates = lax.map(pair, jr.split(jr.fold_in(key, _OWN), directions), batch_size=min(directions, _TOGETHER))
    return value(parameters), estimates.mean(0)


# How many runs go side by side.
_TOGETHER = 16
# Apart from the keys of the run, which are the same for all directions.
_OWN = 2**31 - 1
