"""Channels of the pyramidal cells of layer 5 as Hay et al. (2011) put them together, at 34 degrees."""

from typing import Any

from ._channel import Channel
from ._gates import Q10, RateGate, RelaxationGate
from ._rates import Boltzmann, Constant, Exponential, Gaussian, Hill, Linoid, Piecewise, TauOfRates


def _q10() -> Q10:
    return Q10(2.3, 21.0)


def na_ta(g: Any = 2000.0, e: Any = 50.0, *, v_sh: Any = 0.0, celsius: Any = 34.0) -> Channel:
    r"""Sodium channels of the axon (Colbert & Pan 2002, as in Hay et al. 2011), $g\, m^3 h\, (E - v)$, with $s = v - v_{sh}$:

    $\alpha_m = \frac{0.182 (s + 38)}{1 - e^{-(s + 38) / 6}}$, $\beta_m = \frac{-0.124 (s + 38)}{1 - e^{(s + 38) / 6}}$,
    $\alpha_h = \frac{-0.015 (s + 66)}{1 - e^{(s + 66) / 6}}$, $\beta_h = \frac{0.015 (s + 66)}{1 - e^{-(s + 66) / 6}}$.

    **Arguments:**

    - `g`: conductance with all gates open, mS/cm2.
    - `e`: reversal potential, mV; or the name of an ion.
    - `v_sh`: $v_{sh}$, by which all rates are shifted, mV.
    - `celsius`: temperature, of rates that are 2.3 times as fast ten degrees above 21, degC.
    """
    alpha_m, beta_m = Linoid(1.092, -38.0 + v_sh, 6.0), Linoid(0.744, -38.0 + v_sh, -6.0)
    alpha_h, beta_h = Linoid(0.09, -66.0 + v_sh, -6.0), Linoid(0.09, -66.0 + v_sh, 6.0)
    m = RateGate(alpha=alpha_m, beta=beta_m, power=3, q10=_q10())
    return Channel({"m": m, "h": RateGate(alpha=alpha_h, beta=beta_h, q10=_q10())}, g, e, celsius=celsius)


def na_ts2(g: Any = 980.0, e: Any = 50.0, *, v_sh: Any = 6.0, celsius: Any = 34.0) -> Channel:
    """Sodium channels of the soma (Colbert & Pan 2002, as in Hay et al. 2011): `na_ta` shifted by 6 mV.

    **Arguments:**

    - `g`, `e`, `v_sh`, `celsius`: as in `na_ta`.
    """
    return na_ta(g, e, v_sh=v_sh, celsius=celsius)


def na_p(g: Any = 1.7, e: Any = 50.0, *, celsius: Any = 34.0) -> Channel:
    r"""Sodium channels that persist (Magistretti & Alonso 1999, as in Hay et al. 2011), $g\, m^3 h\, (E - v)$:

    $m_\infty = \frac{1}{1 + e^{-(v + 52.6) / 4.6}}$, $\tau_m$ six times that of `na_ta`,
    $h_\infty = \frac{1}{1 + e^{(v + 48.8) / 10}}$, $\tau_h = 1 / (\alpha_h + \beta_h)$ with
    $\alpha_h = \frac{-2.88 \cdot 10^{-6} (v + 17)}{1 - e^{(v + 17) / 4.63}}$ and
    $\beta_h = \frac{6.94 \cdot 10^{-6} (v + 64.4)}{1 - e^{-(v + 64.4) / 2.63}}$.

    **Arguments:**

    - `g`, `e`, `celsius`: as in `na_ta`.
    """
    tau_m = TauOfRates(Linoid(1.092, -38.0, 6.0), Linoid(0.744, -38.0, -6.0), 6.0)
    tau_h = TauOfRates(Linoid(2.88e-6 * 4.63, -17.0, -4.63), Linoid(6.94e-6 * 2.63, -64.4, 2.63))
    m = RelaxationGate(inf=Boltzmann(-52.6, 4.6), tau=tau_m, power=3, q10=_q10())
    h = RelaxationGate(inf=Boltzmann(-48.8, -10.0), tau=tau_h, q10=_q10())
    return Channel({"m": m, "h": h}, g, e, celsius=celsius)


def k_v3_1(g: Any = 300.0, e: Any = -85.0) -> Channel:
    r"""Fast potassium channels without inactivation, Kv3.1 (Rettig et al. 1992, as in Hay et al. 2011), $g\, m\, (E - v)$:
    $m_\infty = \frac{1}{1 + e^{-(v - 18.7) / 9.7}}$, $\tau_m = \frac{4}{1 + e^{-(v + 46.56) / 44.14}}$.

    **Arguments:**

    - `g`, `e`: as in `na_ta`.
    """
    return Channel({"m": RelaxationGate(inf=Boltzmann(18.7, 9.7), tau=Boltzmann(-46.56, 44.14, 4.0))}, g, e)


def k_t(g: Any = 80.0, e: Any = -85.0, *, celsius: Any = 34.0) -> Channel:
    r"""Potassium channels that inactivate fast (Korngreen & Sakmann 2000, as in Hay et al. 2011), $g\, m^4 h\, (E - v)$:

    $m_\infty = \frac{1}{1 + e^{-(v + 10) / 19}}$, $\tau_m = 0.34 + 0.92 e^{-((v + 81) / 59)^2}$,
    $h_\infty = \frac{1}{1 + e^{(v + 76) / 10}}$, $\tau_h = 8 + 49 e^{-((v + 83) / 23)^2}$.

    **Arguments:**

    - `g`, `e`, `celsius`: as in `na_ta`.
    """
    m = RelaxationGate(inf=Boltzmann(-10.0, 19.0), tau=Gaussian(0.92, -81.0, 59.0, 0.34), power=4, q10=_q10())
    h = RelaxationGate(inf=Boltzmann(-76.0, -10.0), tau=Gaussian(49.0, -83.0, 23.0, 8.0), q10=_q10())
    return Channel({"m": m, "h": h}, g, e, celsius=celsius)


def k_p(g: Any = 2.2, e: Any = -85.0, *, celsius: Any = 34.0) -> Channel:
    r"""Potassium channels that inactivate slowly (Korngreen & Sakmann 2000, as in Hay et al. 2011), $g\, m^2 h\, (E - v)$:

    $m_\infty = \frac{1}{1 + e^{-(v + 11) / 12}}$, $\tau_m = 1.25 + 175.03 e^{0.026 (v + 10)}$ below -60 mV and
    $1.25 + 13 e^{-0.026 (v + 10)}$ from there on, $h_\infty = \frac{1}{1 + e^{(v + 64) / 11}}$,
    $\tau_h = 360 + (1010 + 24 (v + 65)) e^{-((v + 85) / 48)^2}$.

    **Arguments:**

    - `g`, `e`, `celsius`: as in `na_ta`.
    """
    below, above = Exponential(175.03, -10.0, 1.0 / 0.026, 1.25), Exponential(13.0, -10.0, -1.0 / 0.026, 1.25)
    m = RelaxationGate(inf=Boltzmann(-11.0, 12.0), tau=Piecewise(below, above, -60.0), power=2, q10=_q10())
    tau_h = Gaussian(1010.0, -85.0, 48.0, 360.0, 24.0, -65.0)
    h = RelaxationGate(inf=Boltzmann(-64.0, -11.0), tau=tau_h, q10=_q10())
    return Channel({"m": m, "h": h}, g, e, celsius=celsius)


def k_im(g: Any = 0.07, e: Any = -85.0, *, celsius: Any = 34.0) -> Channel:
    r"""The M current (Adams et al. 1982, as in Hay et al. 2011), $g\, m\, (E - v)$:
    $\alpha_m = 0.0033 e^{0.1 (v + 35)}$, $\beta_m = 0.0033 e^{-0.1 (v + 35)}$.

    **Arguments:**

    - `g`, `e`, `celsius`: as in `na_ta`.
    """
    alpha, beta = Exponential(0.0033, -35.0, 10.0), Exponential(0.0033, -35.0, -10.0)
    return Channel({"m": RateGate(alpha=alpha, beta=beta, q10=_q10())}, g, e, celsius=celsius)


def h_kole(g: Any = 0.2, e: Any = -45.0) -> Channel:
    r"""Cation channels that hyperpolarisation opens (Kole et al. 2006, as in Hay et al. 2011), $g\, m\, (E - v)$:
    $\alpha_m = \frac{0.00643 (v + 154.9)}{e^{(v + 154.9) / 11.9} - 1}$, $\beta_m = 0.193 e^{v / 33.1}$.

    **Arguments:**

    - `g`, `e`: as in `na_ta`.
    """
    alpha, beta = Linoid(0.00643 * 11.9, -154.9, -11.9), Exponential(0.193, 0.0, 33.1)
    return Channel({"m": RateGate(alpha=alpha, beta=beta)}, g, e)


def ca_lva(g: Any = 3.4, e: Any = "ca", *, celsius: Any = 34.0) -> Channel:
    r"""Calcium channels of low threshold (Avery & Johnston 1996, Randall & Tsien 1997, as in Hay et al. 2011),
    $g\, m^2 h\, (E - v)$:

    $m_\infty = \frac{1}{1 + e^{-(v + 40) / 6}}$, $\tau_m = 5 + \frac{20}{1 + e^{(v + 35) / 5}}$,
    $h_\infty = \frac{1}{1 + e^{(v + 90) / 6.4}}$, $\tau_h = 20 + \frac{50}{1 + e^{(v + 50) / 7}}$.

    **Arguments:**

    - `g`, `e`, `celsius`: as in `na_ta`.
    """
    m = RelaxationGate(inf=Boltzmann(-40.0, 6.0), tau=Boltzmann(-35.0, -5.0, 20.0, 5.0), power=2, q10=_q10())
    h = RelaxationGate(inf=Boltzmann(-90.0, -6.4), tau=Boltzmann(-50.0, -7.0, 50.0, 20.0), q10=_q10())
    return Channel({"m": m, "h": h}, g, e, celsius=celsius)


def k_sk(g: Any = 44.0, e: Any = -85.0, *, calcium: str = "ca") -> Channel:
    r"""Potassium channels of small conductance that calcium opens, SK (Kohler et al. 1996, as in Hay et al. 2011),
    $g\, z\, (E - v)$: $z_\infty = \frac{1}{1 + (0.00043 / c)^{4.8}}$ of the concentration $c$ inside in mM, $\tau_z$ = 1 ms.

    **Arguments:**

    - `g`, `e`: as in `na_ta`.
    - `calcium`: the name of the ion that is sensed.
    """
    return Channel({"z": RelaxationGate(inf=Hill(0.00043, 4.8), tau=Constant(1.0))}, g, e, senses=calcium)
