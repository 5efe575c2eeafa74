"""A triangle of area one."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class PiecewiseQuadratic(AbstractSurrogate):
    r"""A function whose derivative is the triangle $\max(0, \alpha - \alpha^2 |x|)$, of area 1 whatever its width
    (Esser et al. 2016).

    **Arguments:**

    - `slope`: $\alpha$, per unit of the distance to threshold; the derivative vanishes beyond $1 / \alpha$.
    """

    slope: Parameter = param(1.0)

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        u = jnp.clip(self.slope * x, -1.0, 1.0)
        return u - 0.5 * u * jnp.abs(u)
