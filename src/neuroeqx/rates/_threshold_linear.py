"""The threshold-linear rate unit."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler


class ThresholdLinear(AbstractGradedCell):
    r"""The rate of a population that answers linearly above a threshold, as the excitatory and inhibitory populations of
    areas in Chaudhuri et al. (2015):

    $\tau\, dr/dt = -r + \beta\, [I(r) - \theta]_+$.

    Its state and its output are the rate, zero at the start.

    **Arguments:**

    - `tau`: time constant, positive, ms.
    - `beta`: gain, in units of the rate per unit of current.
    - `theta`: threshold, in units of the current.
    - `stepper`: integration method.
    """

    tau: Parameter = param(20.0)
    beta: Parameter = param(0.066)
    theta: Parameter = param(0.0)
    stepper: AbstractStepper = ExpEuler()

    def __check_init__(self) -> None:
        check_positive(self, "tau")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.zeros(shape, self.tau.dtype)

    def vector_field(self, t: Time, y: Float[Array, "..."], current: Current) -> Float[Array, "..."]:
        del t
        return (self.beta * jax.nn.relu(current(y) - self.theta) - y) / self.tau

    def output(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        return y
