"""The adaptive exponential integrate-and-fire neuron."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_below, check_positive
from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._math import bounded_exp
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike


class AdExState(eqx.Module):
    """Voltage (mV) and adaptation current `w` (pA), each of the population's shape."""

    v: Float[Array, "..."]
    w: Float[Array, "..."]


class AdEx(AbstractNeuron):
    r"""The adaptive exponential integrate-and-fire neuron (Brette & Gerstner 2005):

    $C\, dv/dt = g_L (E_L - v) + g_L \Delta_T\, e^{(v - V_T) / \Delta_T} - w + I(v)$,
    $\tau_w\, dw/dt = a (v - E_L) - w$; where v reaches `v_peak` it is set to `v_reset`, and w grows by b.

    In the equations v is bounded by `v_peak`, and from an exponent of 20 on the exponential is its tangent, where an
    upstroke has a millionth of a millisecond to go: so a step that overshoots stays finite, and does not reach w. The
    default parameters are those of the paper, but for `v_reset` and `v_peak`.

    **Arguments:**

    - `c`: capacitance, pF.
    - `g_l`: leak conductance, nS.
    - `e_l`: reversal potential of the leak, mV.
    - `v_t`: $V_T$, the voltage at which a spike takes off, mV.
    - `delta_t`: $\Delta_T$, the sharpness of that, mV.
    - `a`: adaptation below threshold, nS.
    - `tau_w`: time constant of adaptation, ms.
    - `b`: adaptation by a spike, pA.
    - `v_reset`: reset potential, mV.
    - `v_peak`: voltage at which a spike is over, mV; above `v_reset`.
    - `stepper`, `surrogate`: as in `LIF`.

    Currents are in pA.
    """

    c: Parameter = param(281.0)
    g_l: Parameter = param(30.0)
    e_l: Parameter = param(-70.6)
    v_t: Parameter = param(-50.4)
    delta_t: Parameter = param(2.0)
    a: Parameter = param(4.0)
    tau_w: Parameter = param(144.0)
    b: Parameter = param(80.5)
    v_reset: Parameter = param(-60.0)
    v_peak: Parameter = param(0.0)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    bounded_by = "v_peak"

    def __check_init__(self) -> None:
        check_positive(self, "c", "g_l", "delta_t", "tau_w")
        check_below(self, "v_reset", "v_peak")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> AdExState:
        """At the leak reversal potential, without adaptation."""
        del key
        return AdExState(jnp.broadcast_to(self.e_l, shape), jnp.zeros(shape, self.e_l.dtype))

    def vector_field(self, t: Time, y: AdExState, current: Current) -> AdExState:
        del t
        v = jnp.minimum(y.v, self.v_peak)
        upstroke = self.delta_t * bounded_exp((v - self.v_t) / self.delta_t)
        return AdExState(
            (self.g_l * (self.e_l - v + upstroke) - y.w + current(v)) / self.c,
            (self.a * (v - self.e_l) - y.w) / self.tau_w,
        )

    def threshold(self, y: AdExState) -> Float[Array, "..."]:
        return y.v - self.v_peak

    def reset(self, y: AdExState, spike: Float[Array, "..."]) -> AdExState:
        # Not v + spike (v_reset - v), which rounds where v is large.
        return AdExState((1.0 - spike) * y.v + spike * self.v_reset, y.w + spike * self.b)
