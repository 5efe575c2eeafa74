"""Plasticity of pairs of spikes."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param, static
from .._interfaces import AbstractPlasticity, AbstractSynapses, Side
from .._types import Parameter, State
from ._bound import bound
from ._dependence import AbstractDependence, Additive
from ._traces import faded, marked


class STDP(AbstractPlasticity):
    r"""Spike-timing dependent plasticity of pairs of spikes (Song, Miller & Abbott 2000; Morrison, Diesmann & Gerstner 2008).

    A spike that reached the synapse at $t_{pre}$ and one of the target at $t_{post}$ change the weight by
    $A_+ f_+(w) e^{-(t_{post} - t_{pre}) / \tau_+}$ if the target's came later, and by
    $-A_- f_-(w) e^{-(t_{pre} - t_{post}) / \tau_-}$ if it came earlier. A pair in the same step changes nothing; but where a
    step has both, the target's spike acts on the weight first, with the spikes that had arrived before, as in NEST.

    As events: $dx/dt = -x / \tau_+$, where each arrival adds 1 to the source's $x$; $dy/dt = -y / \tau_-$, where each spike
    adds 1 to the target's $y$; each spike of the target adds $A_+ f_+(w)\, x$ to the weight, each arrival
    $-A_- f_-(w)\, y$.

    It is NEST's `stdp_synapse` with `a_plus` = lambda Wmax, `a_minus` = alpha lambda Wmax and `PowerLaw`, where NEST's
    dendritic delay is part of the time at which the target's spike counts; here the delay is the source's, all of it.

    **Arguments:**

    - `a_plus`, `a_minus`: $A_\pm$, in the unit of the weight; not negative for the Hebbian rule.
    - `tau_plus`, `tau_minus`: $\tau_\pm$, ms.
    - `dependence`: $f_\pm$: `Additive()` (one), `Multiplicative()`, or `PowerLaw(mu_plus, mu_minus)`.
    - `nearest`: whether a spike forms pairs only with the last one of the other side, and not with all before
        (each event then sets $x$ or $y$ to 1).
    - `w_min`, `w_max`: limits, in the unit of the weight; `None` for none.
    """

    a_plus: Parameter = param(0.01)
    a_minus: Parameter = param(0.0105)
    tau_plus: Parameter = param(20.0)
    tau_minus: Parameter = param(20.0)
    dependence: AbstractDependence = Additive()
    nearest: bool = static(False)
    w_min: Float[Array, ""] | None = bound(0.0)
    w_max: Float[Array, ""] | None = bound(1.0)

    def __check_init__(self) -> None:
        check_positive(self, "tau_plus", "tau_minus")
        if self.dependence.needs_limits and (self.w_min is None or self.w_max is None):
            raise ValueError(
                f"STDP: with {type(self.dependence).__name__} the weight is measured between its limits: give `w_min` and "
                "`w_max`."
            )

    def init_source(self, n: int) -> Float[Array, " n"]:
        return jnp.zeros(n, self.tau_plus.dtype)

    def init_target(self, n: int, v: Any) -> Float[Array, " n"]:
        return jnp.zeros(n, self.tau_minus.dtype)

    def init_synapses(self, shape: tuple[int, ...]) -> None:
        return None

    def move_source(self, state: Float[Array, " n"], arrived: Float[Array, " n"], *, dt: float) -> tuple[Array, Array]:
        seen = faded(state, self.tau_plus, dt)
        return seen, marked(seen, arrived, self.nearest)

    def move_target(
        self, state: Float[Array, " n"], output: Float[Array, " n"], *, v: Any, factor: Any, dt: float
    ) -> tuple[Array, Array]:
        seen = faded(state, self.tau_minus, dt)
        return seen, marked(seen, output, self.nearest)

    def learn(
        self, synapses: AbstractSynapses, weights: Float[Array, "..."], own: State, pre: Side, post: Side, *, dt: float
    ) -> tuple[Float[Array, "..."], State]:
        limits = self.w_min, self.w_max
        weights = synapses.columns(self.potentiation, weights, post.output, pre.seen, None, limits)
        return synapses.rows(self.depression, weights, pre.output, None, post.seen, limits), own

    def potentiation(self, w: Float[Array, "..."], x: Float[Array, "..."], _: None) -> Float[Array, "..."]:
        """What a spike of the target does."""
        return self.a_plus * self.dependence.up(self._fraction(w)) * x

    def depression(self, w: Float[Array, "..."], _: None, y: Float[Array, "..."]) -> Float[Array, "..."]:
        """What an arrival does."""
        return -self.a_minus * self.dependence.down(self._fraction(w)) * y

    def _fraction(self, w: Float[Array, "..."]) -> Float[Array, "..."]:
        """Where between its limits the weight is."""
        if self.w_min is None or self.w_max is None:
            return w  # no dependence needs it
        return (w - self.w_min) / (self.w_max - self.w_min)
