"""The leaky integrate-and-fire neuron with an adaptive threshold."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_below, check_positive
from .._fields import param
from .._interfaces import AbstractNeuron, AbstractReset, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike
from ._reset import SoftReset


class ALIFState(eqx.Module):
    """Voltage (mV) and the trace `a` of the neuron's own spikes, each of the population's shape."""

    v: Float[Array, "..."]
    a: Float[Array, "..."]


class ALIF(AbstractNeuron):
    r"""A leaky integrate-and-fire neuron whose threshold rises with each spike (Bellec et al. 2018, 2020):

    $\tau\, dv/dt = v_{rest} - v + R\, I(v)$, $\tau_a\, da/dt = -a$, threshold $v_{th} + \beta a$; a spike adds 1 to $a$.

    By default a spike lowers the voltage by `v_th - v_reset`, as published. (In the published equations of discrete time
    what a spike changes begins to decay one step later than here.)

    **Arguments:**

    - `tau`: membrane time constant, ms.
    - `v_rest`: resting potential, mV (or dimensionless).
    - `v_th`: threshold of a neuron that has been silent, mV; above `v_reset`.
    - `v_reset`: reset potential, mV.
    - `r`: membrane resistance, mV per unit of current.
    - `tau_a`: time constant of adaptation, ms.
    - `beta`: how much a spike raises the threshold, mV.
    - `resetting`: `SoftReset()` (by `v_th - v_reset`) or `HardReset()` (to `v_reset`).
    - `stepper`, `surrogate`: as in `LIF`.
    """

    tau: Parameter = param(20.0)
    v_rest: Parameter = param(0.0)
    v_th: Parameter = param(1.0)
    v_reset: Parameter = param(0.0)
    r: Parameter = param(1.0)
    tau_a: Parameter = param(200.0)
    beta: Parameter = param(0.1)
    resetting: AbstractReset = SoftReset()
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=SuperSpike)

    def __check_init__(self) -> None:
        check_positive(self, "tau", "tau_a")
        check_below(self, "v_reset", "v_th")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> ALIFState:
        del key
        return ALIFState(jnp.broadcast_to(self.v_rest, shape), jnp.zeros(shape, self.v_rest.dtype))

    def vector_field(self, t: Time, y: ALIFState, current: Current) -> ALIFState:
        del t
        return ALIFState((self.v_rest - y.v + self.r * current(y.v)) / self.tau, -y.a / self.tau_a)

    def threshold(self, y: ALIFState) -> Float[Array, "..."]:
        return y.v - (self.v_th + self.beta * y.a)

    def reset(self, y: ALIFState, spike: Float[Array, "..."]) -> ALIFState:
        return ALIFState(self.resetting(y.v, spike, v_th=self.v_th, v_reset=self.v_reset), y.a + spike)
