"""One spike for each input, the sooner the greater the value."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._fields import as_parameter
from ._given import check_dt, check_steps, checked


def latency(values: Any, tau: Any, threshold: Any) -> Float[Array, "..."]:
    r"""When a leaky integrator first reaches its threshold under a constant current: $T = \tau \ln(x / (x - \theta))$, ms.

    Values at the threshold or below never spike: infinity, with derivative zero.

    **Arguments:**

    - `values`: $x$, in units of the threshold's.
    - `tau`: ms, positive.
    - `threshold`: $\theta$, positive.
    """
    x = as_parameter(values)
    tau = checked("latency", "tau", tau, lambda x: ~(x > 0.0), "must be positive, in ms", x.dtype)
    threshold = checked("latency", "threshold", threshold, lambda x: ~(x > 0.0), "must be positive", x.dtype)
    spikes = x > threshold
    ratio = threshold / jnp.where(spikes, x, 2.0 * threshold)
    return jnp.where(spikes, -tau * jnp.log1p(-ratio), jnp.inf)


def linear_latency(values: Any, duration: Any, threshold: Any = 0.0) -> Float[Array, "..."]:
    r"""The law $T = D\, (1 - x) / (1 - \theta)$, ms: a value of 1 (and more) spikes at once, one at the threshold after $D$.

    Values below the threshold never spike: infinity, with derivative zero. So the inputs of the Yin-Yang task are encoded.

    **Arguments:**

    - `values`: $x$.
    - `duration`: $D$, ms, positive.
    - `threshold`: $\theta$, below 1.
    """
    x = as_parameter(values)
    duration = checked("linear_latency", "duration", duration, lambda x: ~(x > 0.0), "must be positive, in ms", x.dtype)
    threshold = checked("linear_latency", "threshold", threshold, lambda x: ~(x < 1.0), "must be below 1", x.dtype)
    time = jnp.maximum(duration * (1.0 - x) / (1.0 - threshold), 0.0)
    return jnp.where(x >= threshold, time, jnp.inf)


def spike_steps(times: Any, *, dt: float, steps: int) -> Int[Array, "..."]:
    """The step that contains each time, counted from 0; `steps` if that is none of them (the input never spikes).

    A time within rounding of the beginning of a step is that beginning.

    **Arguments:**

    - `times`: ms, not negative, infinity for never, `[...]`.
    - `dt`: ms.
    - `steps`: the number of steps.
    """
    check_dt("spike_steps", dt)
    check_steps("spike_steps", steps)
    times = as_parameter(times)
    place = jnp.minimum(times / dt, float(steps))
    nearest = jnp.round(place)
    near = jnp.abs(place - nearest) <= 4.0 * float(jnp.finfo(times.dtype).eps) * steps
    return jnp.where(near, nearest, jnp.floor(place)).astype(jnp.int32)


def spikes_at(spike_steps: Any, *, steps: int, dtype: Any = None) -> Float[Array, "steps *shape"]:
    """The spikes over time of inputs that spike once, or never.

    **Arguments:**

    - `spike_steps`: as from `spike_steps`, `[...]`.
    - `steps`: the number of steps.
    - `dtype`: of the spikes; the default float dtype if `None`.
    """
    check_steps("spikes_at", steps)
    spike_steps = jnp.asarray(spike_steps)
    if not np.issubdtype(spike_steps.dtype, np.integer):
        raise TypeError(f"spikes_at: `spike_steps` must be whole numbers, got {spike_steps.dtype}.")
    now = jnp.arange(steps, dtype=spike_steps.dtype).reshape(-1, *(1 for _ in spike_steps.shape))
    return (now == spike_steps[None]).astype(dtype or jnp.zeros(()).dtype)
