"""The output that moves the voltage at once."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._current import Affine
from .._interfaces import AbstractOutput


class Delta(AbstractOutput):
    """A jump of the voltage: what arrives in a step is added to the voltage at its end, before the cell may fire.

    The voltage of a cell that is refractory stays as it is, and the jump is lost. It goes with `Instant()`, for what
    lasts longer than a step would jump in each of them: `Receptor(Instant(), Delta())`. Weights are in mV.
    """

    def __call__(self, g: Float[Array, "..."], v: Float[Array, "..."]) -> Float[Array, "..."]:
        """No current."""
        return jnp.zeros_like(g * v)

    def affine(self, g: Float[Array, "..."]) -> Affine:
        return Affine(jnp.zeros_like(g), None, g)
