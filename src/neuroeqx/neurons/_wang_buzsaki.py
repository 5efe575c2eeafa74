"""The Wang-Buzsaki interneuron."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._math import exprel_inverse
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike


class WangBuzsakiState(eqx.Module):
    """Voltage (mV) and the gates of sodium (`h`) and potassium (`n`), each of the population's shape."""

    v: Float[Array, "..."]
    h: Float[Array, "..."]
    n: Float[Array, "..."]


class WangBuzsaki(AbstractNeuron):
    r"""The fast-spiking hippocampal interneuron of Wang & Buzsaki (1996), whose sodium activates at once:

    $C\, dv/dt = g_{Na} m_\infty(v)^3 h (E_{Na} - v) + g_K n^4 (E_K - v) + g_L (E_L - v) + I(v)$,
    $dx/dt = \phi\, (\alpha_x(v) (1 - x) - \beta_x(v)\, x)$ for the gates $x = h, n$, with
    $m_\infty = \alpha_m / (\alpha_m + \beta_m)$ and

    $\alpha_m = \frac{0.1 (v + 35)}{1 - e^{-(v + 35) / 10}}$, $\beta_m = 4 e^{-(v + 60) / 18}$,
    $\alpha_h = 0.07 e^{-(v + 58) / 20}$, $\beta_h = \frac{1}{1 + e^{-(v + 28) / 10}}$,
    $\alpha_n = \frac{0.01 (v + 34)}{1 - e^{-(v + 34) / 10}}$, $\beta_n = 0.125 e^{-(v + 44) / 80}$.

    It fires in the step in which v crosses `v_th` upwards, and is not reset. It starts at `v_rest` with its gates in
    their steady state there. Sodium without inertia makes the upstroke steep: steps of the default stepper should be at
    most 0.05 ms, or the voltage overshoots.

    **Arguments:**

    - `c`: capacitance, positive, uF/cm2.
    - `g_na`, `g_k`, `g_l`: conductances of sodium, potassium and leak, mS/cm2.
    - `e_na`, `e_k`, `e_l`: reversal potentials, mV.
    - `phi`: $\phi$, the factor of temperature of the rates of h and n, positive, dimensionless.
    - `v_rest`: voltage of the start, by default the rest of the other defaults, mV.
    - `v_th`: voltage whose upward crossing counts as a spike, mV.
    - `stepper`, `surrogate`: as in `LIF`.

    Currents are in uA/cm2.
    """

    c: Parameter = param(1.0)
    g_na: Parameter = param(35.0)
    g_k: Parameter = param(9.0)
    g_l: Parameter = param(0.1)
    e_na: Parameter = param(55.0)
    e_k: Parameter = param(-90.0)
    e_l: Parameter = param(-65.0)
    phi: Parameter = param(5.0)
    v_rest: Parameter = param(-64.0175649096368)
    v_th: Parameter = param(0.0)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    fires_on_crossing = True

    def __check_init__(self) -> None:
        check_positive(self, "c", "phi")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> WangBuzsakiState:
        """At `v_rest`, with the gates in their steady state."""
        del key
        steady = [alpha / (alpha + beta) for alpha, beta in _rates(self.v_rest)[1:]]
        return WangBuzsakiState(*[jnp.broadcast_to(x, shape) for x in [self.v_rest, *steady]])

    def vector_field(self, t: Time, y: WangBuzsakiState, current: Current) -> WangBuzsakiState:
        del t
        v, h, n = y.v, y.h, y.n
        (alpha_m, beta_m), *rates = _rates(v)
        m = alpha_m / (alpha_m + beta_m)
        sodium = self.g_na * m * m * m * h * (self.e_na - v)
        potassium = self.g_k * n * n * n * n * (self.e_k - v)
        leak = self.g_l * (self.e_l - v)
        gates = zip((h, n), rates, strict=True)
        return WangBuzsakiState(
            (sodium + potassium + leak + current(v)) / self.c,
            *[self.phi * (alpha * (1.0 - x) - beta * x) for x, (alpha, beta) in gates],
        )

    def threshold(self, y: WangBuzsakiState) -> Float[Array, "..."]:
        return y.v - self.v_th

    def reset(self, y: WangBuzsakiState, spike: Float[Array, "..."]) -> WangBuzsakiState:
        del spike
        return y


def _rates(v: Float[Array, "..."]) -> list[tuple[Float[Array, "..."], Float[Array, "..."]]]:
    """The rates of opening and of closing of m, h and n, 1/ms, without the factor of temperature."""
    # One exponential serves three rates, e^(-(v + 28) / 10). The bounds lie far outside of any voltage.
    e = jnp.exp(jnp.clip(-0.1 * (v + 28.0), -80.0, 80.0))
    alpha_m, beta_m = exprel_inverse(-0.1 * (v + 35.0), math.exp(-0.7) * e), 4.0 * jnp.exp((-1.0 / 18.0) * (v + 60.0))
    alpha_h, beta_h = 0.07 * jnp.exp(-0.05 * (v + 58.0)), 1.0 / (1.0 + e)
    alpha_n, beta_n = 0.1 * exprel_inverse(-0.1 * (v + 34.0), math.exp(-0.6) * e), 0.125 * jnp.exp(-0.0125 * (v + 44.0))
    return [(alpha_m, beta_m), (alpha_h, beta_h), (alpha_n, beta_n)]
