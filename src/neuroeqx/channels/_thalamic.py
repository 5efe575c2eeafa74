"""Potassium channels of thalamic relay cells that inactivate: A and K2."""

from typing import Any

from ._channel import Channel
from ._gates import Q10, RelaxationGate
from ._rates import Bell, Boltzmann, Constant, Piecewise, Raised


def k_a1(g: Any = 30.0, e: Any = -95.0, *, v_sh: Any = 0.0, celsius: Any = 23.0) -> Channel:
    r"""The faster part, some 60 %, of the A current (Huguenard & McCormick 1992), $g\, p^4 q\, (E - v)$, with $s = v - v_{sh}$:

    $p_\infty = \frac{1}{1 + e^{-(s + 60) / 8.5}}$, $\tau_p = 0.37 + \frac{1}{e^{(s + 35.8) / 19.7} + e^{-(s + 79.7) / 12.7}}$,
    $q_\infty = \frac{1}{1 + e^{(s + 78) / 6}}$, $\tau_q = \frac{1}{e^{(s + 46) / 5} + e^{-(s + 238) / 37.5}}$ below -63 mV, and
    19 ms from there on.

    **Arguments:**

    - `g`: conductance with all gates open, mS/cm2.
    - `e`: reversal potential, mV; or the name of an ion.
    - `v_sh`: $v_{sh}$, by which all rates are shifted, mV.
    - `celsius`: temperature, of rates that are 2.8 times as fast ten degrees above 23, degC.
    """
    return _a(g, e, v_sh, celsius, Boltzmann(-60.0 + v_sh, 8.5), -63.0, 19.0)


def k_a2(g: Any = 20.0, e: Any = -95.0, *, v_sh: Any = 0.0, celsius: Any = 23.0) -> Channel:
    r"""The slower part, some 40 %, of the A current (Huguenard & McCormick 1992): as `k_a1` with
    $p_\infty = \frac{1}{1 + e^{-(s + 36) / 20}}$, and with $\tau_q$ = 60 ms from -73 mV on.

    **Arguments:**

    - `g`, `e`, `v_sh`, `celsius`: as in `k_a1`.
    """
    return _a(g, e, v_sh, celsius, Boltzmann(-36.0 + v_sh, 20.0), -73.0, 60.0)


def _a(g: Any, e: Any, v_sh: Any, celsius: Any, inf: Boltzmann, switch: float, slow: float) -> Channel:
    q10 = Q10(2.8, 23.0)
    tau_p = Bell(1.0, -35.8 + v_sh, 19.7, -79.7 + v_sh, -12.7, 0.37)
    tau_q = Piecewise(Bell(1.0, -46.0 + v_sh, 5.0, -238.0 + v_sh, -37.5), Constant(slow), switch + v_sh)
    p = RelaxationGate(inf=inf, tau=tau_p, power=4, q10=q10)
    q = RelaxationGate(inf=Boltzmann(-78.0 + v_sh, -6.0), tau=tau_q, q10=q10)
    return Channel({"p": p, "q": q}, g, e, celsius=celsius)


def k_2a(g: Any = 10.0, e: Any = -95.0, *, v_sh: Any = 0.0, celsius: Any = 23.5) -> Channel:
    r"""The faster part, some 60 %, of the slow potassium current K2 (Huguenard & McCormick 1992), $g\, p\, q\, (E - v)$, with
    $s = v - v_{sh}$:

    $p_\infty = \left(\frac{1}{1 + e^{-(s + 43) / 17}}\right)^4$,
    $\tau_p = 9.9 + \frac{1}{e^{(s - 81) / 25.6} + e^{-(s + 132) / 18}}$,
    $q_\infty = \frac{1}{1 + e^{(s + 58) / 10.6}}$, $\tau_q = 120 + \frac{1}{e^{(s - 1329) / 200} + e^{-(s + 130) / 7.1}}$.

    **Arguments:**

    - `g`, `e`, `v_sh`: as in `k_a1`.
    - `celsius`: temperature, of rates that are three times as fast ten degrees above 23.5, degC.
    """
    return _k2(g, e, v_sh, celsius, _tau_q(v_sh))


def k_2b(g: Any = 10.0, e: Any = -95.0, *, v_sh: Any = 0.0, celsius: Any = 23.5) -> Channel:
    r"""The slower part, some 40 %, of the slow potassium current K2 (Huguenard & McCormick 1992): as `k_2a`, with $\tau_q$ =
    8930 ms from -70 mV on.

    **Arguments:**

    - `g`, `e`, `v_sh`, `celsius`: as in `k_2a`.
    """
    return _k2(g, e, v_sh, celsius, Piecewise(_tau_q(v_sh), Constant(8930.0), -70.0 + v_sh))


def _tau_q(v_sh: Any) -> Bell:
    return Bell(1.0, 1329.0 + v_sh, 200.0, -130.0 + v_sh, -7.1, 120.0)


def _k2(g: Any, e: Any, v_sh: Any, celsius: Any, tau_q: Bell | Piecewise) -> Channel:
    q10 = Q10(3.0, 23.5)
    tau_p = Bell(1.0, 81.0 + v_sh, 25.6, -132.0 + v_sh, -18.0, 9.9)
    p = RelaxationGate(inf=Raised(Boltzmann(-43.0 + v_sh, 17.0), n=4), tau=tau_p, q10=q10)
    q = RelaxationGate(inf=Boltzmann(-58.0 + v_sh, -10.6), tau=tau_q, q10=q10)
    return Channel({"p": p, "q": q}, g, e, celsius=celsius)
