"""Leaky integrate-and-fire neurons with synaptic currents."""

from typing import Any

from .._fields import as_parameter
from .._wrappers import Refractory
from ..network import Population, Receptor
from ..neurons import LIF
from ..steppers import Exact
from ..synapses import Alpha, Delta, Expon, Instant
from ._parameters import check_others, check_values
from ._receptors import currents


Shape = int | tuple[int, ...]


def iaf_psc_exp(
    shape: Shape,
    *,
    C_m: Any = 250.0,
    E_L: Any = -70.0,
    I_e: Any = 0.0,
    V_m: Any = -70.0,
    V_reset: Any = -70.0,
    V_th: Any = -55.0,
    t_ref: Any = 2.0,
    tau_m: Any = 10.0,
    tau_syn_ex: Any = 2.0,
    tau_syn_in: Any = 2.0,
    **others: Any,
) -> Population:
    r"""NEST's `iaf_psc_exp`: $dV/dt = (E_L - V) / \tau_m + (I_{ex} + I_{in} + I_e + I) / C_m$ with currents that an arriving
    spike of weight w raises by w (pA) and that decay exponentially. Solved exactly (Rotter & Diesmann 1999).

    Where a step ends with $V \ge V_{th}$ the neuron fires, and V is `V_reset` for `t_ref`, while the currents go on.

    **Arguments:**

    - `shape`: the number of cells, or a tuple.
    - `C_m`: capacitance, pF.
    - `E_L`: resting potential, mV.
    - `I_e`: constant current, pA.
    - `V_m`: initial voltage, mV: a number, an array, or a function `(key, shape)`. It does not follow `E_L`.
    - `V_reset`, `V_th`: reset and threshold, mV.
    - `t_ref`: refractory period, ms, a whole number of steps.
    - `tau_m`, `tau_syn_ex`, `tau_syn_in`: time constants of the membrane and of the currents, ms.

    `delta` (stochastic firing) must be 0.

    **Returns:** a `Population` of `LIF` with the receptors `"ex"` and `"in"`, weights in pA, negative ones at `"in"`.

    **Errors:** `TypeError` for unknown parameters, `ValueError` for impossible ones, by name.
    """
    names = locals()
    check_others("iaf_psc_exp", _known(names), others, {"delta": 0.0, "rho": None})
    return _leaky("iaf_psc_exp", shape, _known(names), currents(Expon, names))


def iaf_psc_alpha(
    shape: Shape,
    *,
    C_m: Any = 250.0,
    E_L: Any = -70.0,
    I_e: Any = 0.0,
    V_m: Any = -70.0,
    V_reset: Any = -70.0,
    V_th: Any = -55.0,
    t_ref: Any = 2.0,
    tau_m: Any = 10.0,
    tau_syn_ex: Any = 2.0,
    tau_syn_in: Any = 2.0,
    **others: Any,
) -> Population:
    r"""NEST's `iaf_psc_alpha`: as `iaf_psc_exp`, with currents $w\, (e\, t / \tau) e^{-t / \tau}$ after a spike, whose peak
    is w.

    **Arguments, returns and errors** as for `iaf_psc_exp`; `V_min` must be minus infinity.
    """
    names = locals()
    check_others("iaf_psc_alpha", _known(names), others, {"V_min": -float("inf")})
    return _leaky("iaf_psc_alpha", shape, _known(names), currents(Alpha, names))


def iaf_psc_delta(
    shape: Shape,
    *,
    C_m: Any = 250.0,
    E_L: Any = -70.0,
    I_e: Any = 0.0,
    V_m: Any = -70.0,
    V_reset: Any = -70.0,
    V_th: Any = -55.0,
    t_ref: Any = 2.0,
    tau_m: Any = 10.0,
    **others: Any,
) -> Population:
    r"""NEST's `iaf_psc_delta`: a leaky integrate-and-fire neuron whose voltage jumps by w (mV) where a spike of weight w
    arrives; in the refractory period it is lost.

    **Arguments and errors** as for `iaf_psc_exp`, without its synaptic time constants. `V_min` must be minus infinity (or
    the lowest float64) and `refractory_input` false.

    **Returns:** a `Population` of `LIF` with the receptors `"ex"` and `"in"`, which do the same: weights in mV.
    """
    names = locals()
    if others.get("V_min") == -1.7976931348623157e308:
        others["V_min"] = -float("inf")
    check_others("iaf_psc_delta", _known(names), others, {"V_min": -float("inf"), "refractory_input": False})
    jump = Receptor(Instant(), Delta())
    return _leaky("iaf_psc_delta", shape, _known(names), {"ex": jump, "in": jump})


def _known(names: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in names.items() if name not in ("shape", "others")}


def _leaky(model: str, shape: Shape, p: dict[str, Any], receptors: dict[str, Receptor]) -> Population:
    times = tuple(name for name in p if name.startswith("tau"))
    check_values(model, p, ("C_m", *times), (("V_reset", "V_th"),))
    tau = as_parameter(p["tau_m"])
    r = tau / as_parameter(p["C_m"])
    cell = LIF(tau=tau, v_rest=p["E_L"], v_th=p["V_th"], v_reset=p["V_reset"], r=r, stepper=Exact())
    return Population(Refractory(cell, p["t_ref"]), shape, receptors, v0=p["V_m"], i0=p["I_e"])
