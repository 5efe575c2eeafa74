"""Second-order kinetics of NMDA receptors."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractCell
from .._types import Key, Parameter, Time
from ._relaxation import pulse, renewed, saturating


class NMDASecondOrderState(eqx.Module):
    """The open fraction `g`, the bound fraction `x`, and how long the pulse of transmitter still lasts, `left` (ms)."""

    g: Float[Array, "..."]
    x: Float[Array, "..."]
    left: Float[Array, "..."]


class NMDASecondOrder(AbstractCell):
    r"""NMDA receptors with kinetics of second order (Wang 1999, Destexhe et al. 1994), for the `release` of a projection:
    $dg/dt = \alpha_1 x (1 - g) - \beta_1 g$, $dx/dt = \alpha_2 [T] (1 - x) - \beta_2 x$, where [T] is `t_max` for `t_dur`
    after each arrival and else 0.

    A spike that arrives during a pulse begins it anew. The output is g, between 0 and 1; the block by magnesium is the
    receptor's: `Receptor(Instant(), MgBlock())`. x is solved exactly; g exactly at the mean of x over the step, which is of
    order 2.

    **Arguments:**

    - `alpha1`: rate of opening, 1/ms.
    - `beta1`: rate of closing, 1/ms.
    - `alpha2`: rate of binding, 1/(mM ms).
    - `beta2`: rate of unbinding, 1/ms.
    - `t_max`: concentration of transmitter in a pulse, mM.
    - `t_dur`: duration of a pulse, ms.
    """

    alpha1: Parameter = param(2.0)
    beta1: Parameter = param(0.01)
    alpha2: Parameter = param(1.0)
    beta2: Parameter = param(0.5)
    t_max: Parameter = param(1.0)
    t_dur: Parameter = param(0.5)

    def __check_init__(self) -> None:
        check_positive(self, "alpha1", "beta1", "alpha2", "beta2", "t_max", "t_dur")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> NMDASecondOrderState:
        del key
        zeros = jnp.zeros(shape, self.beta1.dtype)
        return NMDASecondOrderState(zeros, zeros, zeros)

    def step(
        self,
        state: NMDASecondOrderState,
        input: Float[Array, "..."],
        *,
        dt: float,
        t: Time = 0.0,
        key: Key | None = None,
    ) -> tuple[NMDASecondOrderState, Float[Array, "..."]]:
        """Relax, then let the spikes `input` begin pulses."""
        del t, key
        binding = self.alpha2 * self.t_max
        part = pulse(state.x, state.left, binding, self.beta2, dt)
        # The equation of x, integrated over each part of the step, gives the integral of x.
        during = (binding * part.on - (part.middle - part.start)) / (binding + self.beta2)
        mean = (during + (part.middle - part.end) / self.beta2) * (1.0 / dt)
        g = saturating(state.g, self.alpha1 * mean, self.beta1, dt)
        left = renewed(state.left - part.on, input, self.t_dur)
        return NMDASecondOrderState(g, part.end, left), g
