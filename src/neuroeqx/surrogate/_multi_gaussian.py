"""A Gaussian between two wide negative ones."""

import math

from jax import lax
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class MultiGaussian(AbstractSurrogate):
    r"""A function whose derivative is
    $\alpha\, [(1 + h)\, N(x; 0, \sigma) - h\, N(x; \sigma, s \sigma) - h\, N(x; -\sigma, s \sigma)]$ with normal densities
    $N(x; \mu, \sigma)$ (Yin, Corradi & Bohté 2021).

    **Arguments:**

    - `h`: the weight of the side lobes, dimensionless.
    - `s`: how much wider they are, dimensionless, positive.
    - `sigma`: $\sigma$, in units of the distance to threshold, positive.
    - `scale`: $\alpha$, dimensionless.
    """

    h: Parameter = param(0.15)
    s: Parameter = param(6.0)
    sigma: Parameter = param(0.5)
    scale: Parameter = param(0.5)

    def __check_init__(self) -> None:
        check_positive(self, "s", "sigma")

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        area = lambda mean, width: 0.5 * lax.erf((x - mean) / (math.sqrt(2.0) * width))
        wide = self.s * self.sigma
        lobes = area(self.sigma, wide) + area(-self.sigma, wide)
        return self.scale * ((1.0 + self.h) * area(0.0, self.sigma) - self.h * lobes)
