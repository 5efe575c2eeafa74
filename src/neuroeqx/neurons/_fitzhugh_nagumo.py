"""The FitzHugh-Nagumo oscillator."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike


class FitzHughNagumoState(eqx.Module):
    """Voltage and recovery, both dimensionless, each of the population's shape."""

    v: Float[Array, "..."]
    w: Float[Array, "..."]


class FitzHughNagumo(AbstractNeuron):
    r"""Excitability in two polynomials (FitzHugh 1961; Nagumo et al. 1962):

    $dv/dt = v - v^3 / 3 - w + I(v)$, $\tau\, dw/dt = v + a - b w$.

    The unit of time, in the original without dimension, is 1 ms here. The sign of the current is that of a membrane's:
    positive ones excite.

    It fires in the step in which v crosses `v_th` upwards, and is not reset. It starts at `v_rest`, with w where it
    stands still.

    **Arguments:**

    - `a`, `b`: the line on which the recovery stands still, b positive, dimensionless.
    - `tau`: time constant of the recovery, positive, ms.
    - `v_rest`: voltage of the start, by default the rest of the other defaults, dimensionless.
    - `v_th`: voltage whose upward crossing counts as a spike, dimensionless.
    - `stepper`, `surrogate`: as in `LIF`.
    """

    a: Parameter = param(0.7)
    b: Parameter = param(0.8)
    tau: Parameter = param(12.5)
    v_rest: Parameter = param(-1.199408035244035)
    v_th: Parameter = param(1.0)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=SuperSpike)

    fires_on_crossing = True

    def __check_init__(self) -> None:
        check_positive(self, "b", "tau")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> FitzHughNagumoState:
        """At `v_rest`, with w where it stands still."""
        del key
        w = (self.v_rest + self.a) / self.b
        return FitzHughNagumoState(jnp.broadcast_to(self.v_rest, shape), jnp.broadcast_to(w, shape))

    def vector_field(self, t: Time, y: FitzHughNagumoState, current: Current) -> FitzHughNagumoState:
        del t
        v, w = y.v, y.w
        return FitzHughNagumoState(v - v * v * v * (1.0 / 3.0) - w + current(v), (v + self.a - self.b * w) / self.tau)

    def threshold(self, y: FitzHughNagumoState) -> Float[Array, "..."]:
        return y.v - self.v_th

    def reset(self, y: FitzHughNagumoState, spike: Float[Array, "..."]) -> FitzHughNagumoState:
        del spike
        return y
