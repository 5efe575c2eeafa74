"""Noise of recordings."""

import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped


def gaussian_log_density(
    x: Shaped[Any, "..."], recorded: Shaped[Any, "..."], sd: Any, *, where: Any = True
) -> Float[Array, "..."]:
    r"""The logarithm of the density of what was recorded, $-\frac{(x - r)^2}{2 \sigma^2} - \log(\sigma \sqrt{2 \pi})$, for each
    entry; its sum is the log-likelihood of a model that gives `x`, whose recording has independent normal noise.

    **Arguments:**

    - `x`: what the model says, such as voltages.
    - `recorded`: what was recorded, of the same shape.
    - `sd`: of the noise, positive, in the same unit; may be trained.
    - `where`: the entries that count, the others are 0; all by default. (Leave out spikes, which a model that is reset lacks.)
    """
    x, recorded = jnp.asarray(x), jnp.asarray(recorded)
    if x.shape != recorded.shape:
        raise ValueError(
            f"gaussian_log_density: `x` and `recorded` must have the same shape, got {x.shape} and {recorded.shape}."
        )
    sd = jnp.asarray(sd, x.dtype)
    density = -0.5 * ((x - recorded.astype(x.dtype)) / sd) ** 2 - jnp.log(sd) - 0.5 * math.log(2.0 * math.pi)
    return jnp.where(where, density, jnp.zeros_like(density))
