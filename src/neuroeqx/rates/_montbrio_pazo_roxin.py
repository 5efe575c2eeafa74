"""The exact mean field of quadratic integrate-and-fire neurons."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_not_negative, check_positive
from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import RK4


class MontbrioPazoRoxinState(eqx.Module):
    """Firing rate, 1/ms, and mean voltage, dimensionless."""

    r: Float[Array, "..."]
    v: Float[Array, "..."]


class MontbrioPazoRoxin(AbstractGradedCell):
    r"""A population of infinitely many neurons $\tau\, dV_j/dt = V_j^2 + \eta_j + J \tau r + I$, coupled by their rate r, whose
    excitabilities have a Lorentzian distribution of centre $\eta$ and half width $\Delta$ (Montbrió, Pazó & Roxin 2015):

    $\tau\, dr/dt = \Delta / (\pi \tau) + 2 r v$
    $\tau\, dv/dt = v^2 + \eta + J \tau r - (\pi \tau r)^2 + I$.

    This is exact. Its output is the rate, which other populations receive. It starts at r = 0 and v = -2.

    **Arguments:**

    - `tau`: time constant of the membranes, positive, ms.
    - `eta`: centre of the excitabilities, dimensionless.
    - `delta`: their half width at half of the maximum, not negative, dimensionless.
    - `j`: strength of the recurrent synapses, dimensionless.
    - `stepper`: integration method.
    """

    tau: Parameter = param(10.0)
    eta: Parameter = param(-5.0)
    delta: Parameter = param(1.0)
    j: Parameter = param(15.0)
    stepper: AbstractStepper = RK4()

    def __check_init__(self) -> None:
        check_positive(self, "tau")
        check_not_negative(self, "delta")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> MontbrioPazoRoxinState:
        del key
        return MontbrioPazoRoxinState(jnp.zeros(shape, self.tau.dtype), jnp.full(shape, -2.0, self.tau.dtype))

    def vector_field(self, t: Time, y: MontbrioPazoRoxinState, current: Current) -> MontbrioPazoRoxinState:
        del t
        spread = jnp.pi * self.tau * y.r
        return MontbrioPazoRoxinState(
            (self.delta / (jnp.pi * self.tau) + 2.0 * y.r * y.v) / self.tau,
            (y.v * y.v + self.eta + self.j * self.tau * y.r - spread * spread + current(y.v)) / self.tau,
        )

    def output(self, y: MontbrioPazoRoxinState) -> Float[Array, "..."]:
        return y.r
