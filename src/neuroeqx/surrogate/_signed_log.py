"""A logarithm to both sides."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter
from ._odd import odd


class SignedLog(AbstractSurrogate):
    r"""$\mathrm{sign}(x) \log(1 + \alpha |x|)$, of derivative $1 / (1 / \alpha + |x|)$, whose tails are the longest of all
    (Fang et al. 2023).

    **Arguments:**

    - `slope`: $\alpha$, per unit of the distance to threshold, positive.
    """

    slope: Parameter = param(1.0)

    def __check_init__(self) -> None:
        check_positive(self, "slope")

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        return odd(lambda x: jnp.log1p(self.slope * x), x)
