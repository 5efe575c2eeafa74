"""The balloon: what neural activity does to blood, and what magnetic resonance sees of it."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_fraction, check_positive
from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import RK4


class BalloonState(eqx.Module):
    """Vasodilatory signal, 1/s, and blood flow, volume and content of deoxyhaemoglobin, each relative to rest."""

    signal: Float[Array, "..."]
    flow: Float[Array, "..."]
    volume: Float[Array, "..."]
    content: Float[Array, "..."]

    @property
    def v(self) -> Float[Array, "..."]:
        """What the input drives."""
        return self.signal


class Balloon(AbstractGradedCell):
    r"""Haemodynamics of an area of the brain after Balloon and Windkessel (Friston, Harrison & Penny 2003), with time in
    seconds:

    $ds/dt = \epsilon I - \kappa s - \gamma (f - 1)$, $df/dt = s$,
    $\tau_0\, dv/dt = f - v^{1/\alpha}$, $\tau_0\, dq/dt = f\, (1 - (1 - \rho)^{1/f}) / \rho - q\, v^{1/\alpha - 1}$,
    $y = V_0\, (7 \rho\, (1 - q) + 2\, (1 - q/v) + (2 \rho - 0.2)(1 - v))$.

    Its input is neural activity (a synaptic activity, or a rate of suitable scale), its output the BOLD signal y, the relative
    change. It starts at rest. The state is of use up to flows of zero only: below that, where a strong inhibition would drive
    it, they count as 0.01. Steps may be much longer than those of neurons: 10 to 50 ms. `measure.bold` applies it to what was
    recorded; in a network it takes the output of areas through `connect.one_to_one(1.0)`.

    **Arguments:**

    - `efficacy`: $\epsilon$, the signal that activity causes, dimensionless.
    - `kappa`: decay of the signal, 1/s.
    - `gamma`: feedback of the flow, 1/s^2.
    - `tau`: mean transit time $\tau_0$, positive, s.
    - `alpha`: stiffness of the vessels, positive and at most 1, dimensionless.
    - `rho`: extraction of oxygen at rest, positive and at most 1, dimensionless.
    - `v0`: fraction of blood volume at rest, dimensionless.
    - `stepper`: integration method.
    """

    efficacy: Parameter = param(1.0)
    kappa: Parameter = param(0.65)
    gamma: Parameter = param(0.41)
    tau: Parameter = param(0.98)
    alpha: Parameter = param(0.32)
    rho: Parameter = param(0.34)
    v0: Parameter = param(0.02)
    stepper: AbstractStepper = RK4()

    def __check_init__(self) -> None:
        check_positive(self, "tau")
        check_fraction(self, "alpha", "rho")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> BalloonState:
        del key
        one = jnp.ones(shape, self.tau.dtype)
        return BalloonState(jnp.zeros(shape, self.tau.dtype), one, one, one)

    def vector_field(self, t: Time, y: BalloonState, current: Current) -> BalloonState:
        del t
        flow, volume = jnp.maximum(y.flow, 0.01), jnp.maximum(y.volume, 0.01)
        out = jnp.exp(jnp.log(volume) / self.alpha)
        extracted = 1.0 - jnp.exp(jnp.log1p(-jnp.minimum(self.rho, 0.999999)) / flow)
        per_ms = 0.001
        return BalloonState(
            per_ms * (self.efficacy * current(y.signal) - self.kappa * y.signal - self.gamma * (y.flow - 1.0)),
            per_ms * y.signal,
            per_ms / self.tau * (flow - out),
            per_ms / self.tau * (flow * extracted / self.rho - y.content * out / volume),
        )

    def output(self, y: BalloonState) -> Float[Array, "..."]:
        volume = jnp.maximum(y.volume, 0.01)
        k1, k3 = 7.0 * self.rho, 2.0 * self.rho - 0.2
        return self.v0 * (k1 * (1.0 - y.content) + 2.0 * (1.0 - y.content / volume) + k3 * (1.0 - y.volume))
