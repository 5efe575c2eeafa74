"""The exponential integrate-and-fire neuron."""

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


class ExpIF(AbstractNeuron):
    r"""The exponential integrate-and-fire neuron (Fourcaud-Trocmé et al. 2003):

    $C\, dv/dt = g_L (E_L - v) + g_L \Delta_T\, e^{(v - V_T) / \Delta_T} + I(v)$; where v reaches `v_peak` it is set to
    `v_reset`.

    In the equation v is bounded by `v_peak`, and from an exponent of 20 on the exponential is its tangent, where an
    upstroke has a millionth of a millisecond to go: so a step that overshoots stays finite. Its state is its voltage.

    **Arguments:**

    - `c`: capacitance, pF.
    - `g_l`: leak conductance, nS.
    - `e_l`: reversal potential of the leak, mV.
    - `v_t`: $V_T$, the voltage at which a spike takes off, mV.
    - `delta_t`: $\Delta_T$, the sharpness of that, mV.
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
    v_reset: Parameter = param(-60.0)
    v_peak: Parameter = param(0.0)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    bounded_by = "v_peak"

    def __check_init__(self) -> None:
        check_positive(self, "c", "g_l", "delta_t")
        check_below(self, "v_reset", "v_peak")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.broadcast_to(self.e_l, shape)

    def vector_field(self, t: Time, y: Float[Array, "..."], current: Current) -> Float[Array, "..."]:
        del t
        v = jnp.minimum(y, self.v_peak)
        upstroke = self.delta_t * bounded_exp((v - self.v_t) / self.delta_t)
        return (self.g_l * (self.e_l - v + upstroke) + current(v)) / self.c

    def threshold(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        return y - self.v_peak

    def reset(self, y: Float[Array, "..."], spike: Float[Array, "..."]) -> Float[Array, "..."]:
        # Not v + spike (v_reset - v), which rounds where v is large.
        return (1.0 - spike) * y + spike * self.v_reset
