"""The logistic function."""

import jax
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class Sigmoid(AbstractSurrogate):
    r"""$\sigma(\beta x)$, of derivative $\beta \sigma (1 - \sigma)$ (Zenke & Vogels 2021).

    **Arguments:**

    - `slope`: $\beta$, per unit of the distance to threshold.
    """

    slope: Parameter = param(4.0)

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return jax.nn.sigmoid(self.slope * x)
