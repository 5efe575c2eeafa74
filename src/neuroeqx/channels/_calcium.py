"""Calcium channels, and channels that calcium opens."""

from typing import Any

from ._channel import Channel
from ._gates import InstantGate, Q10, RateGate, RelaxationGate
from ._rates import Bell, Binding, Boltzmann, Constant, Exponential, Hill, Linoid, Piecewise


def ca_t_hm1992(g: Any = 2.0, e: Any = "ca", *, v_sh: Any = 0.0, celsius: Any = 36.0) -> Channel:
    r"""Calcium channels of low threshold, T, of thalamic relay cells (Huguenard & McCormick 1992), $g\, p^2 q\, (E - v)$, with
    $s = v - v_{sh}$:

    $p_\infty = \frac{1}{1 + e^{-(s + 60) / 6.2}}$, $\tau_p = 0.612 + \frac{1}{e^{-(s + 132) / 16.7} + e^{(s + 16.8) / 18.2}}$,
    $q_\infty = \frac{1}{1 + e^{(s + 84) / 4}}$, $\tau_q = e^{(s + 467) / 66.6}$ below -80 mV, and $28 + e^{-(s + 22) / 10.5}$
    from there on.

    Channels of high threshold were made of them with $v_{sh}$ = 25 mV.

    **Arguments:**

    - `g`: conductance with all gates open, mS/cm2.
    - `e`: reversal potential, mV; or the name of an ion.
    - `v_sh`: $v_{sh}$, by which all rates are shifted, mV.
    - `celsius`: temperature: ten degrees above 24 p is 3.55 times as fast and q three times, degC.
    """
    tau_p = Bell(1.0, -132.0 + v_sh, -16.7, -16.8 + v_sh, 18.2, 0.612)
    below, above = Exponential(1.0, -467.0 + v_sh, 66.6), Exponential(1.0, -22.0 + v_sh, -10.5, 28.0)
    p = RelaxationGate(inf=Boltzmann(-60.0 + v_sh, 6.2), tau=tau_p, power=2, q10=Q10(3.55, 24.0))
    tau_q = Piecewise(below, above, -80.0 + v_sh)
    q = RelaxationGate(inf=Boltzmann(-84.0 + v_sh, -4.0), tau=tau_q, q10=Q10(3.0, 24.0))
    return Channel({"p": p, "q": q}, g, e, celsius=celsius)


def ca_t_hp1992(g: Any = 1.75, e: Any = "ca", *, v_sh: Any = 0.0, celsius: Any = 36.0) -> Channel:
    r"""Calcium channels of low threshold, T, of the reticular nucleus (Huguenard & Prince 1992), $g\, p^2 q\, (E - v)$, with
    $s = v - v_{sh}$:

    $p_\infty = \frac{1}{1 + e^{-(s + 52) / 7.4}}$, $\tau_p = 3 + \frac{1}{e^{(s + 27) / 10} + e^{-(s + 102) / 15}}$,
    $q_\infty = \frac{1}{1 + e^{(s + 80) / 5}}$, $\tau_q = 85 + \frac{1}{e^{(s + 48) / 4} + e^{-(s + 407) / 50}}$.

    **Arguments:**

    - `g`, `e`, `v_sh`: as in `ca_t_hm1992`.
    - `celsius`: temperature: ten degrees above 24 p is five times as fast and q three times, degC.
    """
    tau_p = Bell(1.0, -27.0 + v_sh, 10.0, -102.0 + v_sh, -15.0, 3.0)
    tau_q = Bell(1.0, -48.0 + v_sh, 4.0, -407.0 + v_sh, -50.0, 85.0)
    p = RelaxationGate(inf=Boltzmann(-52.0 + v_sh, 7.4), tau=tau_p, power=2, q10=Q10(5.0, 24.0))
    q = RelaxationGate(inf=Boltzmann(-80.0 + v_sh, -5.0), tau=tau_q, q10=Q10(3.0, 24.0))
    return Channel({"p": p, "q": q}, g, e, celsius=celsius)


def ca_hva(g: Any = 1.0, e: Any = "ca", *, v_sh: Any = 0.0, celsius: Any = 23.0) -> Channel:
    r"""Calcium channels of high threshold of pyramidal cells (Reuveni et al. 1993), $g\, m^2 h\, (E - v)$, with
    $s = v - v_{sh}$:

    $\alpha_m = \frac{0.055 (-27 - s)}{e^{(-27 - s) / 3.8} - 1}$, $\beta_m = 0.94 e^{(-75 - s) / 17}$,
    $\alpha_h = 0.000457 e^{(-13 - s) / 50}$, $\beta_h = \frac{0.0065}{1 + e^{(-15 - s) / 28}}$.

    Cells of Hay et al. (2011) have them as they are at 23 degrees.

    **Arguments:**

    - `g`, `e`, `v_sh`: as in `ca_t_hm1992`.
    - `celsius`: temperature, of rates that are 2.3 times as fast ten degrees above 23, degC.
    """
    q10 = Q10(2.3, 23.0)
    alpha_m, beta_m = Linoid(0.209, -27.0 + v_sh, 3.8), Exponential(0.94, -75.0 + v_sh, -17.0)
    alpha_h, beta_h = Exponential(0.000457, -13.0 + v_sh, -50.0), Boltzmann(-15.0 + v_sh, 28.0, 0.0065)
    m = RateGate(alpha=alpha_m, beta=beta_m, power=2, q10=q10)
    return Channel({"m": m, "h": RateGate(alpha=alpha_h, beta=beta_h, q10=q10)}, g, e, celsius=celsius)


def ca_l(g: Any = 1.0, e: Any = "ca", *, v_sh: Any = 0.0) -> Channel:
    r"""Calcium channels of the L type (Inoue & Strowbridge 2008), $g\, p^2 q\, (E - v)$, with $s = v - v_{sh}$:

    $p_\infty = \frac{1}{1 + e^{-(s + 10) / 4}}$, $\tau_p = 0.4 + \frac{0.7}{2 \cosh((s + 5) / 15)}$,
    $q_\infty = \frac{1}{1 + e^{(s + 25) / 2}}$, $\tau_q = 300 + \frac{100}{2 \cosh((s + 40) / 9.5)}$.

    **Arguments:**

    - `g`, `e`, `v_sh`: as in `ca_t_hm1992`.
    """
    tau_p = Bell(0.7, -5.0 + v_sh, 15.0, -5.0 + v_sh, -15.0, 0.4)
    tau_q = Bell(100.0, -40.0 + v_sh, 9.5, -40.0 + v_sh, -9.5, 300.0)
    p = RelaxationGate(inf=Boltzmann(-10.0 + v_sh, 4.0), tau=tau_p, power=2)
    return Channel({"p": p, "q": RelaxationGate(inf=Boltzmann(-25.0 + v_sh, -2.0), tau=tau_q)}, g, e)


def can(g: Any = 1.0, e: Any = 10.0, *, calcium: str = "ca") -> Channel:
    r"""Cation channels that calcium opens (Inoue & Strowbridge 2008), $g\, \frac{c}{c + 0.2}\, p\, (E - v)$ with the
    concentration $c$ inside in mM:
    $p_\infty = \frac{1}{1 + e^{-(v + 43) / 5.2}}$, $\tau_p = 1.6 + \frac{2.7}{2 \cosh((v + 55) / 15)}$.

    **Arguments:**

    - `g`, `e`: as in `ca_t_hm1992`.
    - `calcium`: the name of the ion that is sensed.
    """
    p = RelaxationGate(inf=Boltzmann(-43.0, 5.2), tau=Bell(2.7, -55.0, 15.0, -55.0, -15.0, 1.6))
    return Channel({"open": InstantGate(inf=Hill(0.2)), "p": p}, g, e, senses=calcium)


def k_ahp(g: Any = 10.0, e: Any = -95.0, *, calcium: str = "ca", celsius: Any = 36.0) -> Channel:
    r"""Potassium channels that calcium opens and that follow a spike slowly, AHP (Destexhe et al. 1994), $g\, p^2 (E - v)$ with
    $\alpha_p = 48\, c^2$ of the concentration $c$ inside in mM and $\beta_p$ = 0.03, 1/ms.

    **Arguments:**

    - `g`, `e`: as in `ca_t_hm1992`.
    - `calcium`: the name of the ion that is sensed.
    - `celsius`: temperature, of rates that are three times as fast ten degrees above 22, degC.
    """
    # 48 c^2 is 0.03 (c / 0.025 mM)^2.
    p = RateGate(alpha=Binding(0.03, 0.025, n=2), beta=Constant(0.03), power=2, q10=Q10(3.0, 22.0))
    return Channel({"p": p}, g, e, senses=calcium, celsius=celsius)
