"""Receptors with two states, open and closed."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractCell
from .._types import Key, Parameter, Time
from ._relaxation import pulse, renewed


class KineticsState(eqx.Module):
    """The open fraction `g`, and how long the pulse of transmitter still lasts, `left` (ms)."""

    g: Float[Array, "..."]
    left: Float[Array, "..."]


class AbstractKinetics(AbstractCell):
    r"""Receptors that bind transmitter and then are open (Destexhe, Mainen & Sejnowski 1994), for the `release` of a
    projection: $dg/dt = \alpha\, [T] (1 - g) - \beta\, g$, where [T] is `t_max` for `t_dur` after each arrival and else 0.

    A spike that arrives during a pulse begins it anew. The output is g, between 0 and 1. Solved exactly, also where a
    pulse ends within a step.
    """

    alpha: eqx.AbstractVar[Parameter]
    beta: eqx.AbstractVar[Parameter]
    t_max: eqx.AbstractVar[Parameter]
    t_dur: eqx.AbstractVar[Parameter]

    def __check_init__(self) -> None:
        check_positive(self, "alpha", "beta", "t_max", "t_dur")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> KineticsState:
        del key
        zeros = jnp.zeros(shape, self.beta.dtype)
        return KineticsState(zeros, zeros)

    def step(
        self, state: KineticsState, input: Float[Array, "..."], *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[KineticsState, Float[Array, "..."]]:
        """Relax, then let the spikes `input` begin pulses."""
        del t, key
        part = pulse(state.g, state.left, self.alpha * self.t_max, self.beta, dt)
        return KineticsState(part.end, renewed(state.left - part.on, input, self.t_dur)), part.end


class AMPA(AbstractKinetics):
    """Receptors of AMPA; equations, output and source are those of `AbstractKinetics`.

    **Arguments:**

    - `alpha`: rate of binding, 1/(mM ms).
    - `beta`: rate of unbinding, 1/ms.
    - `t_max`: concentration of transmitter in a pulse, mM.
    - `t_dur`: duration of a pulse, ms.
    """

    alpha: Parameter = param(0.98)
    beta: Parameter = param(0.18)
    t_max: Parameter = param(0.5)
    t_dur: Parameter = param(0.5)


class GABAa(AbstractKinetics):
    """Receptors of GABA-A; equations, output and source are those of `AbstractKinetics`.

    **Arguments:**

    - `alpha`: rate of binding, 1/(mM ms).
    - `beta`: rate of unbinding, 1/ms.
    - `t_max`: concentration of transmitter in a pulse, mM.
    - `t_dur`: duration of a pulse, ms.
    """

    alpha: Parameter = param(0.53)
    beta: Parameter = param(0.18)
    t_max: Parameter = param(1.0)
    t_dur: Parameter = param(1.0)
