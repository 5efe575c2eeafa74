"""The Hindmarsh-Rose neuron."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike


class HindmarshRoseState(eqx.Module):
    """Voltage, the fast recovery `w` and the slow adaptation `z`, dimensionless, each of the population's shape."""

    v: Float[Array, "..."]
    w: Float[Array, "..."]
    z: Float[Array, "..."]


class HindmarshRose(AbstractNeuron):
    r"""Bursts, and chaos, in three polynomials (Hindmarsh & Rose 1984):

    $dv/dt = w - a v^3 + b v^2 - z + I(v)$, $dw/dt = c - d v^2 - w$, $dz/dt = r (s (v - v_r) - z)$.

    The unit of time, in the original without dimension, is 1 ms here. With the defaults it rests below a current of
    about 1.3, then bursts, at around 3 without any period, and fires regularly at 4.

    It fires in the step in which v crosses `v_th` upwards, and is not reset. It starts at `v_rest`, with w and z where
    they stand still.

    **Arguments:**

    - `a`, `b`: the cubic of the voltage, a positive, dimensionless.
    - `c`, `d`: the parabola on which the fast recovery stands still, dimensionless.
    - `r`: rate of the adaptation, positive, 1/ms.
    - `s`: strength of the adaptation, dimensionless.
    - `v_r`: voltage at which the adaptation vanishes, dimensionless.
    - `v_rest`: voltage of the start, by default the rest of the other defaults, dimensionless.
    - `v_th`: voltage whose upward crossing counts as a spike, dimensionless.
    - `stepper`, `surrogate`: as in `LIF`.
    """

    a: Parameter = param(1.0)
    b: Parameter = param(3.0)
    c: Parameter = param(1.0)
    d: Parameter = param(5.0)
    r: Parameter = param(0.006)
    s: Parameter = param(4.0)
    v_r: Parameter = param(-1.6)
    v_rest: Parameter = param(-1.6045345328021474)
    v_th: Parameter = param(1.0)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=SuperSpike)

    fires_on_crossing = True

    def __check_init__(self) -> None:
        check_positive(self, "a", "r")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> HindmarshRoseState:
        """At `v_rest`, with w and z where they stand still."""
        del key
        w = self.c - self.d * self.v_rest * self.v_rest
        z = self.s * (self.v_rest - self.v_r)
        return HindmarshRoseState(*[jnp.broadcast_to(x, shape) for x in (self.v_rest, w, z)])

    def vector_field(self, t: Time, y: HindmarshRoseState, current: Current) -> HindmarshRoseState:
        del t
        v, w, z = y.v, y.w, y.z
        return HindmarshRoseState(
            w + (self.b - self.a * v) * v * v - z + current(v),
            self.c - self.d * v * v - w,
            self.r * (self.s * (v - self.v_r) - z),
        )

    def threshold(self, y: HindmarshRoseState) -> Float[Array, "..."]:
        return y.v - self.v_th

    def reset(self, y: HindmarshRoseState, spike: Float[Array, "..."]) -> HindmarshRoseState:
        del spike
        return y
