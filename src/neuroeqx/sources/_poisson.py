"""Independent Poisson spike trains."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_broadcast, check_not_negative
from .._fields import as_parameter, as_shape, check_finite
from .._interfaces import AbstractDynamics
from .._types import is_tracer, Key, Time
from ._rates import rate_now


class Poisson(AbstractDynamics):
    """Independent sources that spike at random, each in every step with probability `rate * dt`.

    A node of a network: `populations={"noise": Poisson(15.0, 100), ...}`. The mean rate is exact; two spikes of one
    source within a step do not occur.

    **Arguments:**

    - `rate`: Hz, not negative: a number, or an array that broadcasts against `shape`.
    - `shape`: the number of sources, or a tuple.

    A step's `input`, if there is one, replaces the rate (Hz): so rates may change in time, through `simulate`'s inputs.
    """

    rate: Float[Array, "..."]
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, rate: Any, shape: int | tuple[int, ...]):
        self.rate = as_parameter(rate)
        self.shape = as_shape("Poisson", shape)

    def __check_init__(self) -> None:
        check_finite(self)
        check_not_negative(self, "rate")
        check_broadcast(self, "rate")

    def init(self, *, dt: float, key: Key | None = None) -> None:
        """There is no state."""
        del key
        if not is_tracer(self.rate) and float(jnp.max(self.rate, initial=0.0)) * dt > 1000.0:
            raise ValueError(
                f"Poisson: a `rate` of {float(jnp.max(self.rate)):g} Hz is more than one spike in each step of "
                f"dt = {dt:g} ms. Use more sources of lower rate, or a shorter step."
            )

    def step(
        self, state: None, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[None, Float[Array, "..."]]:
        del t
        if key is None:
            raise ValueError("Poisson needs randomness: pass `key` to `step` or `simulate`.")
        rate = rate_now("Poisson", self.rate, input)
        uniform = jax.random.uniform(key, self.shape, rate.dtype)
        probability = rate * (dt / 1000.0)
        if input is not None:
            probability = eqx.error_if(
                probability,
                jnp.any(probability > 1.0),
                "Poisson: the rate given as input is more than one spike per step.",
            )
        return state, (uniform < probability).astype(rate.dtype)
