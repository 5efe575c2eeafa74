"""What a spike does to the voltage of an integrate-and-fire cell."""

from jaxtyping import Array, Float

from .._interfaces import AbstractReset


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
