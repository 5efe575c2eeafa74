"""Izhikevich's neuron of 2003."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_below
from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import Euler
from ..surrogate import SuperSpike


class IzhikevichState(eqx.Module):
    """Voltage (mV) and recovery `u` (mV/ms), each of the population's shape."""

    v: Float[Array, "..."]
    u: Float[Array, "..."]


class Izhikevich(AbstractNeuron):
    r"""The neuron of Izhikevich (2003):

    $dv/dt = p_1 v^2 + p_2 v + p_3 - u + I(v)$, $du/dt = a (b v - u)$; where v reaches `v_peak` it is set to c, and u grows
    by d.

    The published classes belong to a way of stepping: with coarse steps another one has other spikes. `Euler()` moves both
    variables from their old values. `VoltageFirst()` is what the paper's programs do: v in two halves of a step, then u from
    the new v; `VoltageFirst(1)`, v in one step, those of Izhikevich (2004). Two of the 20 firing patterns shown there
    have p2 = 4.1 and p3 = 108. In the quadratic v is bounded at 10,000 mV, far outside of any voltage.

    **Arguments:**

    - `a`: rate of recovery, 1/ms.
    - `b`: recovery by voltage, 1/ms.
    - `c`: reset potential, mV; below `v_peak`. Cells start from it.
    - `d`: recovery by a spike, mV/ms.
    - `p1`, `p2`, `p3`: the quadratic, 1/(mV ms), 1/ms and mV/ms.
    - `v_peak`: voltage at which a spike is over, mV.
    - `stepper`: `Euler()`, `VoltageFirst()`, or any other.
    - `surrogate`: as in `LIF`.

    Currents are in mV/ms.
    """

    a: Parameter = param(0.02)
    b: Parameter = param(0.2)
    c: Parameter = param(-65.0)
    d: Parameter = param(8.0)
    p1: Parameter = param(0.04)
    p2: Parameter = param(5.0)
    p3: Parameter = param(140.0)
    v_peak: Parameter = param(30.0)
    stepper: AbstractStepper = Euler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    def __check_init__(self) -> None:
        check_below(self, "c", "v_peak")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> IzhikevichState:
        """At v = c and u = b v."""
        del key
        return IzhikevichState(jnp.broadcast_to(self.c, shape), jnp.broadcast_to(self.b * self.c, shape))

    def vector_field(self, t: Time, y: IzhikevichState, current: Current) -> IzhikevichState:
        del t
        v = jnp.clip(y.v, -1e4, 1e4)
        return IzhikevichState(
            (self.p1 * v + self.p2) * v + self.p3 - y.u + current(y.v), self.a * (self.b * y.v - y.u)
        )

    def threshold(self, y: IzhikevichState) -> Float[Array, "..."]:
        return y.v - self.v_peak

    def reset(self, y: IzhikevichState, spike: Float[Array, "..."]) -> IzhikevichState:
        # Not v + spike (c - v), which rounds where v is large.
        return IzhikevichState((1.0 - spike) * y.v + spike * self.c, y.u + spike * self.d)
