"""Short-term plasticity."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_fraction, check_positive
from .._fields import param
from .._interfaces import AbstractCell
from .._types import Key, Parameter, Time


class STPState(eqx.Module):
    """The utilisation `u` and what is available, `x`."""

    u: Float[Array, "..."]
    x: Float[Array, "..."]


class STP(AbstractCell):
    r"""Short-term plasticity (Tsodyks, Pawelzik & Markram 1998), for the `release` of a projection:
    $du/dt = -u / \tau_{facil}$, $dx/dt = (1 - x) / \tau_{rec}$.

    At a spike, first $u \to u + U (1 - u)$; then $u x$ is put out, with the new u and x as it is before the spike; then
    $x \to x - u x$. So the first spike of all releases U. Between spikes the output is zero, and both variables are
    solved exactly. They begin at $u = 0$, $x = 1$. Without facilitation ($\tau_{facil} \to 0$) it is `STD`.

    **Arguments:**

    - `u`: the fraction U, by which a spike raises the utilisation, above 0 and at most 1, dimensionless.
    - `tau_rec`: time constant of the recovery from depression, ms.
    - `tau_facil`: time constant of facilitation, ms.
    """

    u: Parameter = param(0.15)
    tau_rec: Parameter = param(200.0)
    tau_facil: Parameter = param(1500.0)

    def __check_init__(self) -> None:
        check_fraction(self, "u")
        check_positive(self, "tau_rec", "tau_facil")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> STPState:
        del key
        return STPState(jnp.zeros(shape, self.u.dtype), jnp.ones(shape, self.tau_rec.dtype))

    def step(
        self, state: STPState, input: Float[Array, "..."], *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[STPState, Float[Array, "..."]]:
        """Relax, then release what the spikes `input` ask for."""
        del t, key
        u = state.u * jnp.exp(-dt / self.tau_facil)
        x = 1.0 + (state.x - 1.0) * jnp.exp(-dt / self.tau_rec)
        u = u + self.u * (1.0 - u) * input
        released = u * x * input
        return STPState(u, x - released), released
