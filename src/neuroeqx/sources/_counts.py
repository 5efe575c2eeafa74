"""Poisson-distributed numbers, drawn with operations that have native code."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._types import Key


def poisson_counts(key: Key, mean: Float[Array, "..."], shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Independent Poisson-distributed numbers of the given `mean`, which broadcasts against `shape`, in its dtype.

    One uniform number each decides: the probabilities of the mode and of its neighbours, outwards, are taken off it until
    nothing is left (Kemp 1981), so that means of thousands cost some hundred rounds and underflow nowhere. (A step with
    `jax.random.poisson`, whose rounds split keys, would have no native code.) The law is exact to rounding, in float32
    to 2^-23. Nothing is differentiated.
    """
    mean = lax.stop_gradient(jnp.broadcast_to(mean, shape))
    dtype = mean.dtype
    mode = jnp.where(mean < _SMALL, 0.0, jnp.floor(mean)).astype(dtype)
    probability = jnp.where(mean < _SMALL, jnp.exp(-mean), _at_mode(mode, mean))
    left = jax.random.uniform(key, shape, dtype) - probability
    negligible = 1e-9 if dtype.itemsize <= 4 else 1e-18

    def pending(left: Array, above: Array, below: Array) -> Array:
        # What rounding leaves over where the probabilities have run out counts as the mode.
        return (left >= 0.0) & (above + below > negligible)

    def round_(carry: tuple[Array, ...]) -> tuple[Array, ...]:
        k, count, left, above, below = carry
        open_ = pending(left, above, below)
        above = above * mean / (mode + k)
        after = left - above
        count = jnp.where(open_ & (after < 0.0), mode + k, count)
        # Below zero there is nothing: the product is zero there, and stays so.
        below = jnp.where(mean > 0.0, below * (mode - k + 1.0) / jnp.maximum(mean, 1e-30), 0.0)
        below = jnp.maximum(below, 0.0)
        count = jnp.where(open_ & (after >= 0.0) & (after - below < 0.0), mode - k, count)
        return k + 1.0, count, jnp.where(open_, after - below, left), above, below

    def goes_on(carry: tuple[Array, ...]) -> Array:
        return jnp.sum(pending(*carry[2:]).astype(dtype)) > 0.0

    start = jnp.ones((), dtype), mode, left, probability, probability
    return lax.while_loop(goes_on, round_, start)[1]


# Below this mean the search begins at zero, where the probability is an exponential.
_SMALL = 8.0


def _at_mode(mode: Array, mean: Array) -> Array:
    """The probability of the mode, by Stirling's series: to 1e-11 from a mode of 8 on, and without cancellation."""
    k = jnp.maximum(mode, _SMALL)
    excess = (mean - k) / k
    series = (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / 1680.0 / k**2) / k**2) / k**2) / k
    exponent = k * (jnp.log1p(excess) - excess) - series
    return jnp.exp(jnp.where(mean < _SMALL, 0.0, exponent)) / jnp.sqrt(2.0 * jnp.pi * k)
