"""Homeostatic scaling of all weights of a target."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_not_negative, check_positive
from .._fields import param
from .._interfaces import AbstractPlasticity, AbstractSynapses, Side
from .._math import within
from .._types import Parameter, State
from ._bound import bound
from ._traces import faded


class SynapticScaling(AbstractPlasticity):
    r"""Multiplies the weights of a target such that it fires at a given rate (van Rossum, Bi & Turrigiano 2000):
    $dw/dt = w\, [\beta\, (\rho_0 - a) + \gamma \int (\rho_0 - a)\, dt']$, one Euler step for each step, where a is the target's
    mean rate, $\tau\, da/dt = -a + \sum_f \delta(t - t_f)$, solved exactly; it begins at $\rho_0$.

    Usually given together with a rule that tells synapses apart: `plasticity=[STDP(), SynapticScaling()]`. Every synapse
    changes in every step.

    **Arguments:**

    - `rate`: $\rho_0$, Hz.
    - `beta`: proportional gain $\beta$, 1/(s Hz).
    - `gamma`: integral gain $\gamma$, 1/(s^2 Hz).
    - `tau`: time constant of the mean, ms.
    - `w_min`, `w_max`: as in `STDP`, in the unit of the weight.
    """

    rate: Parameter = param(5.0)
    beta: Parameter = param(4e-5)
    gamma: Parameter = param(1e-7)
    tau: Parameter = param(1e5)
    w_min: Float[Array, ""] | None = bound(0.0)
    w_max: Float[Array, ""] | None = bound(None)

    def __check_init__(self) -> None:
        check_positive(self, "tau")
        check_not_negative(self, "rate", "beta", "gamma")

    def init_source(self, n: int) -> None:
        return None

    def init_target(self, n: int, v: Any) -> tuple[Array, Array]:
        """The mean rate, and the integral of what it lacks, Hz s."""
        return jnp.broadcast_to(self.rate, (n,)), jnp.zeros(n, self.rate.dtype)

    def init_synapses(self, shape: tuple[int, ...]) -> None:
        return None

    def move_source(self, state: None, arrived: Float[Array, " n"], *, dt: float) -> tuple[None, None]:
        return None, None

    def move_target(
        self, state: tuple[Array, Array], output: Float[Array, " n"], *, v: Any, factor: Any, dt: float
    ) -> tuple[Array, tuple[Array, Array]]:
        mean, integral = state
        mean = faded(mean, self.tau, dt) + output * 1000.0 / self.tau
        lacking = self.rate - mean
        integral = integral + lacking * (dt / 1000.0)
        growth = (self.beta * lacking + self.gamma * integral) * (dt / 1000.0)
        return growth, (mean, integral)

    def learn(
        self, synapses: AbstractSynapses, weights: Float[Array, "..."], own: State, pre: Side, post: Side, *, dt: float
    ) -> tuple[Array, State]:
        growth = synapses.from_targets(post.seen).astype(weights.dtype)
        return within(weights + weights * growth, self.w_min, self.w_max), own
