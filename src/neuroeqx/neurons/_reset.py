"""What a spike does to the voltage of an integrate-and-fire cell."""

from jaxtyping import Array, Float

from .._fields import check_finite, param
from .._interfaces import AbstractReset
from .._types import Parameter


class HardReset(AbstractReset):
    """The voltage is set to `v_reset`: whatever exceeded the threshold is lost."""

    def __call__(
        self,
        v: Float[Array, "..."],
        spike: Float[Array, "..."],
        *,
        v_th: Float[Array, "..."],
        v_reset: Float[Array, "..."],
    ) -> Float[Array, "..."]:
        del v_th
        return v + spike * (v_reset - v)


class SoftReset(AbstractReset):
    """The voltage falls by `v_th - v_reset`: what exceeded the threshold is kept (Rueckauer et al. 2017)."""

    def __call__(
        self,
        v: Float[Array, "..."],
        spike: Float[Array, "..."],
        *,
        v_th: Float[Array, "..."],
        v_reset: Float[Array, "..."],
    ) -> Float[Array, "..."]:
        return v - spike * (v_th - v_reset)


class PartialReset(AbstractReset):
    """The voltage keeps a part of its distance from `v_reset` (Teeter et al. 2018): `v_reset + fraction (v - v_reset) + add`.

    **Arguments:**

    - `fraction`: what is left of the distance, dimensionless.
    - `add`: what is added, mV.
    """

    fraction: Parameter = param()
    add: Parameter = param(0.0)

    def __check_init__(self) -> None:
        check_finite(self)

    def __call__(
        self,
        v: Float[Array, "..."],
        spike: Float[Array, "..."],
        *,
        v_th: Float[Array, "..."],
        v_reset: Float[Array, "..."],
    ) -> Float[Array, "..."]:
        del v_th
        return v + spike * (self.add - (1.0 - self.fraction) * (v - v_reset))
