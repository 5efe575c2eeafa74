"""Temporal contrast: spikes where a signal has changed."""

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._fields import as_parameter
from ._given import checked


def delta(signal: Any, threshold: Any) -> Float[Array, "steps 2 *shape"]:
    """Up and down spikes when a signal has moved by a threshold from where it was at the last spike, as event cameras and
    silicon cochleas send.

    The level of a signal begins at its first value and moves by `threshold` with each spike: a change of several thresholds in
    a step is as many spikes. So the signal is never a threshold or more away from
    `signal[0] + threshold * (up - down).cumsum(0)`, however slowly it moves. A change of a threshold within rounding counts.

    **Arguments:**

    - `signal`: `[steps, ...]`.
    - `threshold`: positive; a number, or an array that broadcasts against the signal at one time.

    **Returns:** the numbers of spikes, up in `[:, 0]`, down in `[:, 1]`; none in the first step. Their derivatives are zero.
    """
    signal = as_parameter(signal)
    if signal.ndim == 0 or signal.shape[0] == 0:
        raise ValueError(f"delta: `signal` must be [steps, ...] with at least one step, got shape {signal.shape}.")
    rule = "must be positive"
    threshold = checked("delta", "threshold", threshold, lambda x: ~(x > 0.0), rule, signal.dtype)
    moved = lax.stop_gradient((signal - signal[0][None]) / jnp.broadcast_to(threshold, signal.shape[1:])[None])
    eps = 4.0 * float(jnp.finfo(signal.dtype).eps)

    def step(level: Array, moved: Array) -> tuple[Array, Array]:
        # The level is a whole number of thresholds, so that nothing adds up but integers.
        away = moved - level
        whole = jnp.trunc(away + jnp.sign(away) * eps * jnp.maximum(jnp.abs(moved), 1.0))
        return level + whole, jnp.stack([jnp.maximum(whole, 0.0), jnp.maximum(-whole, 0.0)])

    return lax.scan(step, jnp.zeros_like(moved[0]), moved)[1]
