"""The synapse of two exponentials."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractLinearSynapse
from .._types import Key, Parameter, Time
from ._relaxation import cascade


class DualExponState(eqx.Module):
    """The conductance `g`, and `h` which spikes enter and which feeds it."""

    g: Float[Array, "..."]
    h: Float[Array, "..."]


class DualExpon(AbstractLinearSynapse):
    r"""A difference of two exponentials (Roth & van Rossum 2009):

    $dg/dt = -g / \tau_{decay} + a\, h$, $dh/dt = -h / \tau_{rise}$, and each arriving spike adds its weight to $h$.

    $a = \frac{1}{\tau_{rise}} (\tau_{decay} / \tau_{rise})^{\tau_{rise} / (\tau_{decay} - \tau_{rise})}$, so that a spike of
    weight w makes a conductance whose peak is w. Solved exactly. Equal time constants are the limit, `Alpha`, and nothing
    special: values and gradients are smooth there.

    **Arguments:**

    - `tau_decay`: time constant of the decay, ms.
    - `tau_rise`: time constant of the rise, ms.
    """

    tau_decay: Parameter = param(10.0)
    tau_rise: Parameter = param(1.0)

    def __check_init__(self) -> None:
        check_positive(self, "tau_decay", "tau_rise")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> DualExponState:
        del key
        zeros = jnp.zeros(shape, self.tau_decay.dtype)
        return DualExponState(zeros, zeros)

    def decay(self, state: DualExponState, *, dt: Time) -> DualExponState:
        fall, rise = 1.0 / self.tau_decay, 1.0 / self.tau_rise
        g = state.g * jnp.exp(-dt * fall) + state.h * (_peak(self) * cascade(dt, rise, fall))
        return DualExponState(g, state.h * jnp.exp(-dt * rise))

    def inject(
        self, state: DualExponState, add: Callable[[Float[Array, "..."]], Float[Array, "..."]]
    ) -> DualExponState:
        return DualExponState(state.g, add(state.h))

    def output(self, state: DualExponState) -> Float[Array, "..."]:
        return state.g


def _peak(syn: DualExpon) -> Float[Array, "..."]:
    r"""The factor a: $e^{\log(1 + u) / u} / \tau_{rise}$ with $u = \tau_{decay} / \tau_{rise} - 1$."""
    u = (syn.tau_decay - syn.tau_rise) / syn.tau_rise
    small = jnp.abs(u) < 1e-3
    s, b = jnp.where(small, u, 0.0), jnp.where(small, 1.0, u)
    series = 1.0 - s * (1.0 / 2.0 - s * (1.0 / 3.0 - s * (1.0 / 4.0 - s * (1.0 / 5.0))))
    return jnp.exp(jnp.where(small, series, jnp.log1p(b) / b)) / syn.tau_rise
