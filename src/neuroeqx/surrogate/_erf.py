"""The error function."""

from jax import lax
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class Erf(AbstractSurrogate):
    r"""$\frac{1}{2} \mathrm{erf}(\alpha x)$, of derivative $\frac{\alpha}{\sqrt{\pi}} e^{-\alpha^2 x^2}$ (Esser et al. 2015).

    **Arguments:**

    - `slope`: $\alpha$, per unit of the distance to threshold.
    """

    slope: Parameter = param(1.0)

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return 0.5 * lax.erf(self.slope * x)
