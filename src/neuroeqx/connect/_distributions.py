"""Distributions to draw from: functions `(key, shape) -> array`, as those of `jax.nn.initializers`.

Each serves for the weights of synapses, for their delays (`in_steps(uniform(0.5, 2.0), dt)`), and for the initial voltages of
a population (`Population(..., v0=normal(-60.0, 5.0))`).
"""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float

from .._types import Initialiser, Key


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


class TruncatedNormal(eqx.Module):
    """As made by `truncated_normal`."""

    mean: Any
    sd: Any
    low: Any
    high: Any

    def __call__(self, key: Key, shape: tuple[int, ...]) -> Float[Array, "..."]:
        standard = lambda bound: (bound - self.mean) / self.sd
        drawn = self.mean + self.sd * jr.truncated_normal(key, standard(self.low), standard(self.high), shape)
        # Rounding may leave the interval by one unit in the last place.
        return jnp.clip(drawn, self.low, self.high)


class Lognormal(eqx.Module):
    """As made by `lognormal`; of the logarithm."""

    mu: Any
    sigma: Any

    def __call__(self, key: Key, shape: tuple[int, ...]) -> Float[Array, "..."]:
        return jnp.exp(self.mu + self.sigma * jr.normal(key, shape))

    def length_biased(self) -> "Lognormal":
        """Of the interval in which a time chosen at random lies: the longer, the more likely."""
        return Lognormal(self.mu + self.sigma**2, self.sigma)


class Gamma(eqx.Module):
    """As made by `gamma`."""

    shape: Any
    scale: Any

    def __call__(self, key: Key, shape: tuple[int, ...]) -> Float[Array, "..."]:
        return self.scale * jr.gamma(key, self.shape, shape)

    def length_biased(self) -> "Gamma":
        """Of the interval in which a time chosen at random lies: the longer, the more likely."""
        return Gamma(self.shape + 1.0, self.scale)


def normal(mean: float, sd: float) -> Initialiser:
    """The normal distribution.

    **Arguments:**

    - `mean`, `sd`: in the unit of what is drawn; `sd` not negative.
    """
    if not (np.isfinite(mean) and np.isfinite(sd) and sd >= 0.0):
        raise ValueError(f"normal: `mean` and `sd` must be finite and `sd` not negative, got {mean} and {sd}.")
    return Normal(mean, sd)


def uniform(low: float, high: float) -> Initialiser:
    """The uniform distribution over `[low, high)`."""
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"uniform: `low` and `high` must be finite and in order, got {low} and {high}.")
    return Uniform(low, high)


def truncated_normal(mean: float, sd: float, low: float = -math.inf, high: float = math.inf) -> Initialiser:
    """The normal distribution under the condition that the value lies between `low` and `high`: what drawing again until it
    does leads to. A weight that must keep its sign, a voltage below threshold.

    **Arguments:**

    - `mean`, `sd`: of the distribution before it is cut, in the unit of what is drawn; `sd` positive.
    - `low`, `high`: in the same unit, `low < high`; infinite where it is not cut. Bounds that are many `sd` away on the
        same side of the mean exhaust the precision of the draw.
    """
    if not (np.isfinite(mean) and np.isfinite(sd) and sd > 0.0):
        raise ValueError(f"truncated_normal: `mean` and `sd` must be finite and `sd` positive, got {mean} and {sd}.")
    if not low < high:
        raise ValueError(f"truncated_normal: `low` must lie below `high`, got {low} and {high}.")
    return TruncatedNormal(mean, sd, low, high)


def lognormal(mean: float, sd: float) -> Initialiser:
    r"""The lognormal distribution of the given moments: positive, with a long tail.

    **Arguments:**

    - `mean`, `sd`: of the values themselves, in their unit; `mean` positive, `sd` not negative. Where the moments
        $\mu, \sigma$ of the logarithm are given, they are $e^{\mu + \sigma^2 / 2}$ and that times
        $\sqrt{e^{\sigma^2} - 1}$.
    """
    if not (np.isfinite(mean) and np.isfinite(sd) and mean > 0.0 and sd >= 0.0):
        raise ValueError(f"lognormal: `mean` must be positive and `sd` not negative, both finite, got {mean} and {sd}.")
    variance = math.log1p((sd / mean) ** 2)
    return Lognormal(math.log(mean) - variance / 2.0, math.sqrt(variance))


def gamma(mean: float, sd: float) -> Initialiser:
    r"""The gamma distribution of the given moments: positive; exponential where they are equal.

    **Arguments:**

    - `mean`, `sd`: in the unit of what is drawn, positive. The shape is $(mean / sd)^2$, the scale $sd^2 / mean$.
    """
    if not (np.isfinite(mean) and np.isfinite(sd) and mean > 0.0 and sd > 0.0):
        raise ValueError(f"gamma: `mean` and `sd` must be positive and finite, got {mean} and {sd}.")
    return Gamma((mean / sd) ** 2, sd**2 / mean)
