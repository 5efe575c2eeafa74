"""Cation channels that hyperpolarisation opens."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._current import Affine
from .._fields import param
from .._math import phi1
from .._types import Parameter, Time
from ._channel import AbstractChannel, Channel, Gates, Ions
from ._gates import Q10, RelaxationGate
from ._rates import Bell, Boltzmann


def h_hm1992(g: Any = 10.0, e: Any = -43.0) -> Channel:
    r"""Channels of thalamic relay cells (Huguenard & McCormick 1992), $g\, p\, (E - v)$:
    $p_\infty = \frac{1}{1 + e^{(v + 75) / 5.5}}$, $\tau_p = \frac{1}{e^{-14.59 - 0.086 v} + e^{-1.87 + 0.0701 v}}$.

    **Arguments:**

    - `g`: conductance with all gates open, mS/cm2.
    - `e`: reversal potential, mV; or the name of an ion.
    """
    tau = Bell(1.0, -14.59 / 0.086, -1.0 / 0.086, 1.87 / 0.0701, 1.0 / 0.0701)
    return Channel({"p": RelaxationGate(inf=Boltzmann(-75.0, -5.5), tau=tau)}, g, e)


class CalciumDependentIh(AbstractChannel):
    r"""Channels of thalamic relay cells that calcium keeps open (Destexhe et al. 1996). Of all channels a part o is open, and a
    part l is open and locked by a protein, of which a part p has bound calcium:

    $I = g\, (o + 2 l)\, (E - v)$,
    $do/dt = \alpha (1 - o - l) - \beta o - k_3 p\, o + k_4 l$, $dl/dt = k_3 p\, o - k_4 l$,
    $dp/dt = k_1 c^4 (1 - p) - k_2 p$, with $\alpha = h_\infty / \tau$, $\beta = (1 - h_\infty) / \tau$,
    $h_\infty = \frac{1}{1 + e^{(s + 75) / 5.5}}$, $s = v - v_{sh}$ and
    $\tau = \left(20 + \frac{1000}{e^{(s + 71.5) / 14.2} + e^{-(s + 89) / 11.6}}\right) / \phi$,
    where $\phi$ is the factor of temperature. The state is a dictionary of o, l and p.

    **Arguments:**

    - `g`: conductance, mS/cm2.
    - `e`: reversal potential, mV.
    - `v_sh`: $v_{sh}$, mV.
    - `c_half`: the concentration at which half of the protein has bound calcium, $(k_2 / k_1)^{1/4}$, positive, mM.
    - `k_2`, `k_3`, `k_4`: rates, 1/ms.
    - `celsius`: temperature, of a time constant that is a third ten degrees above 36, degC.
    - `calcium`: the name of the ion that is sensed.
    """

    g: Parameter = param(0.02)
    e: Parameter = param(-40.0)
    v_sh: Parameter = param(0.0)
    c_half: Parameter = param(0.002)
    k_2: Parameter = param(0.0004)
    k_3: Parameter = param(0.1)
    k_4: Parameter = param(0.001)
    celsius: Parameter = param(36.0)
    calcium: str = eqx.field(default="ca", static=True)

    def __check_init__(self) -> None:
        check_positive(self, "c_half", "k_2", "k_3", "k_4")

    @property
    def needs(self) -> dict[str, tuple[str, ...]]:
        return {self.calcium: ("inner",)}

    def init(self, v: Float[Array, "..."], ions: Ions) -> Gates:
        alpha, beta, bound = self._rates(v, ions)
        p = bound / (bound + self.k_2)
        locked = self.k_3 * p / self.k_4
        o = alpha / (alpha * (1.0 + locked) + beta)
        return {name: jnp.broadcast_to(x, v.shape) for name, x in (("o", o), ("l", locked * o), ("p", p))}

    def derivative(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Gates:
        alpha, beta, bound = self._rates(v, ions)
        o, locked, p = gates["o"], gates["l"], gates["p"]
        lock = self.k_3 * p * o - self.k_4 * locked
        do = alpha * (1.0 - o - locked) - beta * o - lock
        return {"o": do, "l": lock, "p": bound * (1.0 - p) - self.k_2 * p}

    def advance(self, gates: Gates, v: Float[Array, "..."], ions: Ions, dt: Time) -> Gates:
        """The protein exactly; half a step of l, one of o and half a step of l, each exact while the others are held."""
        alpha, beta, bound = self._rates(v, ions)
        o, locked, p = gates["o"], gates["l"], gates["p"]
        p = _relaxed(p, bound, bound + self.k_2, dt)
        locked = _relaxed(locked, self.k_3 * p * o, self.k_4, 0.5 * dt)
        gain = alpha * (1.0 - locked) + self.k_4 * locked
        o = _relaxed(o, gain, alpha + beta + self.k_3 * p, dt)
        return {"o": o, "l": _relaxed(locked, self.k_3 * p * o, self.k_4, 0.5 * dt), "p": p}

    def conductance(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Float[Array, "..."]:
        del v, ions
        return self.g * (gates["o"] + 2.0 * gates["l"])

    def current(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Float[Array, "..."]:
        return self.conductance(gates, v, ions) * (self.e - v)

    def affine(self, gates: Gates, v: Float[Array, "..."], ions: Ions) -> Affine:
        g = self.conductance(gates, v, ions)
        return Affine(g * self.e, g)

    def by_ion(self, current: Float[Array, "..."]) -> dict[str, Float[Array, "..."]]:
        del current
        return {}

    def _rates(self, v: Float[Array, "..."], ions: Ions) -> tuple[Any, Any, Any]:
        """Of opening, of closing, and of binding calcium, 1/ms."""
        phi = Q10(3.0, 36.0)(self.celsius)
        inf = Boltzmann(-75.0 + self.v_sh, -5.5)(v)
        tau = Bell(1000.0, -71.5 + self.v_sh, 14.2, -89.0 + self.v_sh, -11.6, 20.0)(v)
        # Relative to the concentration of half: a fourth power of mM would underflow in single precision.
        bound = self.k_2 * (ions[self.calcium].inner / self.c_half) ** 4  # pyright: ignore[reportOptionalOperand]
        return phi * inf / tau, phi * (1.0 - inf) / tau, bound


def _relaxed(x: Float[Array, "..."], gain: Any, decay: Any, dt: Time) -> Float[Array, "..."]:
    return x + dt * (gain - decay * x) * phi1(-dt * decay)
