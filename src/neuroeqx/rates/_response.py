"""The response of a population of spiking neurons to its current."""

from jaxtyping import Array, Float

from .._math import exprel_inverse


def abbott_chance(
    x: Float[Array, "..."], a: Float[Array, "..."], b: Float[Array, "..."], d: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""$(a x - b) / (1 - e^{-d (a x - b)})$ (Abbott & Chance 2005): the rate, in the unit of b, 1/d where $a x = b$."""
    return exprel_inverse(-d * (a * x - b)) / d
