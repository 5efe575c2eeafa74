"""A rectangle with a leak."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class PiecewiseLeakyReLU(AbstractSurrogate):
    r"""A function whose derivative is $1 / w$ where $|x| \le w$, and $c$ beyond (Wu et al. 2018).

    **Arguments:**

    - `leak`: $c$, the derivative far from threshold, per unit of the distance to threshold.
    - `width`: $w$, in units of the distance to threshold, positive.
    """

    leak: Parameter = param(0.01)
    width: Parameter = param(1.0)

    def __check_init__(self) -> None:
        check_positive(self, "width")

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        u = jnp.clip(x, -self.width, self.width)
        return u / self.width + self.leak * (x - u)
