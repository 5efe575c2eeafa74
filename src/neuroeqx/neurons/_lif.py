"""The leaky integrate-and-fire neuron."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractNeuron, AbstractReset, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike
from ._reset import HardReset


class LIF(AbstractNeuron):
    r"""The leaky integrate-and-fire neuron (Lapicque 1907; Stein 1965), $\tau\, dv/dt = v_{rest} - v + R\, I(v)$.

    It fires in every step that ends at or above `v_th`. A refractory period is a wrapper: `Refractory(LIF(...), 2.0)`.
    Its state is its voltage. Gradients pass through the reset, as they do in the mathematical model; see
    `docs/design.md` for how to stop them.

    **Arguments:** (each a number or an array that broadcasts against the population)

    - `tau`: membrane time constant, ms.
    - `v_rest`: resting potential, mV (or dimensionless).
    - `v_th`: threshold, mV; above `v_reset`.
    - `v_reset`: reset potential, mV.
    - `r`: membrane resistance, mV per unit of current.
    - `resetting`: `HardReset()` (to `v_reset`) or `SoftReset()` (by `v_th - v_reset`).
    - `stepper`: integration method; the default is exact for conductances and currents constant over a step.
    - `surrogate`: the spike function's derivative.
    """

    tau: Parameter = param(20.0)
    v_rest: Parameter = param(0.0)
    v_th: Parameter = param(1.0)
    v_reset: Parameter = param(0.0)
    r: Parameter = param(1.0)
    resetting: AbstractReset = HardReset()
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=SuperSpike)

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.broadcast_to(self.v_rest, shape)

    def vector_field(self, t: Time, y: Float[Array, "..."], current: Current) -> Float[Array, "..."]:
        del t
        return (self.v_rest - y + self.r * current(y)) / self.tau

    def threshold(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        return y - self.v_th

    def reset(self, y: Float[Array, "..."], spike: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.resetting(y, spike, v_th=self.v_th, v_reset=self.v_reset)
