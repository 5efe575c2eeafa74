"""The current-based output."""

from jaxtyping import Array, Float

from .._current import Affine
from .._interfaces import AbstractOutput


class CUBA(AbstractOutput):
    """A current that does not depend on the voltage: the current `g`."""

    def __call__(self, g: Float[Array, "..."], v: Float[Array, "..."]) -> Float[Array, "..."]:
        del v
        return g

    def affine(self, g: Float[Array, "..."]) -> Affine:
        return Affine(g)
