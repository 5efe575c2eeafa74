"""The conductance-based output."""

from jaxtyping import Array, Float

from .._current import Affine
from .._fields import param
from .._interfaces import AbstractOutput
from .._types import Parameter


class COBA(AbstractOutput):
    """A conductance with a reversal potential: the current `g (e - v)`.

    **Arguments:**

    - `e`: reversal potential, mV.
    """

    e: Parameter = param()

    def __call__(self, g: Float[Array, "..."], v: Float[Array, "..."]) -> Float[Array, "..."]:
        return g * (self.e - v)

    def affine(self, g: Float[Array, "..."]) -> Affine:
        return Affine(g * self.e, g)
