"""Spike trains of given rates: at random, and regular."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._replace_gradient import replace_gradient
from .._types import Key
from ._given import check_dt, check_steps, checked


def poisson(rates: Any, *, dt: float, key: Key, steps: int | None = None) -> Float[Array, "steps *shape"]:
    """Independent spikes at random, in each step with probability `rate * dt`; so the mean rate is exact.

    The derivative of a spike towards the rate is that of its probability.

    **Arguments:**

    - `rates`: Hz, from 0 to 1000 / dt. (Multiply values from 0 to 1 by the highest rate.) `[...]`, held for `steps`; or, if
        `steps` is `None`, changing in time, `[steps, ...]`.
    - `dt`: ms.
    - `steps`: the number of steps, if rates are constant.
    """
    probability = _per_step("poisson", rates, dt, steps)
    shape = probability.shape if steps is None else (steps, *probability.shape)
    probability = jnp.broadcast_to(probability, shape)
    uniform = jax.random.uniform(key, shape, probability.dtype)
    return replace_gradient((uniform < probability).astype(probability.dtype), probability)


def rate(rates: Any, *, dt: float, steps: int | None = None, phase: Any = 0.5) -> Float[Array, "steps *shape"]:
    """Regular spikes: one in the step in which the integral of the rate, begun at `phase`, reaches another whole number.

    So there are `floor(phase + rate * t)` spikes until t. The integral is kept in integers, as a fraction of 2^32, so that a
    train stays regular however long it is. The derivative of a spike towards the rate is that of the mean number of spikes
    in a step.

    **Arguments:**

    - `rates`, `dt`, `steps`: as for `poisson`.
    - `phase`: from 0 to below 1, a number or an array that broadcasts against the rates at one time. Random phases, to have
        trains that do not spike together.
    """
    mean = _per_step("rate", rates, dt, steps)
    at_once = mean.shape if steps is not None else mean.shape[1:]
    phase = checked(
        "rate", "phase", phase, lambda x: ~((x >= 0.0) & (x < 1.0)), "must be at least 0 and below 1", mean.dtype
    )
    begin, gain = _fraction(jnp.broadcast_to(phase, at_once)), _fraction(mean)
    if steps is None:
        integral = begin[None] + jnp.cumsum(gain, axis=0, dtype=jnp.uint32)
    else:
        number = jnp.arange(1, steps + 1, dtype=jnp.uint32).reshape(-1, *(1 for _ in at_once))
        integral, gain, mean = begin[None] + number * gain[None], gain[None], mean[None]
    # Beyond the whole, integers begin anew: the sum is less than what was added last.
    spikes = (integral < gain) | (mean >= 1.0)
    return replace_gradient(spikes.astype(mean.dtype), jnp.broadcast_to(mean, spikes.shape))


def _per_step(owner: str, rates: Any, dt: float, steps: int | None) -> Float[Array, "..."]:
    """The mean number of spikes in a step."""
    check_dt(owner, dt)
    limit = 1000.0 / dt
    rule = f"must lie in 0 ... {limit:g} Hz, one spike in each step of {dt:g} ms"
    rates = checked(owner, "rates", rates, lambda x: ~((x >= 0.0) & (x <= limit * (1.0 + 1e-6))), rule)
    if steps is not None:
        check_steps(owner, steps)
    elif rates.ndim == 0:
        raise ValueError(f"{owner}: a single rate needs `steps`; without it, the first axis of `rates` is time.")
    return jnp.minimum(rates * (dt / 1000.0), 1.0)


def _fraction(x: Float[Array, "..."]) -> Array:
    """A number below 1 as a fraction of 2^32. (Where it is 1, there is a spike in any case.)"""
    below = jnp.asarray(1.0 - jnp.finfo(x.dtype).epsneg, x.dtype)
    return (jax.lax.stop_gradient(jnp.minimum(x, below)) * 2.0**32).astype(jnp.uint32)
