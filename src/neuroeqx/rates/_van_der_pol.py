"""The relaxation oscillator of van der Pol."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import RK4
from ._plane import PlaneState


class VanDerPol(AbstractGradedCell):
    r"""An oscillator with nonlinear damping (van der Pol 1926), in the variables of Liénard:

    $dx/dt = \mu\, (x - x^3 / 3 - y) + I(x)$
    $dy/dt = x / \mu$,

    which without input is $\ddot x = \mu\, (1 - x^2)\, \dot x - x$. A small $\mu$ makes nearly a sine of period
    $2 \pi$, a large one relaxation oscillations. The unit of time, in the original without dimension, is 1 ms here. Its
    output is x. It starts at x = 2, y = 0.

    **Arguments:**

    - `mu`: damping, positive, dimensionless.
    - `stepper`: integration method.
    """

    mu: Parameter = param(1.0)
    stepper: AbstractStepper = RK4()

    def __check_init__(self) -> None:
        check_positive(self, "mu")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> PlaneState:
        del key
        return PlaneState(jnp.full(shape, 2.0, self.mu.dtype), jnp.zeros(shape, self.mu.dtype))

    def vector_field(self, t: Time, y: PlaneState, current: Current) -> PlaneState:
        del t
        return PlaneState(self.mu * (y.x - y.x * y.x * y.x * (1.0 / 3.0) - y.y) + current(y.x), y.x / self.mu)

    def output(self, y: PlaneState) -> Float[Array, "..."]:
        return y.x
