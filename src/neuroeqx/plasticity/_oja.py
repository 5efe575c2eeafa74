"""Oja's rule."""

from typing import Any

from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractPlasticity, AbstractSynapses, Side
from .._math import within
from .._types import Parameter, State
from ._bound import bound


class Oja(AbstractPlasticity):
    r"""Hebbian learning of rates with weights that stay finite (Oja 1982): $dw/dt = \eta\, (x y - \alpha y^2 w)$, one Euler
    step for each step.

    x is what arrives, y the target's output. A linear target comes to the leading eigenvector of $\langle x x^T \rangle$, of
    length $1 / \sqrt \alpha$. Every synapse changes in every step.

    **Arguments:**

    - `eta`: $\eta$, the learning rate, 1/ms.
    - `alpha`: $\alpha$, dimensionless.
    - `w_min`, `w_max`: as in `STDP`, in the unit of the weight.
    """

    eta: Parameter = param(1e-4)
    alpha: Parameter = param(1.0)
    w_min: Float[Array, ""] | None = bound(None)
    w_max: Float[Array, ""] | None = bound(None)

    def init_source(self, n: int) -> None:
        return None

    def init_target(self, n: int, v: Any) -> None:
        return None

    def init_synapses(self, shape: tuple[int, ...]) -> None:
        return None

    def move_source(self, state: None, arrived: Float[Array, " n"], *, dt: float) -> tuple[None, None]:
        return None, None

    def move_target(
        self, state: None, output: Float[Array, " n"], *, v: Any, factor: Any, dt: float
    ) -> tuple[None, None]:
        return None, None

    def learn(
        self, synapses: AbstractSynapses, weights: Float[Array, "..."], own: State, pre: Side, post: Side, *, dt: float
    ) -> tuple[Array, State]:
        x, y = synapses.from_sources(pre.output), synapses.from_targets(post.output)
        change = self.eta * dt * y * (x - self.alpha * y * weights)
        return within(weights + change.astype(weights.dtype), self.w_min, self.w_max), own
