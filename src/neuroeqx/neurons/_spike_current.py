"""A current that a neuron's own spikes set off."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import check_finite, param
from .._types import Parameter


class SpikeCurrent(eqx.Module):
    r"""A current that a neuron's own spikes set off (Mihalas & Niebur 2009), for `GIF` and `GLIF`: $dI/dt = -k I$; a spike
    sets it to $r I + a$.

    **Arguments:**

    - `k`: rate of decay, 1/ms.
    - `r`: what is left of it at a spike: 1 keeps it, 0 starts anew, dimensionless.
    - `a`: what a spike adds, pA.
    """

    k: Parameter = param()
    r: Parameter = param(1.0)
    a: Parameter = param(0.0)

    def __check_init__(self) -> None:
        check_positive(self, "k")
        check_finite(self)

    def slope(self, current: Float[Array, "..."]) -> Float[Array, "..."]:
        """$dI/dt$, pA/ms."""
        return -self.k * current

    def reset(self, current: Float[Array, "..."], spike: Float[Array, "..."]) -> Float[Array, "..."]:
        """The current after `spike` (0 or 1)."""
        return current + spike * (self.r * current + self.a - current)


def check_currents(owner: str, currents: tuple[Any, ...]) -> None:
    """Raise a `TypeError` if there is anything else among the currents."""
    for current in currents:
        if not isinstance(current, SpikeCurrent):
            raise TypeError(f"{owner}: `currents` must be a sequence of SpikeCurrent, got {current!r} in it.")
