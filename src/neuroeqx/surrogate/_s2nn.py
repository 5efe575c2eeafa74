"""A logistic function below, a logarithm above."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class S2NN(AbstractSurrogate):
    r"""$\sigma(\alpha x)$ below threshold and $\frac{1}{2} + \beta \log(1 + x)$ above, of derivatives
    $\alpha \sigma (1 - \sigma)$ and $\beta / (1 + x)$ (Suetake et al. 2023).

    **Arguments:**

    - `slope`: $\alpha$, per unit of the distance to threshold.
    - `tail`: $\beta$, per unit of the distance to threshold.
    """

    slope: Parameter = param(4.0)
    tail: Parameter = param(1.0)

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        above = x >= 0.0
        return jnp.where(
            above,
            0.5 + self.tail * jnp.log1p(jnp.where(above, x, 0.0)),
            jax.nn.sigmoid(self.slope * jnp.where(above, 0.0, x)),
        )
