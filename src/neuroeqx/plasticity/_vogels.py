"""Inhibitory plasticity."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_not_negative, check_positive
from .._fields import param
from .._interfaces import AbstractPlasticity, AbstractSynapses, Side
from .._types import Parameter, State
from ._bound import bound
from ._traces import faded, marked


class Vogels(AbstractPlasticity):
    r"""Plasticity of inhibitory synapses that balances their targets (Vogels et al. 2011).

    Sources and targets have traces x and y of time constant $\tau$, to which each spike adds 1. A spike of the target adds
    $\eta x$ to the weight, an arrival $\eta (y - \alpha)$ with $\alpha = 2 \rho_0 \tau$, both with the traces before this
    step's spikes. Without correlations the drift is $\eta \nu_{pre} (2 \nu_{post} \tau - \alpha)$: the target comes to fire
    at $\rho_0 = \alpha / (2 \tau)$.

    The weight is the strength of inhibition: it is positive (as of a receptor `COBA(-80)`).

    **Arguments:**

    - `eta`: $\eta$, the learning rate, in the unit of the weight.
    - `rate`: $\rho_0$, Hz.
    - `tau`: $\tau$, ms.
    - `w_min`, `w_max`: as in `STDP`, in the unit of the weight.
    """

    eta: Parameter = param(0.001)
    rate: Parameter = param(5.0)
    tau: Parameter = param(20.0)
    w_min: Float[Array, ""] | None = bound(0.0)
    w_max: Float[Array, ""] | None = bound(None)

    def __check_init__(self) -> None:
        check_positive(self, "tau")
        check_not_negative(self, "rate")

    @property
    def alpha(self) -> Float[Array, ""]:
        """What an arrival takes away."""
        return 2.0 * self.rate / 1000.0 * self.tau

    def init_source(self, n: int) -> Float[Array, " n"]:
        return jnp.zeros(n, self.tau.dtype)

    def init_target(self, n: int, v: Any) -> Float[Array, " n"]:
        return jnp.zeros(n, self.tau.dtype)

    def init_synapses(self, shape: tuple[int, ...]) -> None:
        return None

    def move_source(self, state: Float[Array, " n"], arrived: Float[Array, " n"], *, dt: float) -> tuple[Array, Array]:
        seen = faded(state, self.tau, dt)
        return seen, marked(seen, arrived, nearest=False)

    def move_target(
        self, state: Float[Array, " n"], output: Float[Array, " n"], *, v: Any, factor: Any, dt: float
    ) -> tuple[Array, Array]:
        seen = faded(state, self.tau, dt)
        return seen, marked(seen, output, nearest=False)

    def learn(
        self, synapses: AbstractSynapses, weights: Float[Array, "..."], own: State, pre: Side, post: Side, *, dt: float
    ) -> tuple[Float[Array, "..."], State]:
        limits = self.w_min, self.w_max
        weights = synapses.columns(self.by_target, weights, post.output, pre.seen, None, limits)
        return synapses.rows(self.by_source, weights, pre.output, None, post.seen, limits), own

    def by_target(self, w: Array, x: Float[Array, "..."], _: None) -> Float[Array, "..."]:
        """What a spike of the target does."""
        return self.eta * x

    def by_source(self, w: Array, _: None, y: Float[Array, "..."]) -> Float[Array, "..."]:
        """What an arrival does."""
        return self.eta * (y - self.alpha)
