"""Leaky integrate-and-fire neurons with synaptic conductances."""

from typing import Any

import diffrax

from .._fields import as_parameter
from .._wrappers import Refractory
from ..network import Population
from ..neurons import LIF
from ..steppers import FromDiffrax
from ..synapses import Alpha, Expon
from ._parameters import check_others, check_values
from ._receptors import conductances


Shape = int | tuple[int, ...]


def iaf_cond_exp(
    shape: Shape,
    *,
    C_m: Any = 250.0,
    E_L: Any = -70.0,
    E_ex: Any = 0.0,
    E_in: Any = -85.0,
    I_e: Any = 0.0,
    V_m: Any = -70.0,
    V_reset: Any = -60.0,
    V_th: Any = -55.0,
    g_L: Any = 16.6667,
    t_ref: Any = 2.0,
    tau_syn_ex: Any = 0.2,
    tau_syn_in: Any = 2.0,
    **others: Any,
) -> Population:
    r"""NEST's `iaf_cond_exp`: $C_m\, dV/dt = g_L (E_L - V) + g_{ex} (E_{ex} - V) + g_{in} (E_{in} - V) + I_e + I$ with
    conductances that an arriving spike of weight w raises by |w| (nS) and that decay exponentially.

    Where a step ends with $V \ge V_{th}$ the neuron fires, and V is `V_reset` for `t_ref`, while the conductances go on.
    Integrated by Tsitouras' method of order 5, which sees the conductances decay within the step.

    **Arguments:**

    - `shape`: the number of cells, or a tuple.
    - `C_m`: capacitance, pF.
    - `E_L`, `E_ex`, `E_in`: resting potential and reversal potentials of the synapses, mV.
    - `I_e`: constant current, pA.
    - `V_m`: initial voltage, mV: a number, an array, or a function `(key, shape)`. It does not follow `E_L`.
    - `V_reset`, `V_th`: reset and threshold, mV.
    - `g_L`: leak conductance, nS.
    - `t_ref`: refractory period, ms, a whole number of steps.
    - `tau_syn_ex`, `tau_syn_in`: time constants of the conductances, ms.

    **Returns:** a `Population` of `LIF` with the receptors `"ex"` and `"in"`, weights in nS, negative ones at `"in"`.

    **Errors:** `TypeError` for unknown parameters, `ValueError` for impossible ones, by name.
    """
    return _conductance("iaf_cond_exp", Expon, **locals())


def iaf_cond_alpha(
    shape: Shape,
    *,
    C_m: Any = 250.0,
    E_L: Any = -70.0,
    E_ex: Any = 0.0,
    E_in: Any = -85.0,
    I_e: Any = 0.0,
    V_m: Any = -70.0,
    V_reset: Any = -60.0,
    V_th: Any = -55.0,
    g_L: Any = 16.6667,
    t_ref: Any = 2.0,
    tau_syn_ex: Any = 0.2,
    tau_syn_in: Any = 2.0,
    **others: Any,
) -> Population:
    r"""NEST's `iaf_cond_alpha`: as `iaf_cond_exp`, with conductances $|w|\, (e\, t / \tau) e^{-t / \tau}$ after a spike, whose
    peak is |w|.

    **Arguments, returns and errors** as for `iaf_cond_exp`.
    """
    return _conductance("iaf_cond_alpha", Alpha, **locals())


def _conductance(model: str, kinetics: Any, shape: Shape, others: dict[str, Any], **p: Any) -> Population:
    check_others(model, p, others, {})
    check_values(model, p, ("C_m", "g_L", "tau_syn_ex", "tau_syn_in"), (("V_reset", "V_th"),))
    g = as_parameter(p["g_L"])
    cell = LIF(
        tau=as_parameter(p["C_m"]) / g, v_rest=p["E_L"], v_th=p["V_th"], v_reset=p["V_reset"], r=1.0 / g,
        stepper=FromDiffrax(diffrax.Tsit5()),
    )  # fmt: skip
    return Population(Refractory(cell, p["t_ref"]), shape, conductances(kinetics, p), v0=p["V_m"], i0=p["I_e"])
