"""Potassium channels that the voltage opens: delayed rectifiers and the M current."""

import math
from typing import Any

from ._channel import Channel
from ._gates import Q10, RateGate, RelaxationGate
from ._rates import Bell, Boltzmann, Exponential, Linoid


def k_hh1952(g: Any = 36.0, e: Any = -77.0, *, v_sh: Any = -45.0, celsius: Any = 6.3) -> Channel:
    r"""The delayed rectifier of the squid's giant axon (Hodgkin & Huxley 1952), $g\, n^4 (E - v)$, with $s = v - v_{sh}$:
    $\alpha_n = \frac{0.01 (s + 10)}{1 - e^{-(s + 10) / 10}}$, $\beta_n = 0.125 e^{-(s + 20) / 80}$.

    **Arguments:**

    - `g`: conductance with all gates open, mS/cm2.
    - `e`: reversal potential, mV; or the name of an ion.
    - `v_sh`: $v_{sh}$, by which all rates are shifted, mV.
    - `celsius`: temperature, of rates that are three times as fast ten degrees above 6.3, degC.
    """
    alpha, beta = Linoid(0.1, -10.0 + v_sh, 10.0), Exponential(0.125, -20.0 + v_sh, -80.0)
    n = RateGate(alpha=alpha, beta=beta, power=4, q10=Q10(3.0, 6.3))
    return Channel({"n": n}, g, e, celsius=celsius)


def k_traub(g: Any = 10.0, e: Any = -95.0, *, v_sh: Any = -60.0, celsius: Any = 36.0) -> Channel:
    r"""The delayed rectifier of hippocampal pyramidal cells (Traub & Miles 1991), $g\, n^4 (E - v)$, with $s = v - v_{sh}$:
    $\alpha_n = \frac{0.032 (s - 15)}{1 - e^{-(s - 15) / 5}}$, $\beta_n = 0.5 e^{-(s - 10) / 40}$.

    Bazhenov et al. (2002) have the same with $v_{sh}$ = -50 mV.

    **Arguments:**

    - `g`, `e`, `v_sh`: as in `k_hh1952`.
    - `celsius`: temperature, of rates that are three times as fast ten degrees above 36, degC.
    """
    alpha, beta = Linoid(0.16, 15.0 + v_sh, 5.0), Exponential(0.5, 10.0 + v_sh, -40.0)
    n = RateGate(alpha=alpha, beta=beta, power=4, q10=Q10(3.0, 36.0))
    return Channel({"n": n}, g, e, celsius=celsius)


def k_m(g: Any = 0.004, e: Any = -95.0, *, v_sh: Any = 0.0, tau_max: Any = 4000.0, celsius: Any = 36.0) -> Channel:
    r"""The slow potassium current without inactivation, M (Yamada et al. 1989), $g\, p\, (E - v)$, with
    $s = v - v_{sh}$: $p_\infty = \frac{1}{1 + e^{-(s + 35) / 10}}$,
    $\tau_p = \frac{\tau_{max}}{3.3 e^{(s + 35) / 20} + e^{-(s + 35) / 20}}$.

    **Arguments:**

    - `g`, `e`, `v_sh`: as in `k_hh1952`.
    - `tau_max`: $\tau_{max}$, ms.
    - `celsius`: temperature, of rates that are 2.3 times as fast ten degrees above 36, degC.
    """
    # 3.3 e^((s + 35) / 20) is an exponential shifted by 20 ln 3.3.
    tau = Bell(tau_max, -35.0 - 20.0 * math.log(3.3) + v_sh, 20.0, -35.0 + v_sh, -20.0)
    p = RelaxationGate(inf=Boltzmann(-35.0 + v_sh, 10.0), tau=tau, q10=Q10(2.3, 36.0))
    return Channel({"p": p}, g, e, celsius=celsius)
