"""The Traub-Miles conductance-based neuron."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._math import exprel_inverse
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike


class TraubMilesState(eqx.Module):
    """Voltage (mV) and the gates of sodium (`m`, `h`) and potassium (`n`), each of the population's shape."""

    v: Float[Array, "..."]
    m: Float[Array, "..."]
    h: Float[Array, "..."]
    n: Float[Array, "..."]


class TraubMiles(AbstractNeuron):
    r"""A Hodgkin-Huxley neuron with the kinetics of Traub & Miles (1991), as in the benchmark COBAHH of Brette et al.
    (2007):

    $C\, dv/dt = g_L (E_L - v) + g_{Na} m^3 h (E_{Na} - v) + g_K n^4 (E_K - v) + I(v)$,
    $dx/dt = \alpha_x(v) (1 - x) - \beta_x(v)\, x$ for the gates $x = m, h, n$, with $u = v - V_T$ and

    $\alpha_m = \frac{0.32 (13 - u)}{e^{(13 - u) / 4} - 1}$, $\beta_m = \frac{0.28 (u - 40)}{e^{(u - 40) / 5} - 1}$,
    $\alpha_h = 0.128 e^{(17 - u) / 18}$, $\beta_h = \frac{4}{1 + e^{(40 - u) / 5}}$,
    $\alpha_n = \frac{0.032 (15 - u)}{e^{(15 - u) / 5} - 1}$, $\beta_n = 0.5 e^{(10 - u) / 40}$.

    It fires in the step in which v crosses `v_th` upwards, and is not reset. The default stepper solves each gate
    exactly at the voltage, and the voltage exactly at the conductances, of the beginning of the step.

    **Arguments:**

    - `c`: capacitance, pF.
    - `g_l`, `g_na`, `g_k`: conductances of leak, sodium and potassium, nS.
    - `e_l`, `e_na`, `e_k`: reversal potentials, mV.
    - `v_t`: $V_T$, shift of the kinetics, mV.
    - `v_th`: voltage whose upward crossing counts as a spike, mV.
    - `stepper`, `surrogate`: as in `LIF`.

    Currents are in pA.
    """

    c: Parameter = param(200.0)
    g_l: Parameter = param(10.0)
    g_na: Parameter = param(20000.0)
    g_k: Parameter = param(6000.0)
    e_l: Parameter = param(-60.0)
    e_na: Parameter = param(50.0)
    e_k: Parameter = param(-90.0)
    v_t: Parameter = param(-63.0)
    v_th: Parameter = param(-20.0)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    fires_on_crossing = True

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> TraubMilesState:
        """At the leak reversal potential, with all gates closed."""
        del key
        closed = jnp.zeros(shape, self.e_l.dtype)
        return TraubMilesState(jnp.broadcast_to(self.e_l, shape), closed, closed, closed)

    def vector_field(self, t: Time, y: TraubMilesState, current: Current) -> TraubMilesState:
        del t
        v, m, h, n = y.v, y.m, y.h, y.n
        u = v - self.v_t
        # One exponential serves three rates, e^((40 - u) / 5). The bounds lie far outside of any voltage.
        e = jnp.exp(jnp.clip(0.2 * (40.0 - u), -80.0, 80.0))
        # For beta_m: x / (e^x - 1) = e^-x (-x) / (e^-x - 1).
        alpha_m, beta_m = 1.28 * exprel_inverse(0.25 * (13.0 - u)), 1.4 * e * exprel_inverse(0.2 * (40.0 - u), e)
        alpha_h, beta_h = 0.128 * jnp.exp((1.0 / 18.0) * (17.0 - u)), 4.0 / (1.0 + e)
        alpha_n, beta_n = 0.16 * exprel_inverse(0.2 * (15.0 - u), math.exp(-5.0) * e), 0.5 * jnp.exp(0.025 * (10.0 - u))
        sodium = self.g_na * m * m * m * h * (self.e_na - v)
        potassium = self.g_k * n * n * n * n * (self.e_k - v)
        leak = self.g_l * (self.e_l - v)
        return TraubMilesState(
            (leak + sodium + potassium + current(v)) * (1.0 / self.c),
            alpha_m * (1.0 - m) - beta_m * m,
            alpha_h * (1.0 - h) - beta_h * h,
            alpha_n * (1.0 - n) - beta_n * n,
        )

    def threshold(self, y: TraubMilesState) -> Float[Array, "..."]:
        return y.v - self.v_th

    def reset(self, y: TraubMilesState, spike: Float[Array, "..."]) -> TraubMilesState:
        del spike
        return y
