"""Short-term depression."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_fraction, check_positive
from .._fields import param
from .._interfaces import AbstractCell
from .._types import Key, Parameter, Time


class STD(AbstractCell):
    r"""Short-term depression (Tsodyks & Markram 1997), for the `release` of a projection: each spike releases the fraction
    U of what is available, $x$, which recovers: $dx/dt = (1 - x) / \tau$.

    At a spike, $U x$ is put out (x as it is before the spike) and taken from x; between spikes the output is zero.
    Recovery is solved exactly. The state is $x$, 1 at the beginning.

    **Arguments:**

    - `u`: the fraction U that a spike releases, above 0 and at most 1, dimensionless.
    - `tau`: time constant of the recovery, ms.
    """

    u: Parameter = param(0.07)
    tau: Parameter = param(200.0)

    def __check_init__(self) -> None:
        check_fraction(self, "u")
        check_positive(self, "tau")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.ones(shape, self.tau.dtype)

    def step(
        self,
        state: Float[Array, "..."],
        input: Float[Array, "..."],
        *,
        dt: float,
        t: Time = 0.0,
        key: Key | None = None,
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Recover, then release what the spikes `input` ask for."""
        del t, key
        x = 1.0 + (state - 1.0) * jnp.exp(-dt / self.tau)
        released = self.u * x * input
        return x - released, released
