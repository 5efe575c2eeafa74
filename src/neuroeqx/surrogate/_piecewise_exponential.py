"""Exponentials to both sides, of area one."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter
from ._odd import odd


class PiecewiseExponential(AbstractSurrogate):
    r"""A function whose derivative is $\frac{\alpha}{2} e^{-\alpha |x|}$ (Neftci, Mostafa & Zenke 2019).

    **Arguments:**

    - `slope`: $\alpha$, per unit of the distance to threshold, positive.
    """

    slope: Parameter = param(1.0)

    def __check_init__(self) -> None:
        check_positive(self, "slope")

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return odd(lambda x: -0.5 * jnp.expm1(-self.slope * x), x)
