"""The alpha synapse."""

import math
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractLinearSynapse
from .._types import Key, Parameter, Time


class AlphaState(eqx.Module):
    """The conductance `g`, and `h` which spikes enter and which feeds it."""

    g: Float[Array, "..."]
    h: Float[Array, "..."]


class Alpha(AbstractLinearSynapse):
    r"""The alpha function $\frac{e\, t}{\tau} e^{-t / \tau}$ (Rall 1967): $dg/dt = (e\, h - g) / \tau$,
    $dh/dt = -h / \tau$, and each arriving spike adds its weight to $h$.

    A spike of weight w makes a conductance whose peak is w, `tau` later, as in NEST. Solved exactly.

    **Arguments:**

    - `tau`: time from an arrival to the peak, ms.
    """

    tau: Parameter = param(10.0)

    def __check_init__(self) -> None:
        check_positive(self, "tau")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> AlphaState:
        del key
        zeros = jnp.zeros(shape, self.tau.dtype)
        return AlphaState(zeros, zeros)

    def decay(self, state: AlphaState, *, dt: Time) -> AlphaState:
        u = dt / self.tau
        left = jnp.exp(-u)
        return AlphaState(state.g * left + state.h * (math.e * u * left), state.h * left)

    def inject(self, state: AlphaState, add: Callable[[Float[Array, "..."]], Float[Array, "..."]]) -> AlphaState:
        return AlphaState(state.g, add(state.h))

    def output(self, state: AlphaState) -> Float[Array, "..."]:
        return state.g
