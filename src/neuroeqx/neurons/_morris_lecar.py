"""The Morris-Lecar neuron."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import as_parameter, param
from .._interfaces import AbstractNeuron, AbstractStepper, AbstractSurrogate
from .._types import Current, Key, Parameter, Time
from ..steppers import ExpEuler
from ..surrogate import SuperSpike


class MorrisLecarState(eqx.Module):
    """Voltage (mV) and the gate of potassium, each of the population's shape."""

    v: Float[Array, "..."]
    w: Float[Array, "..."]


class MorrisLecar(AbstractNeuron):
    r"""The barnacle's muscle fibre of Morris & Lecar (1981), two variables of which every oscillation can be drawn in the
    plane:

    $C\, dv/dt = g_{Ca} m_\infty(v) (E_{Ca} - v) + g_K w (E_K - v) + g_L (E_L - v) + I(v)$,
    $dw/dt = \phi \cosh(\frac{v - v_3}{2 v_4}) (w_\infty(v) - w)$, with
    $m_\infty = \frac{1}{2} (1 + \tanh(\frac{v - v_1}{v_2}))$, $w_\infty = \frac{1}{2} (1 + \tanh(\frac{v - v_3}{v_4}))$.

    The defaults are the first set of Rinzel & Ermentrout (1989), where firing begins in a Hopf bifurcation (class 2);
    `g_ca=4.0, v_3=12.0, v_4=17.4, phi=1/15` is their second, where it begins at any low rate (class 1), and there the
    cell rests at `v_rest=-59.474`.

    It fires in the step in which v crosses `v_th` upwards, and is not reset. It starts at `v_rest` with its gate in
    its steady state there.

    **Arguments:**

    - `c`: capacitance, positive, uF/cm2.
    - `g_ca`, `g_k`, `g_l`: conductances of calcium, potassium and leak, mS/cm2.
    - `e_ca`, `e_k`, `e_l`: reversal potentials, mV.
    - `v_1`, `v_2`: middle and width of the activation of calcium, the width positive, mV.
    - `v_3`, `v_4`: the same of potassium, mV.
    - `phi`: $\phi$, rate of potassium, positive, 1/ms.
    - `v_rest`: voltage of the start, by default the rest of the other defaults, mV.
    - `v_th`: voltage whose upward crossing counts as a spike, mV.
    - `stepper`, `surrogate`: as in `LIF`.

    Currents are in uA/cm2.
    """

    c: Parameter = param(20.0)
    g_ca: Parameter = param(4.4)
    g_k: Parameter = param(8.0)
    g_l: Parameter = param(2.0)
    e_ca: Parameter = param(120.0)
    e_k: Parameter = param(-84.0)
    e_l: Parameter = param(-60.0)
    v_1: Parameter = param(-1.2)
    v_2: Parameter = param(18.0)
    v_3: Parameter = param(2.0)
    v_4: Parameter = param(30.0)
    phi: Parameter = param(0.04)
    v_rest: Parameter = param(-60.85538223230947)
    v_th: Parameter = param(0.0)
    stepper: AbstractStepper = ExpEuler()
    surrogate: AbstractSurrogate = eqx.field(default_factory=lambda: SuperSpike(as_parameter(1.0)))

    fires_on_crossing = True

    def __check_init__(self) -> None:
        check_positive(self, "c", "v_2", "v_4", "phi")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> MorrisLecarState:
        """At `v_rest`, with the gate in its steady state."""
        del key
        w = 0.5 * (1.0 + jnp.tanh((self.v_rest - self.v_3) / self.v_4))
        return MorrisLecarState(jnp.broadcast_to(self.v_rest, shape), jnp.broadcast_to(w, shape))

    def vector_field(self, t: Time, y: MorrisLecarState, current: Current) -> MorrisLecarState:
        del t
        v, w = y.v, y.w
        m = 0.5 * (1.0 + jnp.tanh((v - self.v_1) / self.v_2))
        u = (v - self.v_3) / self.v_4
        steady = 0.5 * (1.0 + jnp.tanh(u))
        calcium = self.g_ca * m * (self.e_ca - v)
        potassium = self.g_k * w * (self.e_k - v)
        leak = self.g_l * (self.e_l - v)
        return MorrisLecarState(
            (calcium + potassium + leak + current(v)) / self.c, self.phi * jnp.cosh(0.5 * u) * (steady - w)
        )

    def threshold(self, y: MorrisLecarState) -> Float[Array, "..."]:
        return y.v - self.v_th

    def reset(self, y: MorrisLecarState, spike: Float[Array, "..."]) -> MorrisLecarState:
        del spike
        return y
