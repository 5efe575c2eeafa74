"""Spike trains more regular than Poisson ones."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from .._checks import check_broadcast, check_not_negative
from .._fields import as_parameter, as_shape, check_finite
from .._interfaces import AbstractDynamics
from .._types import is_tracer, Key, Time
from ._counts import poisson_counts
from ._rates import rate_now


class GammaProcess(AbstractDynamics):
    r"""Independent renewal processes whose intervals have a gamma distribution of whole order $k$ and mean $1 / rate$,
    so the coefficient of variation $1 / \sqrt{k}$ (Cox 1962): Poisson for $k = 1$, the more regular the larger $k$ is.

    A node of a network, as `Poisson`. Each is every k-th event of a Poisson process of rate $k\, rate$; its state is how many
    events have passed since the last spike. So the number of spikes of a step has exactly the law of the process in
    continuous time; several in one step count as many times, as with `SpikeTimes`. Where the rate changes, intervals have
    that law in the time rescaled by it.

    **Arguments:**

    - `order`: $k$, a whole number of at least 1, or an array of them that broadcasts against `shape`.
    - `rate`: Hz, not negative; a number, or an array that broadcasts against `shape`.
    - `shape`: the number of sources, or a tuple.
    - `equilibrium`: `True`: the process has been going on for ever, so that the first spike comes after the forward
        recurrence time, of density $rate\, P(\text{interval} > t)$, and the rate is constant from the beginning. `False`:
        an ordinary renewal process, as if each had spiked at the beginning; the first interval is like the others.

    A step's `input`, if there is one, replaces the rate (Hz): so rates may change in time, through `simulate`'s inputs.
    """

    order: Int[Array, "..."]
    rate: Float[Array, "..."]
    shape: tuple[int, ...] = eqx.field(static=True)
    equilibrium: bool = eqx.field(static=True)

    def __init__(self, order: Any, rate: Any, shape: int | tuple[int, ...], *, equilibrium: bool = True):
        known = order if is_tracer(order) else np.asarray(order)
        if not np.issubdtype(known.dtype, np.integer):
            raise TypeError(f"GammaProcess: `order` must be whole, got {order!r}.")
        if not is_tracer(known) and np.any(known < 1):
            raise ValueError(f"GammaProcess: `order` must be at least 1, got {known.min()}.")
        self.order = jnp.asarray(known, jnp.int32)
        self.rate = as_parameter(rate)
        self.shape = as_shape("GammaProcess", shape)
        self.equilibrium = equilibrium

    def __check_init__(self) -> None:
        check_finite(self)
        check_not_negative(self, "rate")
        check_broadcast(self, "order", "rate")

    def init(self, *, dt: float, key: Key | None = None) -> Int[Array, "..."]:
        """How many events have passed since the last spike: 0, or in equilibrium each number below the order as likely."""
        del dt
        if not self.equilibrium:
            return jnp.zeros(self.shape, jnp.int32)
        if key is None:
            raise ValueError(
                "GammaProcess begins at random, so `init` (and `simulate`) needs a `key`; or give equilibrium=False."
            )
        return jax.random.randint(key, self.shape, 0, self.order, jnp.int32)

    def step(
        self, state: Int[Array, "..."], input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[Int[Array, "..."], Float[Array, "..."]]:
        del t
        if key is None:
            raise ValueError("GammaProcess needs randomness: pass `key` to `step` or `simulate`.")
        rate = rate_now("GammaProcess", self.rate, input)
        events = poisson_counts(key, self.order.astype(rate.dtype) * rate * (dt / 1000.0), self.shape)
        passed = state + events.astype(jnp.int32)
        order = jnp.broadcast_to(self.order, self.shape)
        return lax.rem(passed, order), lax.div(passed, order).astype(rate.dtype)
