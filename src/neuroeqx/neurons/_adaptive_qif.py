"""The quadratic integrate-and-fire neuron with adaptation."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_below, check_positive
from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike


class AdaptiveQIFState(eqx.Module):
    """Voltage and adaptation `w` (mV), each of the population's shape."""

    v: Float[Array, "..."]
    w: Float[Array, "..."]


class AdaptiveQIF(AbstractNeuron):
    r"""The quadratic integrate-and-fire neuron with a linear adaptation (Izhikevich 2004; Touboul & Brette 2009):

    $\tau\, dv/dt = c\, (v - v_{rest})(v - v_c) - w + R\, I(v)$,
    $\tau_w\, dw/dt = a (v - v_{rest}) - w$; where v reaches `v_peak` it is set to `v_reset`, and w grows by b.

    In the equations v is bounded by `v_peak`, so that a step that overshoots stays finite and does not reach w.

    **Arguments:**

    - `tau`: time constant, ms.
    - `c`: curvature, 1/mV.
    - `v_rest`: resting potential, mV.
    - `v_c`: voltage above which v runs away without input, mV.
    - `r`: membrane resistance, mV per unit of current.
    - `a`: adaptation below threshold, mV per mV.
    - `tau_w`: time constant of adaptation, ms.
    - `b`: adaptation by a spike, mV.
    - `v_reset`: reset potential, mV.
    - `v_peak`: voltage at which a spike is over, mV; above `v_reset`.
    - `stepper`, `surrogate`: as in `LIF`.
    """

    tau: Parameter = param(10.0)
    c: Parameter = param(0.07)
    v_rest: Parameter = param(-65.0)
    v_c: Parameter = param(-50.0)
    r: Parameter = param(1.0)
    a: Parameter = param(1.0)
    tau_w: Parameter = param(10.0)
    b: Parameter = param(0.1)
    v_reset: Parameter = param(-68.0)
    v_peak: Parameter = param(-30.0)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    bounded_by = "v_peak"

    def __check_init__(self) -> None:
        check_positive(self, "tau", "c", "tau_w")
        check_below(self, "v_reset", "v_peak")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> AdaptiveQIFState:
        del key
        return AdaptiveQIFState(jnp.broadcast_to(self.v_rest, shape), jnp.zeros(shape, self.v_rest.dtype))

    def vector_field(self, t: Time, y: AdaptiveQIFState, current: Current) -> AdaptiveQIFState:
        del t
        v = jnp.minimum(y.v, self.v_peak)
        return AdaptiveQIFState(
            (self.c * (v - self.v_rest) * (v - self.v_c) - y.w + self.r * current(v)) / self.tau,
            (self.a * (v - self.v_rest) - y.w) / self.tau_w,
        )

    def threshold(self, y: AdaptiveQIFState) -> Float[Array, "..."]:
        return y.v - self.v_peak

    def reset(self, y: AdaptiveQIFState, spike: Float[Array, "..."]) -> AdaptiveQIFState:
        # Not v + spike (v_reset - v), which rounds where v is large.
        return AdaptiveQIFState((1.0 - spike) * y.v + spike * self.v_reset, y.w + spike * self.b)
