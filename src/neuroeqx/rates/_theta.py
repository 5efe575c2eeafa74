"""The theta neuron."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import RK4
from ..surrogate import SuperSpike


class Theta(AbstractNeuron):
    r"""The theta neuron (Ermentrout & Kopell 1986), a quadratic integrate-and-fire neuron on a circle:

    $\tau\, d\theta/dt = 1 - \cos\theta + (1 + \cos\theta)\,(\eta + I(\theta))$.

    With $V = \tan(\theta / 2)$ this is $\tau\, dV/dt = V^2 + \eta + I$, from minus to plus infinity. It fires where
    $\theta$ passes $\pi$, and $2 \pi$ is taken from it. Its state is the phase, rad. It starts where it rests without input,
    at $-2 \arctan \sqrt{-\eta}$, for $\eta < 0$, and at 0 else.

    **Arguments:**

    - `tau`: time constant, positive, ms.
    - `eta`: excitability, dimensionless; above 0 it fires without input.
    - `stepper`, `surrogate`: as in `LIF`.
    """

    tau: Parameter = param(1.0)
    eta: Parameter = param(-1.0)
    stepper: AbstractStepper = RK4()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(5.0)))

    def __check_init__(self) -> None:
        check_positive(self, "tau")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        rests = self.eta < 0.0
        # The root's slope at zero is infinite, so where it is not taken it sees another number.
        rest = -2.0 * jnp.arctan(jnp.sqrt(jnp.where(rests, -self.eta, 1.0)))
        return jnp.broadcast_to(jnp.where(rests, rest, 0.0), shape)

    def vector_field(self, t: Time, y: Float[Array, "..."], current: Current) -> Float[Array, "..."]:
        del t
        c = jnp.cos(y)
        return (1.0 - c + (1.0 + c) * (self.eta + current(y))) / self.tau

    def threshold(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        return y - jnp.pi

    def reset(self, y: Float[Array, "..."], spike: Float[Array, "..."]) -> Float[Array, "..."]:
        return y - spike * (2.0 * jnp.pi)
