"""The neuron with two time constants of its threshold."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike


class MAT2State(eqx.Module):
    """Voltage and the two parts of the threshold that spikes have left (mV), each of the population's shape."""

    v: Float[Array, "..."]
    h1: Float[Array, "..."]
    h2: Float[Array, "..."]


class MAT2(AbstractNeuron):
    r"""The neuron with a multi-timescale adaptive threshold of Kobayashi, Tsubo & Shinomoto (2009):

    $\tau\, dv/dt = E_L - v + R\, I(v)$ and no reset: a spike leaves the voltage alone, and raises the threshold
    $E_L + \omega + h_1 + h_2$ by $\alpha_1 + \alpha_2$; $\tau_k\, dh_k/dt = -h_k$.

    The published neuron has an absolute refractory period of 2 ms: `Refractory(MAT2(), 2.0)`, during which, as in the paper,
    the voltage goes on. The default parameters are those of a regular-spiking cell.

    **Arguments:**

    - `tau`: membrane time constant, ms.
    - `e_l`: resting potential, mV.
    - `r`: membrane resistance, GOhm.
    - `omega`: the threshold at rest, above the resting potential, mV.
    - `alpha1`, `alpha2`: what a spike adds to the two parts of the threshold, mV.
    - `tau1`, `tau2`: time constants of the two parts, ms.
    - `stepper`, `surrogate`: as in `LIF`.

    Currents are in pA.
    """

    tau: Parameter = param(5.0)
    e_l: Parameter = param(-70.0)
    r: Parameter = param(0.05)
    omega: Parameter = param(19.0)
    alpha1: Parameter = param(37.0)
    alpha2: Parameter = param(2.0)
    tau1: Parameter = param(10.0)
    tau2: Parameter = param(200.0)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    is_held_refractory = False

    def __check_init__(self) -> None:
        check_positive(self, "tau", "tau1", "tau2", "omega")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> MAT2State:
        del key
        zeros = jnp.zeros(shape, self.e_l.dtype)
        return MAT2State(jnp.broadcast_to(self.e_l, shape), zeros, zeros)

    def vector_field(self, t: Time, y: MAT2State, current: Current) -> MAT2State:
        del t
        return MAT2State((self.e_l - y.v + self.r * current(y.v)) / self.tau, -y.h1 / self.tau1, -y.h2 / self.tau2)

    def threshold(self, y: MAT2State) -> Float[Array, "..."]:
        return y.v - (self.e_l + self.omega + y.h1 + y.h2)

    def reset(self, y: MAT2State, spike: Float[Array, "..."]) -> MAT2State:
        return MAT2State(y.v, y.h1 + spike * self.alpha1, y.h2 + spike * self.alpha2)
