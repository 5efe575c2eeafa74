"""What the tests of `nex.nest` simulate: NEST's traces, published figures, and cells with other parameters."""

import json
from pathlib import Path

import numpy as np
from nest_references import stimulus


DATA = Path(__file__).parents[1] / "data" / "nest_traces"
TRACED = (
    "iaf_psc_exp",
    "iaf_psc_alpha",
    "iaf_psc_delta",
    "iaf_cond_exp",
    "aeif_cond_exp",
    "hh_cond_exp_traub",
    "izhikevich",
)
SQUID_CURRENTS = (650.0, 700.0, 800.0, 1000.0)
# Naud et al. (2008), table 1: C, g_L, E_L, a, tau_w, b, V_r, I; NEST 3.10, aeif_psc_exp at 0.01 ms for 500 ms: the number of
# spikes, the first, the last interval (ms). One of the eight patterns is chaotic.
PATTERNS = [
    (200, 10, -70, 2, 30, 0, -58, 500, 51, 14.23, 9.58),
    (200, 12, -70, 2, 300, 60, -58, 500, 10, 14.91, 75.90),
    (130, 18, -58, 4, 150, 120, -50, 400, 10, 5.47, 63.95),
    (200, 10, -58, 2, 120, 100, -46, 210, 9, 16.16, 5.35),
    (200, 12, -70, -10, 300, 0, -58, 300, 36, 33.58, 10.70),
    (100, 10, -65, -10, 90, 30, -47, 110, 26, 57.18, 3.29),
    (100, 10, -65, 10, 90, 100, -47, 180, 1, 30.29, None),
]

STEPS = 400
LEAKY = {
    "C_m": 200.0,
    "E_L": -66.0,
    "I_e": 30.0,
    "V_m": -68.0,
    "V_reset": -71.0,
    "V_th": -56.0,
    "t_ref": 1.5,
    "tau_m": 14.0,
}
KINETICS = {"tau_syn_ex": 0.7, "tau_syn_in": 6.0}
CONDUCTANCE = {
    "C_m": 200.0, "E_L": -66.0, "E_ex": -5.0, "E_in": -82.0, "I_e": 30.0, "V_m": -68.0, "V_reset": -63.0, "V_th": -54.0,
    "g_L": 12.0, "t_ref": 1.5, "tau_syn_ex": 0.4, "tau_syn_in": 3.0,
}  # fmt: skip
ADAPTIVE = {
    "C_m": 200.0, "Delta_T": 1.5, "E_L": -68.0, "I_e": 20.0, "V_m": -66.0, "V_peak": -10.0, "V_reset": -57.0, "V_th": -52.0,
    "a": 3.0, "b": 30.0, "g_L": 12.0, "tau_syn_ex": 0.4, "tau_syn_in": 3.0, "tau_w": 60.0,
}  # fmt: skip
SQUID = {
    "C_m": 120.0, "E_K": -80.0, "E_L": -55.0, "E_Na": 52.0, "I_e": 100.0, "V_m": -64.0, "g_K": 3400.0, "g_L": 25.0,
    "g_Na": 11000.0, "t_ref": 1.0, "tau_syn_ex": 0.5, "tau_syn_in": 3.0,
}  # fmt: skip
TRAUB = {
    "C_m": 220.0, "E_K": -85.0, "E_L": -62.0, "E_Na": 55.0, "E_ex": -5.0, "E_in": -78.0, "I_e": 50.0, "V_T": -60.0,
    "V_m": -61.0, "g_K": 5500.0, "g_L": 12.0, "g_Na": 18000.0, "t_ref": 1.0, "tau_syn_ex": 3.0, "tau_syn_in": 6.0,
    "Act_m": 0.02, "Act_n": 0.1, "Inact_h": 0.95,
}  # fmt: skip
QUADRATIC = {"I_e": 1.0, "U_m": -12.0, "V_m": -63.0, "V_th": 28.0, "a": 0.03, "b": 0.22, "c": -58.0, "d": 5.0}

# name -> model, parameters, weights of arrivals and the direct current
CASES = {
    "iaf_psc_exp": ("iaf_psc_exp", LEAKY | KINETICS, (3000.0, -150.0, 250.0)),
    "iaf_psc_alpha": ("iaf_psc_alpha", LEAKY | KINETICS, (900.0, -100.0, 250.0)),
    "iaf_psc_delta": ("iaf_psc_delta", LEAKY, (6.0, -3.0, 250.0)),
    "iaf_cond_exp": ("iaf_cond_exp", CONDUCTANCE, (300.0, -25.0, 250.0)),
    "iaf_cond_alpha": ("iaf_cond_alpha", CONDUCTANCE, (150.0, -25.0, 250.0)),
    "aeif_cond_exp": ("aeif_cond_exp", ADAPTIVE | {"t_ref": 1.5, "E_ex": -5.0, "E_in": -82.0}, (150.0, -25.0, 300.0)),
    "aeif_psc_exp": ("aeif_psc_exp", ADAPTIVE | {"t_ref": 1.5}, (3000.0, -150.0, 300.0)),
    "aeif_psc_exp, t_ref 0": ("aeif_psc_exp", ADAPTIVE | {"t_ref": 0.0}, (3000.0, -150.0, 300.0)),
    "hh_psc_alpha": ("hh_psc_alpha", SQUID, (4000.0, -300.0, 1500.0)),
    "hh_cond_exp_traub": ("hh_cond_exp_traub", TRAUB, (30.0, -15.0, 400.0)),
    "izhikevich": ("izhikevich", QUADRATIC, (6.0, -3.0, 10.0)),
    "izhikevich, published": ("izhikevich", QUADRATIC | {"consistent_integration": False}, (60.0, -30.0, 10.0)),
}
STIMULI = {name: stimulus(STEPS, *stim) for name, (_, _, stim) in CASES.items()}
SILENT = {"ex": {}, "in": {}, "dc": np.zeros(1)}


def trace(model, dt):
    """NEST's voltage and spikes, and the stimulus in ms."""
    file = np.load(DATA / f"{model}_dt{dt}.npz")
    return file["V_m"], file["spikes"], json.loads(str(file["stim"]))


def of_trace(model, dt):
    """The stimulus of a trace, in steps."""
    _, _, stim = trace(model, dt)
    steps = lambda t: round((t + stim["delay"]) / dt)
    k = np.arange(1, round(799.0 / dt) + 1)
    current = np.where((k > steps(stim["start"])) & (k <= steps(stim["stop"])), stim["dc"], 0.0)
    return {"ex": {steps(t): stim["weight"] for t in stim["in_spikes"]}, "in": {}, "dc": current}
