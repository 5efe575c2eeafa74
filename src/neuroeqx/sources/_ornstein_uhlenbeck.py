"""Coloured noise."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_broadcast, check_not_negative, check_positive
from .._fields import as_parameter, as_shape, check_finite
from .._interfaces import AbstractDynamics
from .._types import Key, Time


class OrnsteinUhlenbeck(AbstractDynamics):
    r"""Independent Ornstein-Uhlenbeck processes, $\tau\, dx = (\mu - x)\, dt + \sigma \sqrt{2 \tau}\, dW$, of mean $\mu$,
    standard deviation $\sigma$ and autocorrelation $e^{-|s| / \tau}$.

    Stationary from the beginning, and exact at any step (Gillespie 1996):
    $x \leftarrow \mu + (x - \mu)\, e^{-dt / \tau} + \sigma \sqrt{1 - e^{-2 dt / \tau}}\, N(0, 1)$.

    A node of a network whose state, and output, is x at the end of the step. It becomes a current or a conductance (the point
    conductances of Destexhe et al. 2001) at a receptor without kinetics of its own, one entry to one cell:

    ```python
    receptors = {"background": Receptor(Instant(), COBA(e=0.0))}  # or CUBA(), for a current
    populations={"noise": OrnsteinUhlenbeck(12.0, 3.0, 2.7, 400), "E": Population(LIF(), 400, receptors)},
    projections=[Projection("noise", "E", "background", connect.one_to_one())]
    ```

    **Arguments:** (each a number, or an array that broadcasts against `shape`)

    - `mean`: $\mu$, in the unit of what it drives.
    - `sigma`: $\sigma$, in the unit of what it drives, not negative. Noise of intensity D, with the covariance
        $D / \tau\, e^{-|s| / \tau}$, has $\sigma = \sqrt{D / \tau}$.
    - `tau`: correlation time, ms.
    - `shape`: the number of processes, or a tuple.
    - `lowest`: what the output is cut at from below, in the unit of what it drives; 0 for conductances, which the process
        itself would make negative at times; nothing is cut by default. The process goes on below; the mean of the output is
        then larger than $\mu$.

    A step's `input`, if there is one, replaces the mean.
    """

    mean: Float[Array, "..."]
    sigma: Float[Array, "..."]
    tau: Float[Array, "..."]
    lowest: Float[Array, "..."] | None
    shape: tuple[int, ...] = eqx.field(static=True)

    # Its output is a value at the end of a step, between which and the next there are others.
    is_spiking: ClassVar[bool] = False

    def __init__(self, mean: Any, sigma: Any, tau: Any, shape: int | tuple[int, ...], *, lowest: Any = None):
        self.mean, self.sigma, self.tau = as_parameter(mean), as_parameter(sigma), as_parameter(tau)
        self.lowest = None if lowest is None else as_parameter(lowest)
        self.shape = as_shape("OrnsteinUhlenbeck", shape)

    def __check_init__(self) -> None:
        check_finite(self)
        check_not_negative(self, "sigma")
        check_positive(self, "tau")
        check_broadcast(self, "mean", "sigma", "tau", "lowest")

    def init(self, *, dt: float, key: Key | None = None) -> Float[Array, "..."]:
        """A draw from the stationary distribution."""
        del dt
        if key is None:
            raise ValueError("OrnsteinUhlenbeck begins at random, so `init` (and `simulate`) needs a `key`.")
        return self.mean + self.sigma * jax.random.normal(key, self.shape, self.sigma.dtype)

    def step(
        self, state: Float[Array, "..."], input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        del t
        if key is None:
            raise ValueError("OrnsteinUhlenbeck needs randomness: pass `key` to `step` or `simulate`.")
        mean = self.mean if input is None else as_parameter(input)
        kept, spread = jnp.exp(-dt / self.tau), jnp.sqrt(-jnp.expm1(-2.0 * dt / self.tau))
        noise = self.sigma * spread * jax.random.normal(key, self.shape, self.sigma.dtype)
        x = mean + (state - mean) * kept + noise
        return x, x if self.lowest is None else jnp.maximum(x, self.lowest)
