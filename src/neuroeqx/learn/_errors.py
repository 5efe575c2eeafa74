"""How far predictions are from what they should be."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def mean_squared(predicted: Float[Array, "*shape"], y: Float[Array, "*shape"]) -> Float[Array, ""]:
    """The mean of the squared differences."""
    return jnp.mean((predicted - y) ** 2)


def nrmse(predicted: Float[Array, "*shape"], y: Float[Array, "*shape"]) -> Float[Array, ""]:
    """The root of the mean squared difference over the standard deviation of `y`: 1 for the mean of `y` as prediction."""
    return jnp.sqrt(mean_squared(predicted, y) / jnp.var(y))


def misclassified(predicted: Float[Array, "samples classes"], y: Float[Array, "samples classes"]) -> Float[Array, ""]:
    """The fraction of samples of which the largest output belongs to another class than the largest entry of `y`."""
    return jnp.mean((jnp.argmax(predicted, -1) != jnp.argmax(y, -1)).astype(predicted.dtype))
