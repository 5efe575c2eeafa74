"""The Gaussian derivative."""

import math

from jax import lax
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class Gaussian(AbstractSurrogate):
    r"""A function whose derivative is $\alpha$ times the normal density of deviation $\sigma$ (Yin, Corradi & Bohté 2021).

    **Arguments:**

    - `sigma`: $\sigma$, in units of the distance to threshold, positive.
    - `scale`: $\alpha$, the area, dimensionless.
    """

    sigma: Parameter = param(0.5)
    scale: Parameter = param(0.5)

    def __check_init__(self) -> None:
        check_positive(self, "sigma")

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return 0.5 * self.scale * lax.erf(x / (math.sqrt(2.0) * self.sigma))
