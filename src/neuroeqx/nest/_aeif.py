"""Adaptive exponential integrate-and-fire neurons."""

from typing import Any

import diffrax
import jax.numpy as jnp
import numpy as np

from .._fields import as_parameter
from .._types import is_tracer
from .._wrappers import Refractory, Substeps
from ..network import Population
from ..neurons import AdEx
from ..steppers import FromDiffrax
from ..synapses import Expon
from ._parameters import check_others, check_values
from ._receptors import conductances, currents


Shape = int | tuple[int, ...]

# NEST finds the moment of a spike within a step by adaptive steps, here a step has so many equal ones. Where V is this many
# times `Delta_T` above `V_th` a spike has C / g_L e^-11 ms to go, 0.0002 by default: waiting for the peak, whose
# crossing falls between two substeps, would make spikes later by most of a substep.
_SUBSTEPS = 100
_NEARLY = 11.0


def aeif_cond_exp(
    shape: Shape,
    *,
    C_m: Any = 281.0,
    Delta_T: Any = 2.0,
    E_L: Any = -70.6,
    E_ex: Any = 0.0,
    E_in: Any = -85.0,
    I_e: Any = 0.0,
    V_m: Any = -70.6,
    V_peak: Any = 0.0,
    V_reset: Any = -60.0,
    V_th: Any = -50.4,
    a: Any = 4.0,
    b: Any = 80.5,
    g_L: Any = 30.0,
    t_ref: Any = 0.0,
    tau_syn_ex: Any = 0.2,
    tau_syn_in: Any = 2.0,
    tau_w: Any = 144.0,
    **others: Any,
) -> Population:
    r"""NEST's `aeif_cond_exp` (Brette & Gerstner 2005):
    $C_m\, dV/dt = g_L (E_L - V) + g_L \Delta_T e^{(V - V_{th}) / \Delta_T} + g_{ex} (E_{ex} - V) + g_{in} (E_{in} - V) - w
    + I_e + I$, $\tau_w\, dw/dt = a (V - E_L) - w$, with conductances that an arriving spike of weight w raises by |w| (nS)
    and that decay exponentially.

    Where V reaches `V_peak` within a step the neuron fires, V becomes `V_reset` and w grows by b. With `t_ref` 0 it goes on
    from there in the rest of the step; else V is `V_reset` to the step's end and for `t_ref` more, while w goes on. A step is
    divided into 100, each by Heun's method; a spike counts as over from `V_th` + 11 `Delta_T`, less than a microsecond from
    the peak.

    **Arguments:**

    - `shape`: the number of cells, or a tuple.
    - `C_m`: capacitance, pF.
    - `Delta_T`: sharpness of the upstroke, mV; positive.
    - `E_L`, `E_ex`, `E_in`: resting potential and reversal potentials of the synapses, mV.
    - `I_e`: constant current, pA.
    - `V_m`: initial voltage, mV: a number, an array, or a function `(key, shape)`. It does not follow `E_L`.
    - `V_peak`: voltage at which a spike is over, mV.
    - `V_reset`: reset, mV.
    - `V_th`: voltage at which a spike takes off, mV.
    - `a`: adaptation below threshold, nS.
    - `b`: adaptation by a spike, pA.
    - `g_L`: leak conductance, nS.
    - `t_ref`: refractory period, ms, a whole number of steps.
    - `tau_syn_ex`, `tau_syn_in`, `tau_w`: time constants of the conductances and of adaptation, ms.

    `gsl_error_tol` is accepted and has no meaning here.

    **Returns:** a `Population` of `AdEx` with the receptors `"ex"` and `"in"`, weights in nS, negative ones at `"in"`.

    **Errors:** `TypeError` for unknown parameters, `ValueError` for impossible ones, by name.
    """
    return _adaptive("aeif_cond_exp", conductances, **locals())


def aeif_psc_exp(
    shape: Shape,
    *,
    C_m: Any = 281.0,
    Delta_T: Any = 2.0,
    E_L: Any = -70.6,
    I_e: Any = 0.0,
    V_m: Any = -70.6,
    V_peak: Any = 0.0,
    V_reset: Any = -60.0,
    V_th: Any = -50.4,
    a: Any = 4.0,
    b: Any = 80.5,
    g_L: Any = 30.0,
    t_ref: Any = 0.0,
    tau_syn_ex: Any = 0.2,
    tau_syn_in: Any = 2.0,
    tau_w: Any = 144.0,
    **others: Any,
) -> Population:
    """NEST's `aeif_psc_exp`: as `aeif_cond_exp`, with synaptic currents, which an arriving spike of weight w raises by w (pA)
    and which decay exponentially.

    **Arguments, returns and errors** as for `aeif_cond_exp`, without `E_ex` and `E_in`; weights are in pA.
    """
    return _adaptive("aeif_psc_exp", currents, **locals())


def _adaptive(model: str, receptors: Any, shape: Shape, others: dict[str, Any], **p: Any) -> Population:
    check_others(model, p, others, {"gsl_error_tol": None})
    positive = ("C_m", "Delta_T", "g_L", "tau_syn_ex", "tau_syn_in", "tau_w")
    check_values(model, p, positive, (("V_reset", "V_peak"), ("V_th", "V_peak")))
    nearly = as_parameter(p["V_th"]) + _NEARLY * as_parameter(p["Delta_T"])
    over = jnp.minimum(nearly, as_parameter(p["V_peak"]))
    cell = AdEx(
        c=p["C_m"], g_l=p["g_L"], e_l=p["E_L"], v_t=p["V_th"], delta_t=p["Delta_T"], a=p["a"], tau_w=p["tau_w"],
        b=p["b"], v_reset=p["V_reset"], v_peak=over, stepper=FromDiffrax(diffrax.Heun()),
    )  # fmt: skip
    cell = Substeps(cell, _SUBSTEPS)
    if is_tracer(p["t_ref"]) or np.any(np.asarray(p["t_ref"]) != 0.0):
        cell = Refractory(cell, p["t_ref"])
    return Population(cell, shape, receptors(Expon, p), v0=p["V_m"], i0=p["I_e"])
