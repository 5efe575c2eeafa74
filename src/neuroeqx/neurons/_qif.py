"""The quadratic integrate-and-fire neuron."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_below, check_positive
from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike


class QIF(AbstractNeuron):
    r"""The quadratic integrate-and-fire neuron (Latham et al. 2000), the normal form of a saddle-node:

    $\tau\, dv/dt = c\, (v - v_{rest})(v - v_c) + R\, I(v)$; where v reaches `v_peak` it is set to `v_reset`.

    In the equation v is bounded by `v_peak`, so that a step that overshoots stays finite. Its state is its voltage.

    **Arguments:**

    - `tau`: time constant, ms.
    - `c`: curvature, 1/mV.
    - `v_rest`: resting potential, mV.
    - `v_c`: voltage above which v runs away without input, mV.
    - `r`: membrane resistance, mV per unit of current.
    - `v_reset`: reset potential, mV.
    - `v_peak`: voltage at which a spike is over, mV; above `v_reset`.
    - `stepper`, `surrogate`: as in `LIF`.
    """

    tau: Parameter = param(10.0)
    c: Parameter = param(0.07)
    v_rest: Parameter = param(-65.0)
    v_c: Parameter = param(-50.0)
    r: Parameter = param(1.0)
    v_reset: Parameter = param(-68.0)
    v_peak: Parameter = param(-30.0)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    bounded_by = "v_peak"

    def __check_init__(self) -> None:
        check_positive(self, "tau", "c")
        check_below(self, "v_reset", "v_peak")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.broadcast_to(self.v_rest, shape)

    def vector_field(self, t: Time, y: Float[Array, "..."], current: Current) -> Float[Array, "..."]:
        del t
        v = jnp.minimum(y, self.v_peak)
        return (self.c * (v - self.v_rest) * (v - self.v_c) + self.r * current(v)) / self.tau

    def threshold(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        return y - self.v_peak

    def reset(self, y: Float[Array, "..."], spike: Float[Array, "..."]) -> Float[Array, "..."]:
        # Not v + spike (v_reset - v), which rounds where v is large.
        return (1.0 - spike) * y + spike * self.v_reset
