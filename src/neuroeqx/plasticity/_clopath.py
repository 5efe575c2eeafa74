"""Plasticity that depends on the target's voltage."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractPlasticity, AbstractSynapses, Side
from .._types import Parameter, State
from ._bound import bound
from ._traces import faded, low_pass


class Means(eqx.Module):
    """Low-pass filtered voltages."""

    minus: Float[Array, " n"]
    plus: Float[Array, " n"]


class Clopath(AbstractPlasticity):
    r"""Voltage-based plasticity (Clopath et al. 2010):
    $dw/dt = -A_{LTD}\, X(t) [\bar u_- - \theta_-]_+ + A_{LTP}\, \bar x\, [u - \theta_+]_+ [\bar u_+ - \theta_-]_+$

    with $\tau_x\, d\bar x/dt = -\bar x + X$, $\tau_\pm\, d\bar u_\pm/dt = -\bar u_\pm + u$, and X the sum of the pulses of
    arrivals. u is the target's voltage at the end of a step, held over it for the filters (which are exact);
    $\bar u_\pm$ and $\bar x$ count as they were before the step's voltage and arrivals. The amplitude of depression does not
    depend on a slow mean of the voltage; combine the rule with `SynapticScaling` for homeostasis.

    Depression costs what arrivals cost, potentiation what targets above $\theta_+$ cost.

    **Arguments:**

    - `a_ltd`: $A_{LTD}$, in the unit of the weight per mV.
    - `a_ltp`: $A_{LTP}$, in the unit of the weight per mV^2; for one pulse, whose filtered form has the integral 1.
    - `theta_minus`, `theta_plus`: $\theta_\pm$, mV.
    - `tau_minus`, `tau_plus`, `tau_x`: ms.
    - `v_spike`: the voltage that counts in a step with a spike, mV, for cells whose reset hides it; `None` takes the
        voltage as it is.
    - `w_min`, `w_max`: as in `STDP`, in the unit of the weight.
    """

    a_ltd: Parameter = param(14e-5)
    a_ltp: Parameter = param(8e-5)
    theta_minus: Parameter = param(-70.6)
    theta_plus: Parameter = param(-45.3)
    tau_minus: Parameter = param(10.0)
    tau_plus: Parameter = param(7.0)
    tau_x: Parameter = param(15.0)
    v_spike: Float[Array, ""] | None = bound(None)
    w_min: Float[Array, ""] | None = bound(0.0)
    w_max: Float[Array, ""] | None = bound(1.0)
    needs_voltage: ClassVar[bool] = True

    def __check_init__(self) -> None:
        check_positive(self, "tau_minus", "tau_plus", "tau_x")

    def init_source(self, n: int) -> Float[Array, " n"]:
        return jnp.zeros(n, self.tau_x.dtype)

    def init_target(self, n: int, v: Float[Array, " n"]) -> Means:
        return Means(v, v)

    def init_synapses(self, shape: tuple[int, ...]) -> None:
        return None

    def move_source(self, state: Float[Array, " n"], arrived: Float[Array, " n"], *, dt: float) -> tuple[Array, Array]:
        seen = faded(state, self.tau_x, dt)
        return seen, seen + arrived / self.tau_x

    def move_target(
        self, state: Means, output: Float[Array, " n"], *, v: Float[Array, " n"], factor: Any, dt: float
    ) -> tuple[tuple[Array, Array], Means]:
        """What is seen are the factors of depression and of potentiation."""
        if self.v_spike is not None:
            v = v + output * (self.v_spike - v)
        above = lambda x: jnp.maximum(x, jnp.zeros_like(x))
        ltd = above(state.minus - self.theta_minus)
        ltp = above(v - self.theta_plus) * above(state.plus - self.theta_minus) * dt
        return (ltd, ltp), Means(
            low_pass(state.minus, v, self.tau_minus, dt), low_pass(state.plus, v, self.tau_plus, dt)
        )

    def learn(
        self, synapses: AbstractSynapses, weights: Float[Array, "..."], own: State, pre: Side, post: Side, *, dt: float
    ) -> tuple[Float[Array, "..."], State]:
        (ltd, ltp), limits = post.seen, (self.w_min, self.w_max)
        weights = synapses.columns(self.potentiation, weights, ltp, pre.seen, None, limits)
        return synapses.rows(self.depression, weights, pre.output, None, ltd, limits), own

    def potentiation(self, w: Array, x: Float[Array, "..."], _: None) -> Float[Array, "..."]:
        """For a factor of 1 of the target."""
        return self.a_ltp * x

    def depression(self, w: Array, _: None, ltd: Float[Array, "..."]) -> Float[Array, "..."]:
        """What an arrival does."""
        return -self.a_ltd * ltd
