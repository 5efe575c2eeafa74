"""The synapse without kinetics."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._interfaces import AbstractLinearSynapse
from .._types import Key, Time


class Instant(AbstractLinearSynapse):
    """What arrives in a step acts during that step, and only then: graded and rate coupling, or a square pulse of one
    step. The state is the sum of this step's arrivals."""

    is_held = True

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.zeros(shape)

    def decay(self, state: Float[Array, "..."], *, dt: Time) -> Float[Array, "..."]:
        del dt
        return jnp.zeros_like(state)

    def inject(
        self, state: Float[Array, "..."], add: Callable[[Float[Array, "..."]], Float[Array, "..."]]
    ) -> Float[Array, "..."]:
        return add(state)

    def output(self, state: Float[Array, "..."]) -> Float[Array, "..."]:
        return state
