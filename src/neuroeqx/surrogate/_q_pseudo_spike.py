"""Tails of any power."""

from jaxtyping import Array, Float

from .._checks import check_above
from .._fields import param
from .._interfaces import AbstractSurrogate
from .._types import Parameter
from ._odd import odd


class QPseudoSpike(AbstractSurrogate):
    r"""A function whose derivative is $(1 + \frac{2 |x|}{\alpha + 1})^{-\alpha}$ (Herranz-Celotti & Rouat 2022).

    **Arguments:**

    - `power`: $\alpha$, with which the tails fall, dimensionless, above 1.
    """

    power: Parameter = param(2.0)

    def __check_init__(self) -> None:
        check_above(1.0, self, "power")

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        a = self.power
        area = lambda x: 0.5 * (a + 1.0) / (a - 1.0) * (1.0 - (1.0 + 2.0 * x / (a + 1.0)) ** (1.0 - a))
        return odd(area, x)
