"""Regularisers that keep voltages and rates within limits."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._spikes import SpikeArray


def voltage_bounds(
    v: Float[Array, "..."] | Float[np.ndarray, "..."], *, low: float = -np.inf, high: float = np.inf
) -> Float[Array, ""]:
    """How far voltages are outside [low, high]: the mean square over all entries (Bellec et al. 2018).

    **Arguments:**

    - `v`: voltages, of any shape. (Scaled ones, (v - v_th) / (v_th - v_rest), are usually held within [-2, 0.4].)
    - `low`, `high`: in the unit of `v`; no limit by default.
    """
    return _outside("voltage_bounds", jnp.asarray(v), low, high).mean()


def rate_bounds(spikes: SpikeArray, *, dt: float, low: float = 0.0, high: float = np.inf) -> Float[Array, ""]:
    """How far the rates of neurons are outside [low, high]: the mean square over neurons, Hz^2.

    **Arguments:**

    - `spikes`: 0 or 1 (or counts) in every step, `[*batch, time, neurons]`. A neuron's rate is that over time and all
        samples.
    - `dt`: the step, ms.
    - `low`, `high`: Hz. A `low` above 0 wakes silent neurons, a `high` quietens busy ones.
    """
    x = jnp.asarray(spikes)
    rates = x.mean(tuple(range(x.ndim - 1))) * (1000.0 / dt)
    return _outside("rate_bounds", rates, low, high).mean()


def _outside(name: str, x: Array, low: float, high: float) -> Array:
    if not low < high:
        raise ValueError(f"{name}: `low` must lie below `high`, got {low} and {high}.")
    return jnp.square(jax.nn.relu(x - high)) + jnp.square(jax.nn.relu(low - x))
