"""The conductance-based output."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from .._current import Affine
from .._fields import as_parameter, param
from .._interfaces import AbstractOutput
from .._types import Parameter


def _as_optional(value: Any) -> Any:
    return None if value is None else as_parameter(value)


class COBA(AbstractOutput):
    """A conductance with a reversal potential: the current `g (e - v)`.

    **Arguments:**

    - `e`: reversal potential, mV.
    - `scale`: the conductance of one unit of what the synapses add up to, dimensionless; 1 if `None`. With -1, negative
        weights are positive conductances.
    """

    e: Parameter = param()
    scale: Float[Array, "..."] | None = eqx.field(default=None, converter=_as_optional)

    def __call__(self, g: Float[Array, "..."], v: Float[Array, "..."]) -> Float[Array, "..."]:
        return self._conductance(g) * (self.e - v)

    def affine(self, g: Float[Array, "..."]) -> Affine:
        g = self._conductance(g)
        return Affine(g * self.e, g)

    def _conductance(self, g: Float[Array, "..."]) -> Float[Array, "..."]:
        return g if self.scale is None else self.scale * g
