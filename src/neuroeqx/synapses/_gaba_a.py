"""Kinetics of GABA-A receptors."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractCell
from .._types import Key, Parameter, Time
from ._relaxation import pulse, renewed


class GABAaState(eqx.Module):
    """The open fraction `g`, and how long the pulse of transmitter still lasts, `left` (ms)."""

    g: Float[Array, "..."]
    left: Float[Array, "..."]


class GABAa(AbstractCell):
    r"""Receptors of GABA-A that bind transmitter (Destexhe, Mainen & Sejnowski 1994), for the `release` of a projection:
    $dg/dt = \alpha\, [T] (1 - g) - \beta\, g$, where [T] is `t_max` for `t_dur` after each arrival and else 0.

    A spike that arrives during a pulse begins it anew. The output is g, between 0 and 1. Solved exactly, also where a
    pulse ends within a step.

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

    def __check_init__(self) -> None:
        check_positive(self, "alpha", "beta", "t_max", "t_dur")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> GABAaState:
        del key
        zeros = jnp.zeros(shape, self.beta.dtype)
        return GABAaState(zeros, zeros)

    def step(
        self, state: GABAaState, input: Float[Array, "..."], *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[GABAaState, Float[Array, "..."]]:
        """Relax, then let the spikes `input` begin pulses."""
        del t, key
        part = pulse(state.g, state.left, self.alpha * self.t_max, self.beta, dt)
        return GABAaState(part.end, renewed(state.left - part.on, input, self.t_dur)), part.end
