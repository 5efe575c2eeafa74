"""The normal form of a Hopf bifurcation."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import RK4
from ._plane import PlaneState


class StuartLandau(AbstractGradedCell):
    r"""The normal form of a supercritical Hopf bifurcation (Stuart 1960), a brain area of Deco et al. (2017):

    $dx/dt = (a - x^2 - y^2)\, x - \omega y + I(x)$
    $dy/dt = (a - x^2 - y^2)\, y + \omega x$.

    For a > 0 it oscillates with the amplitude $\sqrt a$; for a < 0 it falls back to zero, ringing. Its output is x, which the
    input drives and couplings see. It starts at x = 0.1, y = 0.

    **Arguments:**

    - `a`: distance from the bifurcation, 1/ms.
    - `omega`: angular frequency, 1/ms.
    - `stepper`: integration method.
    """

    a: Parameter = param(0.25)
    omega: Parameter = param(0.2)
    stepper: AbstractStepper = RK4()

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> PlaneState:
        del key
        return PlaneState(jnp.full(shape, 0.1, self.a.dtype), jnp.zeros(shape, self.a.dtype))

    def vector_field(self, t: Time, y: PlaneState, current: Current) -> PlaneState:
        del t
        growth = self.a - y.x * y.x - y.y * y.y
        return PlaneState(growth * y.x - self.omega * y.y + current(y.x), growth * y.y + self.omega * y.x)

    def output(self, y: PlaneState) -> Float[Array, "..."]:
        return y.x
