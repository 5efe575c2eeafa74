"""The leaky integrator."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler


class Leaky(AbstractGradedCell):
    r"""A leaky integrator without a threshold, $\tau\, dv/dt = v_{rest} - v + R\, I(v)$: the readout of spiking networks.

    Its state and its output are its voltage.

    **Arguments:**

    - `tau`: time constant, ms.
    - `v_rest`: resting value, in the unit of the voltage.
    - `r`: resistance, units of v per unit of current.
    - `stepper`: integration method.
    """

    tau: Parameter = param(20.0)
    v_rest: Parameter = param(0.0)
    r: Parameter = param(1.0)
    stepper: AbstractStepper = ExpEuler()

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.broadcast_to(self.v_rest, shape)

    def vector_field(self, t: Time, y: Float[Array, "..."], current: Current) -> Float[Array, "..."]:
        del t
        return (self.v_rest - y + self.r * current(y)) / self.tau

    def output(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        return y
