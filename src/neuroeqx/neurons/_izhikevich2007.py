"""Izhikevich's neuron of 2007."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_below, check_positive
from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import Euler
from ..surrogate import SuperSpike


class Izhikevich2007State(eqx.Module):
    """Voltage (mV) and recovery current `u` (pA), each of the population's shape."""

    v: Float[Array, "..."]
    u: Float[Array, "..."]


class Izhikevich2007(AbstractNeuron):
    r"""The neuron of Izhikevich (2007, chapter 8), in electrical units:

    $C\, dv/dt = k (v - v_r)(v - v_t) - u + I(v)$, $du/dt = a\, (b (v - v_r) - u)$; where v reaches `v_peak` it is set to
    `v_reset`, and u grows by d. The default parameters are those of a regular-spiking cell.

    The published cells belong to forward Euler in steps of 1 ms or less. In the equations v is bounded by `v_peak`, so that
    a step that overshoots stays finite and does not reach u.

    **Arguments:**

    - `c`: capacitance, pF.
    - `k`: curvature, nS/mV.
    - `v_r`: resting potential, mV.
    - `v_t`: threshold potential, mV.
    - `a`: rate of recovery, 1/ms.
    - `b`: recovery by voltage, nS.
    - `v_reset`: reset potential, mV.
    - `d`: recovery by a spike, pA.
    - `v_peak`: voltage at which a spike is over, mV; above `v_reset`.
    - `stepper`, `surrogate`: as in `LIF`.

    Currents are in pA.
    """

    c: Parameter = param(100.0)
    k: Parameter = param(0.7)
    v_r: Parameter = param(-60.0)
    v_t: Parameter = param(-40.0)
    a: Parameter = param(0.03)
    b: Parameter = param(-2.0)
    v_reset: Parameter = param(-50.0)
    d: Parameter = param(100.0)
    v_peak: Parameter = param(35.0)
    stepper: AbstractStepper = Euler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    bounded_by = "v_peak"

    def __check_init__(self) -> None:
        check_positive(self, "c")
        check_below(self, "v_reset", "v_peak")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Izhikevich2007State:
        del key
        return Izhikevich2007State(jnp.broadcast_to(self.v_r, shape), jnp.zeros(shape, self.v_r.dtype))

    def vector_field(self, t: Time, y: Izhikevich2007State, current: Current) -> Izhikevich2007State:
        del t
        v = jnp.minimum(y.v, self.v_peak)
        return Izhikevich2007State(
            (self.k * (v - self.v_r) * (v - self.v_t) - y.u + current(v)) / self.c,
            self.a * (self.b * (v - self.v_r) - y.u),
        )

    def threshold(self, y: Izhikevich2007State) -> Float[Array, "..."]:
        return y.v - self.v_peak

    def reset(self, y: Izhikevich2007State, spike: Float[Array, "..."]) -> Izhikevich2007State:
        # Not v + spike (v_reset - v), which rounds where v is large.
        return Izhikevich2007State((1.0 - spike) * y.v + spike * self.v_reset, y.u + spike * self.d)
