"""Regularisers that cost every spike."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ._spikes import SpikeArray


def total_count(spikes: SpikeArray) -> Float[Array, ""]:
    """The number of spikes, of all neurons in all samples: the L1 regulariser of SpyTorch
    (Zenke 2019), there times 1e-5.

    **Arguments:**

    - `spikes`: 0 or 1 (or counts) in every step, `[*batch, time, neurons]`.
    """
    return jnp.asarray(spikes).sum()


def squared_counts(spikes: SpikeArray) -> Float[Array, ""]:
    """The mean over neurons of the square of their number of spikes in all samples together: the L2 regulariser of
    SpyTorch (Zenke 2019), there times 1e-5. It grows with the square of the size of the batch; under `jax.vmap` over samples
    it is that of each.

    **Arguments:**

    - `spikes`: as for `total_count`.
    """
    x = jnp.asarray(spikes)
    return jnp.square(x.sum(tuple(range(x.ndim - 1)))).mean()
