"""Kinetics of GABA-B receptors."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractCell
from .._types import Key, Parameter, Time
from ._relaxation import cascade, pulse, renewed


class GABAbState(eqx.Module):
    """The bound fraction `r`, the G protein `s` (uM), and how long the pulse of transmitter still lasts, `left` (ms)."""

    r: Float[Array, "..."]
    s: Float[Array, "..."]
    left: Float[Array, "..."]


class GABAb(AbstractCell):
    r"""GABA-B receptors, which open channels through a G protein (Destexhe & Sejnowski 1995; Destexhe, Mainen &
    Sejnowski 1998), for the `release` of a projection:
    $dr/dt = k_1 [T] (1 - r) - k_2 r$, $ds/dt = k_3 r - k_4 s$, where [T] is `t_max` for `t_dur` after each arrival and
    else 0.

    The output is $s^4 / (s^4 + k_d)$, between 0 and 1. A spike that arrives during a pulse begins it anew. Solved exactly,
    also where a pulse ends within a step.

    **Arguments:**

    - `k1`: rate of binding, 1/(mM ms).
    - `k2`: rate of unbinding, 1/ms.
    - `k3`: rate at which bound receptors activate G protein, uM/ms.
    - `k4`: rate at which G protein is lost, 1/ms.
    - `kd`: dissociation constant of the channels' four sites, uM^4.
    - `t_max`: concentration of transmitter in a pulse, mM.
    - `t_dur`: duration of a pulse, ms.
    """

    k1: Parameter = param(0.52)
    k2: Parameter = param(0.0013)
    k3: Parameter = param(0.098)
    k4: Parameter = param(0.033)
    kd: Parameter = param(100.0)
    t_max: Parameter = param(0.5)
    t_dur: Parameter = param(0.3)

    def __check_init__(self) -> None:
        check_positive(self, "k1", "k2", "k3", "k4", "kd", "t_max", "t_dur")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> GABAbState:
        del key
        zeros = jnp.zeros(shape, self.k2.dtype)
        return GABAbState(zeros, zeros, zeros)

    def step(
        self, state: GABAbState, input: Float[Array, "..."], *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[GABAbState, Float[Array, "..."]]:
        """Relax, then let the spikes `input` begin pulses."""
        del t, key
        binding = self.k1 * self.t_max
        part = pulse(state.r, state.left, binding, self.k2, dt)
        # With transmitter, r is a constant and an exponential; without it, an exponential.
        total = binding + self.k2
        steady = binding / total
        fed = steady * (-jnp.expm1(-self.k4 * part.on) / self.k4)
        fed = fed + (part.start - steady) * cascade(part.on, total, self.k4)
        middle = state.s * jnp.exp(-self.k4 * part.on) + self.k3 * fed
        fed = part.middle * cascade(part.off, self.k2, self.k4)
        s = middle * jnp.exp(-self.k4 * part.off) + self.k3 * fed
        fourth = s * s * s * s
        return GABAbState(part.end, s, renewed(state.left - part.on, input, self.t_dur)), fourth / (fourth + self.kd)
