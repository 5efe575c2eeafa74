"""The fast sigmoid."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class SuperSpike(AbstractSurrogate):
    r"""The fast sigmoid $x / (1 + \beta |x|)$, of derivative $1 / (1 + \beta |x|)^2$ (Zenke & Ganguli 2018).

    **Arguments:**

    - `slope`: $\beta$, per unit of the distance to threshold. The default suits thresholds of order 1; for voltages in
        mV, 1 is a fair choice.
    """

    slope: Parameter = param(10.0)

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return x / (1.0 + self.slope * jnp.abs(x))
