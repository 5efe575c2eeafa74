"""The exponential synapse."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractLinearSynapse
from .._types import Key, Parameter, Time


class Expon(AbstractLinearSynapse):
    r"""$dg/dt = -g / \tau$, and each arriving spike adds its weight to $g$ (Roth & van Rossum 2009). Solved exactly;
    the state is $g$.

    **Arguments:**

    - `tau`: decay time constant, ms.
    """

    tau: Parameter = param(5.0)

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.zeros(shape, self.tau.dtype)

    def decay(self, state: Float[Array, "..."], *, dt: Time) -> Float[Array, "..."]:
        return state * jnp.exp(-dt / self.tau)

    def inject(
        self, state: Float[Array, "..."], add: Callable[[Float[Array, "..."]], Float[Array, "..."]]
    ) -> Float[Array, "..."]:
        return add(state)

    def output(self, state: Float[Array, "..."]) -> Float[Array, "..."]:
        return state
