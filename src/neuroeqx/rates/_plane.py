"""The state of oscillators in a plane."""

import equinox as eqx
from jaxtyping import Array, Float


class PlaneState(eqx.Module):
    """Two coordinates, dimensionless, each of the population's shape."""

    x: Float[Array, "..."]
    y: Float[Array, "..."]

    @property
    def v(self) -> Float[Array, "..."]:
        """What is coupled: the first coordinate."""
        return self.x
