"""Plasticity of triplets of spikes."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param, static
from .._interfaces import AbstractPlasticity, AbstractSynapses, Side
from .._types import Parameter, State
from ._bound import bound
from ._traces import faded, marked


class Traces(eqx.Module):
    """A fast and a slow trace of the same spikes."""

    fast: Float[Array, " n"]
    slow: Float[Array, " n"]


class TripletSTDP(AbstractPlasticity):
    r"""Spike-timing dependent plasticity of pairs and triplets of spikes (Pfister & Gerstner 2006).

    Sources have traces $r_1, r_2$ of time constants $\tau_+, \tau_x$, targets $o_1, o_2$ of $\tau_-, \tau_y$; each of
    their spikes adds 1. A spike of the target adds $r_1 (A_2^+ + A_3^+ o_2)$ to the weight, an arrival
    $-o_1 (A_2^- + A_3^- r_2)$, both with the traces before this step's spikes. Coincident spikes as in `STDP`.

    The defaults are the published ones of visual cortex, all-to-all. With `nearest` (each spike sets its traces to 1)
    they are 8.8e-11, 5.3e-2, 6.6e-3, 3.1e-3 with $\tau_x$ = 714 ms and $\tau_y$ = 40 ms.

    **Arguments:**

    - `a2_plus`, `a3_plus`, `a2_minus`, `a3_minus`: $A_2^+, A_3^+, A_2^-, A_3^-$, in the unit of the weight.
    - `tau_plus`, `tau_x`: of sources, ms.
    - `tau_minus`, `tau_y`: of targets, ms.
    - `nearest`: as in `STDP`.
    - `w_min`, `w_max`: as in `STDP`, in the unit of the weight.
    """

    a2_plus: Parameter = param(5e-10)
    a3_plus: Parameter = param(6.2e-3)
    a2_minus: Parameter = param(7e-3)
    a3_minus: Parameter = param(2.3e-4)
    tau_plus: Parameter = param(16.8)
    tau_x: Parameter = param(101.0)
    tau_minus: Parameter = param(33.7)
    tau_y: Parameter = param(125.0)
    nearest: bool = static(False)
    w_min: Float[Array, ""] | None = bound(0.0)
    w_max: Float[Array, ""] | None = bound(None)

    def __check_init__(self) -> None:
        check_positive(self, "tau_plus", "tau_x", "tau_minus", "tau_y")

    def init_source(self, n: int) -> Traces:
        return Traces(jnp.zeros(n, self.tau_plus.dtype), jnp.zeros(n, self.tau_x.dtype))

    def init_target(self, n: int, v: Any) -> Traces:
        return Traces(jnp.zeros(n, self.tau_minus.dtype), jnp.zeros(n, self.tau_y.dtype))

    def init_synapses(self, shape: tuple[int, ...]) -> None:
        return None

    def move_source(self, state: Traces, arrived: Float[Array, " n"], *, dt: float) -> tuple[Traces, Traces]:
        return self._moved(state, arrived, self.tau_plus, self.tau_x, dt)

    def move_target(
        self, state: Traces, output: Float[Array, " n"], *, v: Any, factor: Any, dt: float
    ) -> tuple[Traces, Traces]:
        return self._moved(state, output, self.tau_minus, self.tau_y, dt)

    def _moved(self, state: Traces, spikes: Array, fast: Array, slow: Array, dt: float) -> tuple[Traces, Traces]:
        seen = Traces(faded(state.fast, fast, dt), faded(state.slow, slow, dt))
        return seen, Traces(marked(seen.fast, spikes, self.nearest), marked(seen.slow, spikes, self.nearest))

    def learn(
        self, synapses: AbstractSynapses, weights: Float[Array, "..."], own: State, pre: Side, post: Side, *, dt: float
    ) -> tuple[Float[Array, "..."], State]:
        limits = self.w_min, self.w_max
        weights = synapses.columns(self.potentiation, weights, post.output, pre.seen.fast, post.seen.slow, limits)
        return synapses.rows(self.depression, weights, pre.output, pre.seen.slow, post.seen.fast, limits), own

    def potentiation(self, w: Array, r1: Float[Array, "..."], o2: Float[Array, "..."]) -> Float[Array, "..."]:
        """What a spike of the target does."""
        return r1 * (self.a2_plus + self.a3_plus * o2)

    def depression(self, w: Array, r2: Float[Array, "..."], o1: Float[Array, "..."]) -> Float[Array, "..."]:
        """What an arrival does."""
        return -o1 * (self.a2_minus + self.a3_minus * r2)
