"""The graded, non-spiking neuron."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param, static
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler


class Graded(AbstractGradedCell):
    r"""A neuron of graded release, $\tau\, dv/dt = -v + b + I(v)$, with output $\phi(v)$.

    The passive point neuron of connectome-constrained models of the fly visual system (Lappalainen et al. 2024), and of
    rate networks in general. Its state is its voltage.

    **Arguments:**

    - `tau`: time constant, ms.
    - `bias`: $b$, the resting voltage, mV (or dimensionless).
    - `activation`: $\phi$, an elementwise function; `jax.nn.relu` by default.
    - `stepper`: integration method.
    """

    tau: Parameter = param(10.0)
    bias: Parameter = param(0.0)
    activation: Callable[[Array], Array] = static(jax.nn.relu)
    stepper: AbstractStepper = ExpEuler()

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.broadcast_to(self.bias, shape)

    def vector_field(self, t: Time, y: Float[Array, "..."], current: Current) -> Float[Array, "..."]:
        del t
        return (self.bias - y + current(y)) / self.tau

    def output(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.activation(y)
