"""The rule of Bienenstock, Cooper and Munro."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractPlasticity, AbstractSynapses, Side
from .._math import within
from .._types import Parameter, State
from ._bound import bound
from ._traces import low_pass


class BCM(AbstractPlasticity):
    r"""Learning of rates with a threshold that slides with the target's activity (Bienenstock, Cooper & Munro 1982; the
    square as in Intrator & Cooper 1992): $dw/dt = \eta\, x\, y\, (y - \theta)$, one Euler step for each step, and
    $\tau_\theta\, d\theta/dt = y^2 / y_0 - \theta$, exactly.

    x is what arrives, y the target's output, $\theta$ that before the step. Every synapse changes in every step.

    **Arguments:**

    - `eta`: $\eta$, the learning rate, 1/ms.
    - `tau_theta`: time constant of the threshold, ms.
    - `y_0`: the activity at which the threshold equals it, in the unit of the output.
    - `theta_0`: the threshold at the beginning, in the unit of the output.
    - `w_min`, `w_max`: as in `STDP`, in the unit of the weight.
    """

    eta: Parameter = param(1e-4)
    tau_theta: Parameter = param(1000.0)
    y_0: Parameter = param(1.0)
    theta_0: Parameter = param(0.0)
    w_min: Float[Array, ""] | None = bound(None)
    w_max: Float[Array, ""] | None = bound(None)

    def __check_init__(self) -> None:
        check_positive(self, "tau_theta", "y_0")

    def init_source(self, n: int) -> None:
        return None

    def init_target(self, n: int, v: Any) -> Float[Array, " n"]:
        """The threshold."""
        return jnp.broadcast_to(self.theta_0, (n,))

    def init_synapses(self, shape: tuple[int, ...]) -> None:
        return None

    def move_source(self, state: None, arrived: Float[Array, " n"], *, dt: float) -> tuple[None, None]:
        return None, None

    def move_target(
        self, state: Float[Array, " n"], output: Float[Array, " n"], *, v: Any, factor: Any, dt: float
    ) -> tuple[Array, Array]:
        return state, low_pass(state, output**2 / self.y_0, self.tau_theta, dt)

    def learn(
        self, synapses: AbstractSynapses, weights: Float[Array, "..."], own: State, pre: Side, post: Side, *, dt: float
    ) -> tuple[Array, State]:
        y = post.output
        change = self.eta * dt * synapses.from_sources(pre.output) * synapses.from_targets(y * (y - post.seen))
        return within(weights + change.astype(weights.dtype), self.w_min, self.w_max), own
