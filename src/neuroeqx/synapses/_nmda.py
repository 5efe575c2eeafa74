"""The saturating NMDA synapse."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractCell
from .._types import Key, Parameter, Time
from ._relaxation import saturating


class NMDAState(eqx.Module):
    """The open fraction `g`, and `x` which spikes enter."""

    g: Float[Array, "..."]
    x: Float[Array, "..."]


class NMDA(AbstractCell):
    r"""NMDA receptors that saturate (Wang 1999), for the `release` of a projection:
    $dg/dt = -g / \tau_{decay} + a\, x (1 - g)$, $dx/dt = -x / \tau_{rise}$, and each spike adds 1 to $x$.

    The output is g, between 0 and 1; the block by magnesium is the receptor's: `Receptor(Instant(), MgBlock())`.
    x is solved exactly; g exactly at the mean of x over the step, which is of order 2.

    **Arguments:**

    - `tau_decay`: time constant of the decay, ms.
    - `tau_rise`: time constant of the rise, ms.
    - `a`: rate of opening, 1/ms.
    """

    tau_decay: Parameter = param(100.0)
    tau_rise: Parameter = param(2.0)
    a: Parameter = param(0.5)

    def __check_init__(self) -> None:
        check_positive(self, "tau_decay", "tau_rise", "a")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> NMDAState:
        del key
        zeros = jnp.zeros(shape, self.tau_decay.dtype)
        return NMDAState(zeros, zeros)

    def step(
        self, state: NMDAState, input: Float[Array, "..."], *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[NMDAState, Float[Array, "..."]]:
        """Relax, then add the spikes `input`."""
        del t, key
        u = dt / self.tau_rise
        mean = state.x * (-jnp.expm1(-u) / u)
        g = saturating(state.g, self.a * mean, 1.0 / self.tau_decay, dt)
        return NMDAState(g, state.x * jnp.exp(-u) + input), g
