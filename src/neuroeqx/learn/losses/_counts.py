"""How many spikes there should be."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._spikes import SpikeArray


def spike_count(spikes: SpikeArray, target: Any) -> Float[Array, "*batch"]:
    """The squared distance of each neuron's number of spikes to what it should be, averaged over neurons.

    **Arguments:**

    - `spikes`: 0 or 1 (or counts) in every step, `[*batch, time, neurons]`.
    - `target`: numbers of spikes, `[*batch, neurons]` or what broadcasts to it. For classes, for example,
        `jnp.where(jax.nn.one_hot(labels, classes) > 0, 20.0, 2.0)`.

    **Returns:** `[*batch]`. Derivatives are those of the spikes (surrogates).
    """
    counts = jnp.asarray(spikes).sum(-2)
    return jnp.square(counts - _like("spike_count", target, counts)).mean(-1)


def spike_rate(spikes: SpikeArray, target: Any, *, dt: float) -> Float[Array, "*batch"]:
    """As `spike_count`, of rates in Hz.

    **Arguments:**

    - `spikes`: as for `spike_count`.
    - `target`: rates, Hz, `[*batch, neurons]` or what broadcasts to it.
    - `dt`: the step, ms.
    """
    x = jnp.asarray(spikes)
    rates = x.sum(-2) * (1000.0 / (dt * x.shape[-2]))
    return jnp.square(rates - _like("spike_rate", target, rates)).mean(-1)


def _like(name: str, target: Any, x: Array) -> Array:
    try:
        fits = np.broadcast_shapes(np.shape(target), x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name}: `target` has shape {np.shape(target)}, which does not broadcast to {x.shape}, the samples and neurons of "
            "`spikes`."
        )
    return jnp.broadcast_to(jnp.asarray(target, x.dtype), x.shape)
