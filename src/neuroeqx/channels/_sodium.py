"""Sodium channels of spikes."""

from typing import Any

from ._channel import Channel
from ._gates import Q10, RateGate
from ._rates import Boltzmann, Exponential, Linoid


def na_hh1952(g: Any = 120.0, e: Any = 50.0, *, v_sh: Any = -45.0, celsius: Any = 6.3) -> Channel:
    r"""Sodium channels of the squid's giant axon (Hodgkin & Huxley 1952), $g\, m^3 h\, (E - v)$, with $s = v - v_{sh}$:

    $\alpha_m = \frac{0.1 (s - 5)}{1 - e^{-(s - 5) / 10}}$, $\beta_m = 4 e^{-(s + 20) / 18}$,
    $\alpha_h = 0.07 e^{-(s + 20) / 20}$, $\beta_h = \frac{1}{1 + e^{-(s - 10) / 10}}$.

    **Arguments:**

    - `g`: conductance with all gates open, mS/cm2.
    - `e`: reversal potential, mV; or the name of an ion.
    - `v_sh`: $v_{sh}$, by which all rates are shifted, mV.
    - `celsius`: temperature, of rates that are three times as fast ten degrees above 6.3, degC.
    """
    q10 = Q10(3.0, 6.3)
    m = RateGate(alpha=Linoid(1.0, 5.0 + v_sh, 10.0), beta=Exponential(4.0, -20.0 + v_sh, -18.0), power=3, q10=q10)
    h = RateGate(alpha=Exponential(0.07, -20.0 + v_sh, -20.0), beta=Boltzmann(10.0 + v_sh, 10.0), q10=q10)
    return Channel({"m": m, "h": h}, g, e, celsius=celsius)


def na_traub(g: Any = 120.0, e: Any = 50.0, *, v_sh: Any = -63.0, celsius: Any = 36.0) -> Channel:
    r"""Sodium channels of hippocampal pyramidal cells (Traub & Miles 1991), $g\, m^3 h\, (E - v)$, with $s = v - v_{sh}$:

    $\alpha_m = \frac{0.32 (s - 13)}{1 - e^{-(s - 13) / 4}}$, $\beta_m = \frac{0.28 (s - 40)}{e^{(s - 40) / 5} - 1}$,
    $\alpha_h = 0.128 e^{-(s - 17) / 18}$, $\beta_h = \frac{4}{1 + e^{-(s - 40) / 5}}$.

    Bazhenov et al. (2002) have the same with $g$ = 90 mS/cm2 and $v_{sh}$ = -50 mV.

    **Arguments:**

    - `g`, `e`, `v_sh`: as in `na_hh1952`.
    - `celsius`: temperature, of rates that are three times as fast ten degrees above 36, degC.
    """
    q10 = Q10(3.0, 36.0)
    m = RateGate(alpha=Linoid(1.28, 13.0 + v_sh, 4.0), beta=Linoid(1.4, 40.0 + v_sh, -5.0), power=3, q10=q10)
    h = RateGate(alpha=Exponential(0.128, 17.0 + v_sh, -18.0), beta=Boltzmann(40.0 + v_sh, 5.0, 4.0), q10=q10)
    return Channel({"m": m, "h": h}, g, e, celsius=celsius)
