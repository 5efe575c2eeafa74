"""The perfect integrator."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_below, check_positive
from .._fields import param
from .._interfaces import AbstractNeuron, AbstractReset, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike
from ._reset import HardReset


class IF(AbstractNeuron):
    r"""The perfect integrator, $C\, dv/dt = I(v)$ (the neuron of Lapicque 1907 without its leak).

    It fires in every step that ends at or above `v_th`. Under a constant current its rate is
    $I / (C\, (v_{th} - v_{reset}))$. Its state is its voltage, and starts at `v_reset`.

    **Arguments:**

    - `c`: capacitance, pF (or dimensionless).
    - `v_th`: threshold, mV; above `v_reset`.
    - `v_reset`: reset potential, mV.
    - `resetting`: `HardReset()` (to `v_reset`) or `SoftReset()` (by `v_th - v_reset`, which loses no charge).
    - `stepper`, `surrogate`: as in `LIF`.
    """

    c: Parameter = param(20.0)
    v_th: Parameter = param(1.0)
    v_reset: Parameter = param(0.0)
    resetting: AbstractReset = HardReset()
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=SuperSpike)

    def __check_init__(self) -> None:
        check_positive(self, "c")
        check_below(self, "v_reset", "v_th")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.broadcast_to(self.v_reset, shape)

    def vector_field(self, t: Time, y: Float[Array, "..."], current: Current) -> Float[Array, "..."]:
        del t
        # Of the shape of y, whatever the shape of the current.
        return (0.0 * y + current(y)) / self.c

    def threshold(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        return y - self.v_th

    def reset(self, y: Float[Array, "..."], spike: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.resetting(y, spike, v_th=self.v_th, v_reset=self.v_reset)
