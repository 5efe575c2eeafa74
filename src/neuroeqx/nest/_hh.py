"""Hodgkin-Huxley neurons."""

from typing import Any

import equinox as eqx

from .._fields import as_parameter, as_shape
from .._wrappers import Refractory
from ..network import Population
from ..neurons import AtPeak, HodgkinHuxley, TraubMiles
from ..steppers import Repeated, RK4
from ..synapses import Alpha, Expon
from ._parameters import check_others, check_values
from ._receptors import conductances, currents


Shape = int | tuple[int, ...]

# At 0.1 ms: a step of NEST's, whose adaptive steps keep to an error of 0.001 mV.
STEPPER = Repeated(RK4(), 8)

# NEST begins `hh_cond_exp_traub` with the gates in the steady state of -60 mV, without the shift by `V_T`.
_M, _H, _N = 9.895563096746586e-09, 0.999999999106396, 2.551577051602551e-07


def hh_psc_alpha(
    shape: Shape,
    *,
    C_m: Any = 100.0,
    E_K: Any = -77.0,
    E_L: Any = -54.402,
    E_Na: Any = 50.0,
    I_e: Any = 0.0,
    V_m: Any = -65.0,
    g_K: Any = 3600.0,
    g_L: Any = 30.0,
    g_Na: Any = 12000.0,
    t_ref: Any = 2.0,
    tau_syn_ex: Any = 0.2,
    tau_syn_in: Any = 2.0,
    **others: Any,
) -> Population:
    r"""NEST's `hh_psc_alpha`: the neuron of Hodgkin & Huxley (1952), see `HodgkinHuxley` for its equations, with synaptic
    currents $w\, (e\, t / \tau) e^{-t / \tau}$ after a spike of weight w, whose peak is w (pA).

    It fires in the first step that ends with V at 0 mV or above and lower than at its beginning, unless it did in the last
    `t_ref`; nothing is reset. A step is divided into 8 of the classical Runge-Kutta method. The gates begin in their steady
    state at -65 mV, also where `V_m` is another one.

    **Arguments:**

    - `shape`: the number of cells, or a tuple.
    - `C_m`: capacitance, pF.
    - `E_K`, `E_L`, `E_Na`: reversal potentials, mV.
    - `I_e`: constant current, pA.
    - `V_m`: initial voltage, mV: a number, an array, or a function `(key, shape)`.
    - `g_K`, `g_L`, `g_Na`: conductances, nS.
    - `t_ref`: for how long there is no other spike, ms, a whole number of steps.
    - `tau_syn_ex`, `tau_syn_in`: time to the peak of the currents, ms.

    **Returns:** a `Population` of `HodgkinHuxley` with the receptors `"ex"` and `"in"`, weights in pA, negative ones at `"in"`.

    **Errors:** `TypeError` for unknown parameters, `ValueError` for impossible ones, by name.
    """
    p = {name: value for name, value in locals().items() if name not in ("shape", "others")}
    check_others("hh_psc_alpha", p, others, {})
    check_values("hh_psc_alpha", p, ("C_m", "tau_syn_ex", "tau_syn_in"))
    cell = HodgkinHuxley(c=C_m, g_na=g_Na, g_k=g_K, g_l=g_L, e_na=E_Na, e_k=E_K, e_l=E_L, v_rest=-65.0, stepper=STEPPER)
    return Population(Refractory(AtPeak(cell, 0.0), t_ref), shape, currents(Alpha, p), v0=V_m, i0=I_e)


def hh_cond_exp_traub(
    shape: Shape,
    *,
    Act_m: Any = _M,
    Act_n: Any = _N,
    C_m: Any = 200.0,
    E_K: Any = -90.0,
    E_L: Any = -60.0,
    E_Na: Any = 50.0,
    E_ex: Any = 0.0,
    E_in: Any = -80.0,
    I_e: Any = 0.0,
    Inact_h: Any = _H,
    V_T: Any = -63.0,
    V_m: Any = -60.0,
    g_K: Any = 6000.0,
    g_L: Any = 10.0,
    g_Na: Any = 20000.0,
    t_ref: Any = 2.0,
    tau_syn_ex: Any = 5.0,
    tau_syn_in: Any = 10.0,
    **others: Any,
) -> Population:
    r"""NEST's `hh_cond_exp_traub`: the neuron of Traub & Miles (1991) as in Brette et al. (2007), see `TraubMiles` for its
    equations, with conductances that an arriving spike of weight w raises by |w| (nS) and that decay exponentially.

    It fires in the first step that ends with V at `V_T` + 30 mV or above and lower than at its beginning, unless it did in the
    last `t_ref`; nothing is reset. A step is divided into 8 of the classical Runge-Kutta method.

    **Arguments:**

    - `shape`: the number of cells, or a tuple.
    - `Act_m`, `Inact_h`, `Act_n`: the gates m, h and n at the beginning; NEST's are nearly 0, 1 and 0, whatever the voltage.
    - `C_m`: capacitance, pF.
    - `E_K`, `E_L`, `E_Na`, `E_ex`, `E_in`: reversal potentials of channels and synapses, mV.
    - `I_e`: constant current, pA.
    - `V_T`: shift of the kinetics, mV.
    - `V_m`: initial voltage, mV: a number, an array, or a function `(key, shape)`. It does not follow `E_L`.
    - `g_K`, `g_L`, `g_Na`: conductances, nS.
    - `t_ref`: for how long there is no other spike, ms, a whole number of steps.
    - `tau_syn_ex`, `tau_syn_in`: time constants of the conductances, ms.

    **Returns:** a `Population` of `TraubMiles` with the receptors `"ex"` and `"in"`, weights in nS, negative ones at `"in"`.

    **Errors:** `TypeError` for unknown parameters, `ValueError` for impossible ones, by name.
    """
    p = {name: value for name, value in locals().items() if name not in ("shape", "others")}
    check_others("hh_cond_exp_traub", p, others, {})
    check_values("hh_cond_exp_traub", p, ("C_m", "tau_syn_ex", "tau_syn_in"))
    cell = TraubMiles(c=C_m, g_l=g_L, g_na=g_Na, g_k=g_K, e_l=E_L, e_na=E_Na, e_k=E_K, v_t=V_T, stepper=STEPPER)
    whole = Refractory(AtPeak(cell, as_parameter(V_T) + 30.0), t_ref)
    y0 = eqx.tree_at(
        lambda s: (s.cell.m, s.cell.h, s.cell.n),
        whole.init(as_shape("nest.hh_cond_exp_traub", shape)),
        tuple(as_parameter(x) for x in (Act_m, Inact_h, Act_n)),
    )
    return Population(whole, shape, conductances(Expon, p), v0=V_m, y0=y0, i0=I_e)
