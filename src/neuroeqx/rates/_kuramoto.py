"""Phase oscillators."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import RK4


class Kuramoto(AbstractGradedCell):
    r"""A phase oscillator (Kuramoto 1975), $d\theta/dt = \omega + I(\theta)$, for a projection with the coupling
    `Sine()`: $I(\theta_i) = \sum_j w_{ij} \sin(\theta_j(t - d_{ij}) - \theta_i - \alpha)$.

    Its state is the phase, rad, kept between $-\pi$ and $\pi$, its output $\sin \theta$. It starts at $\theta = 0$; a
    population's `v0` spreads phases.

    **Arguments:**

    - `omega`: natural angular frequency, rad/ms.
    - `stepper`: integration method.
    """

    omega: Parameter = param(0.25)
    stepper: AbstractStepper = RK4()

    is_phase = True

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.zeros(shape, self.omega.dtype)

    def vector_field(self, t: Time, y: Float[Array, "..."], current: Current) -> Float[Array, "..."]:
        del t
        return self.omega + current(y)

    def output(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.sin(y)
