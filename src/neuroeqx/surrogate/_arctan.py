"""The arc tangent."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class Arctan(AbstractSurrogate):
    r"""$\frac{1}{\pi} \arctan(\frac{\pi}{2} \alpha x)$, of derivative $\frac{\alpha / 2}{1 + (\pi \alpha x / 2)^2}$
    (Fang et al. 2021).

    **Arguments:**

    - `slope`: $\alpha$, per unit of the distance to threshold.
    """

    slope: Parameter = param(2.0)

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.arctan(jnp.pi / 2 * self.slope * x) / jnp.pi
