"""A rectified line with a logarithmic tail."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class LogTailedReLU(AbstractSurrogate):
    r"""A function whose derivative is $\alpha$ below threshold, 1 up to $x = 1$, and $1 / x$ beyond (Cai et al. 2017).

    **Arguments:**

    - `below`: $\alpha$, per unit of the distance to threshold.
    """

    below: Parameter = param(0.0)

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        far = x > 1.0
        tail = 1.0 + jnp.log(jnp.where(far, x, 1.0))
        return jnp.where(far, tail, jnp.where(x >= 0.0, x, self.below * x))
