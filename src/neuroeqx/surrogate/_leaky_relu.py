"""A step between two slopes."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class LeakyReLU(AbstractSurrogate):
    r"""A function whose derivative is $\alpha$ below threshold and $\beta$ above (Maas, Hannun & Ng 2013).

    **Arguments:**

    - `below`, `above`: $\alpha$ and $\beta$, per unit of the distance to threshold.
    """

    below: Parameter = param(0.1)
    above: Parameter = param(1.0)

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.where(x < 0.0, self.below, self.above) * x
