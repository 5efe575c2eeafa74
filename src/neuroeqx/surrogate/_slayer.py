"""Exponentials to both sides, of height one."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter
from ._odd import odd


class Slayer(AbstractSurrogate):
    r"""A function whose derivative is $e^{-\alpha |x|}$ (Shrestha & Orchard 2018).

    **Arguments:**

    - `slope`: $\alpha$, per unit of the distance to threshold, positive.
    """

    slope: Parameter = param(1.0)

    def __check_init__(self) -> None:
        check_positive(self, "slope")

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return odd(lambda x: -jnp.expm1(-self.slope * x) / self.slope, x)
