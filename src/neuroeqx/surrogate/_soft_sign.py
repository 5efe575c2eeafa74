"""The soft sign."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class SoftSign(AbstractSurrogate):
    r"""$\frac{1}{2} \frac{\alpha x}{1 + \alpha |x|}$, of derivative $\frac{\alpha / 2}{(1 + \alpha |x|)^2}$: a `SuperSpike`
    whose area is 1 (Zenke & Ganguli 2018).

    **Arguments:**

    - `slope`: $\alpha$, per unit of the distance to threshold.
    """

    slope: Parameter = param(1.0)

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        u = self.slope * x
        return 0.5 * u / (1.0 + jnp.abs(u))
