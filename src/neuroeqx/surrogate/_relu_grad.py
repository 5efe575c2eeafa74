"""A triangle of given height and width."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class ReLUGrad(AbstractSurrogate):
    r"""A function whose derivative is the triangle $\max(0, \alpha (w - |x|))$ (Neftci, Mostafa & Zenke 2019).

    **Arguments:**

    - `slope`: $\alpha$, by which the derivative falls, per unit of the distance to threshold.
    - `width`: $w$, where it vanishes, in units of the distance to threshold, positive.
    """

    slope: Parameter = param(0.3)
    width: Parameter = param(1.0)

    def __check_init__(self) -> None:
        check_positive(self, "width")

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        u = jnp.clip(x, -self.width, self.width)
        return self.slope * (self.width * u - 0.5 * u * jnp.abs(u))
