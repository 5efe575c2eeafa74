"""The functions of `nex.nest` against independent integration of NEST's equations, with parameters that are not NEST's."""

import numpy as np
import pytest
from nest_cases import CASES, CONDUCTANCE, QUADRATIC, SQUID, STEPS, STIMULI, TRAUB
from nest_references import away, DT, integrated_neuron, linear_neuron, upstroke_neuron


def of(found, name):
    """The voltage and the numbers of the steps with spikes."""
    v, times = found[name]
    return v[:STEPS], np.round(times[times < STEPS * DT + 1e-6] / DT).astype(int)


def same_spikes(found, expected):
    """By how many steps they differ; infinite if there are not equally many."""
    return np.abs(found - expected).max() if len(found) == len(expected) > 3 else np.inf


@pytest.mark.parametrize("model", ["iaf_psc_exp", "iaf_psc_alpha", "iaf_psc_delta"])
def test_leaky_neurons_with_currents(model, coarse, ledger):
    options = {"alpha": model == "iaf_psc_alpha", "delta": model == "iaf_psc_delta"}
    expected, spikes = linear_neuron(CASES[model][1], STIMULI[model], **options)
    v, found_spikes = of(coarse, model)
    reference = "propagator of the whole system (SciPy expm), other parameters"
    ledger(model, reference, "every spike, steps", same_spikes(found_spikes, spikes), 0)
    ledger(model, reference, "voltage, mV", np.abs(v - expected).max(), 1e-9)
    if model == "iaf_psc_delta":
        ledger("Delta", "a plain loop: exact leak, then the jump", "voltage, mV", np.abs(v - expected).max(), 1e-9)


def test_a_direct_current(coarse, ledger):
    # NEST's test of exact integration: 1000 pA into 250 pF with 10 ms, read at 5 ms.
    v, _ = coarse["direct current"]
    error = abs(v[round(5.0 / DT) - 1] + 70.0 - 40.0 * (1.0 - np.exp(-0.5)))
    ledger("iaf_psc_exp", "closed form, 1000 pA", "voltage at 5 ms, mV", error, 1e-12)


@pytest.mark.parametrize("model", ["iaf_cond_exp", "iaf_cond_alpha"])
def test_leaky_neurons_with_conductances(model, coarse, ledger):
    p = CONDUCTANCE
    ex, inh = p["tau_syn_ex"], p["tau_syn_in"]

    def field(y, dc):
        v, g, h, gi, hi = y
        membrane = p["g_L"] * (p["E_L"] - v) + g * (p["E_ex"] - v) + gi * (p["E_in"] - v) + p["I_e"] + dc
        return [membrane / p["C_m"], h - g / ex, -h / ex, hi - gi / inh, -hi / inh]

    def spike(before, after, held):
        fires = not held and after[0] >= p["V_th"]
        if held or fires:
            after[0] = p["V_reset"]
        return p["t_ref"] if fires else None

    enters = {"ex": (1, 1.0), "in": (3, -1.0)}
    if model == "iaf_cond_alpha":
        enters = {"ex": (2, np.e / ex), "in": (4, -np.e / inh)}
    expected, spikes, lost = integrated_neuron(field, [p["V_m"], 0.0, 0.0, 0.0, 0.0], STIMULI[model], enters, spike)
    assert lost > 2
    v, found_spikes = of(coarse, model)
    ledger(model, "SciPy DOP853, other parameters", "every spike, steps", same_spikes(found_spikes, spikes), 0)
    ledger(model, "SciPy DOP853, other parameters", "voltage, mV", np.abs(v - expected).max(), 1e-4)


@pytest.mark.parametrize("name", ["aeif_cond_exp", "aeif_psc_exp", "aeif_psc_exp, t_ref 0"])
def test_adaptive_neurons(name, coarse, ledger):
    model, p, _ = CASES[name]

    def field(y, dc, held):
        v, g, gi, w = y
        v = p["V_reset"] if held else min(v, p["V_peak"])
        synaptic = g * (p["E_ex"] - v) + gi * (p["E_in"] - v) if "E_ex" in p else g + gi
        upstroke = p["g_L"] * p["Delta_T"] * np.exp((v - p["V_th"]) / p["Delta_T"])
        dv = (p["g_L"] * (p["E_L"] - v) + upstroke + synaptic - w + p["I_e"] + dc) / p["C_m"]
        dw = (p["a"] * (v - p["E_L"]) - w) / p["tau_w"]
        return [0.0 if held else dv, -g / p["tau_syn_ex"], -gi / p["tau_syn_in"], dw]

    enters = {"ex": (1, 1.0), "in": (2, -1.0 if "E_ex" in p else 1.0)}
    expected, spikes, lost = upstroke_neuron(field, [p["V_m"], 0.0, 0.0, 0.0], STIMULI[name], enters, p)
    assert lost > 2 or p["t_ref"] == 0.0
    v, found_spikes = of(coarse, name)
    reference = f"SciPy DOP853 from spike to spike, other parameters, t_ref {p['t_ref']} ms"
    ledger(model, reference, "every spike, steps", same_spikes(found_spikes, spikes), 1)
    error = np.abs(v - expected)[away(spikes, STEPS)].max()
    ledger(model, reference, "voltage further than 0.5 ms from spikes, mV", error, 0.05)


def hodgkin_huxley(y, c, reversal, conductance, current):
    v, m, h, n = y
    a_m, b_m = 0.1 * (v + 40.0) / (1.0 - np.exp(-(v + 40.0) / 10.0)), 4.0 * np.exp(-(v + 65.0) / 18.0)
    a_h, b_h = 0.07 * np.exp(-(v + 65.0) / 20.0), 1.0 / (1.0 + np.exp(-(v + 35.0) / 10.0))
    a_n, b_n = 0.01 * (v + 55.0) / (1.0 - np.exp(-(v + 55.0) / 10.0)), 0.125 * np.exp(-(v + 65.0) / 80.0)
    (e_na, e_k, e_l), (g_na, g_k, g_l) = reversal, conductance
    ionic = g_na * m**3 * h * (e_na - v) + g_k * n**4 * (e_k - v) + g_l * (e_l - v)
    gates = [a * (1.0 - x) - b * x for x, a, b in ((m, a_m, b_m), (h, a_h, b_h), (n, a_n, b_n))]
    return [(ionic + current) / c, *gates]


def traub_miles(y, c, reversal, conductance, current, v_t):
    v, m, h, n = y
    u = v - v_t
    a_m, b_m = (
        0.32 * (13.0 - u) / (np.exp((13.0 - u) / 4.0) - 1.0),
        0.28 * (u - 40.0) / (np.exp((u - 40.0) / 5.0) - 1.0),
    )
    a_h, b_h = 0.128 * np.exp((17.0 - u) / 18.0), 4.0 / (1.0 + np.exp((40.0 - u) / 5.0))
    a_n, b_n = 0.032 * (15.0 - u) / (np.exp((15.0 - u) / 5.0) - 1.0), 0.5 * np.exp((10.0 - u) / 40.0)
    (e_na, e_k, e_l), (g_na, g_k, g_l) = reversal, conductance
    ionic = g_na * m**3 * h * (e_na - v) + g_k * n**4 * (e_k - v) + g_l * (e_l - v)
    gates = [a * (1.0 - x) - b * x for x, a, b in ((m, a_m, b_m), (h, a_h, b_h), (n, a_n, b_n))]
    return [(ionic + current) / c, *gates]


def at_peak(least, t_ref):
    return lambda before, after, held: t_ref if not held and after[0] >= least and before[0] > after[0] else None


def test_hh_psc_alpha(coarse, ledger):
    p, stim = SQUID, STIMULI["hh_psc_alpha"]
    ex, inh = p["tau_syn_ex"], p["tau_syn_in"]

    def field(y, dc):
        i, h, ii, hi = y[4:]
        current = i + ii + p["I_e"] + dc
        membrane = hodgkin_huxley(
            y[:4], p["C_m"], (p["E_Na"], p["E_K"], p["E_L"]), (p["g_Na"], p["g_K"], p["g_L"]), current
        )
        return [*membrane, h - i / ex, -h / ex, hi - ii / inh, -hi / inh]

    gates = [0.0529324852572496, 0.596120753508460, 0.317676914060697]  # at -65 mV
    enters = {"ex": (5, np.e / ex), "in": (7, np.e / inh)}
    expected, spikes, lost = integrated_neuron(field, [-64.0, *gates, *[0.0] * 4], stim, enters, at_peak(0.0, 1.0))
    v, found_spikes = of(coarse, "hh_psc_alpha")
    assert lost > 0
    for name in ("hh_psc_alpha", "AtPeak"):
        ledger(name, "SciPy DOP853, other parameters", "every spike, steps", same_spikes(found_spikes, spikes), 0)
    ledger("hh_psc_alpha", "SciPy DOP853, other parameters", "voltage, mV", np.abs(v - expected).max(), 0.01)


def test_hh_cond_exp_traub(coarse, ledger):
    p, stim = TRAUB, STIMULI["hh_cond_exp_traub"]

    def field(y, dc):
        v, g, gi = y[0], y[4], y[5]
        current = g * (p["E_ex"] - v) + gi * (p["E_in"] - v) + p["I_e"] + dc
        membrane = traub_miles(
            y[:4], p["C_m"], (p["E_Na"], p["E_K"], p["E_L"]), (p["g_Na"], p["g_K"], p["g_L"]), current, p["V_T"]
        )
        return [*membrane, -g / p["tau_syn_ex"], -gi / p["tau_syn_in"]]

    start = [p["V_m"], p["Act_m"], p["Inact_h"], p["Act_n"], 0.0, 0.0]
    enters = {"ex": (4, 1.0), "in": (5, -1.0)}
    expected, spikes, lost = integrated_neuron(field, start, stim, enters, at_peak(p["V_T"] + 30.0, 1.0))
    v, found_spikes = of(coarse, "hh_cond_exp_traub")
    assert lost > 0
    reference = "SciPy DOP853, other parameters"
    ledger("hh_cond_exp_traub", reference, "every spike, steps", same_spikes(found_spikes, spikes), 0)
    ledger("hh_cond_exp_traub", reference, "voltage, mV", np.abs(v - expected).max(), 0.05)


@pytest.mark.parametrize("name", ["izhikevich", "izhikevich, published"])
def test_izhikevich(name, coarse, ledger):
    p, stim, consistent = QUADRATIC, STIMULI[name], name == "izhikevich"
    v, u, expected, spikes = p["V_m"], p["U_m"], [], []
    slope = lambda v, u, i: 0.04 * v * v + 5.0 * v + 140.0 - u + i
    for k, dc in enumerate(stim["dc"], 1):
        arriving, i = stim["ex"].get(k, 0.0) + stim["in"].get(k, 0.0), p["I_e"] + dc
        if consistent:
            v, u = v + DT * slope(v, u, i) + arriving, u + DT * p["a"] * (p["b"] * v - u)
        else:
            v += 0.5 * DT * slope(v, u, i + arriving)
            v += 0.5 * DT * slope(v, u, i + arriving)
            u += DT * p["a"] * (p["b"] * v - u)
        if v >= p["V_th"]:
            v, u = p["c"], u + p["d"]
            spikes.append(k)
        expected.append(v)
    found_v, found_spikes = of(coarse, name)
    reference = f"a plain loop, other parameters, {'' if consistent else 'in'}consistent integration"
    ledger("izhikevich", reference, "every spike, steps", same_spikes(found_spikes, np.array(spikes)), 0)
    ledger("izhikevich", reference, "voltage, mV", np.abs(found_v - expected).max(), 1e-8)
