"""AdEx: eight published firing patterns."""

import neuroeqx as nex
import numpy as np
from event_driven import simulated, spike_times, worst


# Naud et al. (2008), table 1: C, g_L, E_L, a, tau_w, b, V_r, I; V_T = -50, Delta_T = 2, V_peak = 0.
PATTERNS = {
    "tonic": (200, 10, -70, 2, 30, 0, -58, 500),
    "adapting": (200, 12, -70, 2, 300, 60, -58, 500),
    "initial burst": (130, 18, -58, 4, 150, 120, -50, 400),
    "regular bursting": (200, 10, -58, 2, 120, 100, -46, 210),
    "delayed accelerating": (200, 12, -70, -10, 300, 0, -58, 300),
    "delayed regular bursting": (100, 10, -65, -10, 90, 30, -47, 110),
    "transient": (100, 10, -65, 10, 90, 100, -47, 180),
    "irregular": (100, 12, -60, -11, 130, 30, -48, 160),
}
# NEST 3.10, aeif_psc_exp, 500 ms: spikes, the first, the first and the last intervals (ms), their CV.
NEST = {
    "tonic": (51, 14.23, [8.93, 9.09, 9.21], [9.58, 9.59, 9.58], 0.014),
    "adapting": (10, 14.91, [11.27, 14.37, 19.61], [74.79, 75.79, 75.90], 0.570),
    "initial burst": (10, 5.47, [3.42, 7.32, 54.74], [63.96, 63.95, 63.95], 0.481),
    "regular bursting": (9, 16.16, [2.92, 5.12, 131.76], [5.35, 133.18, 5.35], 1.173),
    "delayed accelerating": (36, 33.58, [20.59, 19.08, 17.94], [10.80, 10.75, 10.70], 0.190),
    "delayed regular bursting": (26, 57.18, [3.22, 4.31, 7.42], [8.14, 57.14, 3.29], 1.263),
    "transient": (1, 30.29, [], [], None),
    "irregular": (28, 15.65, [3.44, 4.47, 6.71], [], 0.570),
}


def cells(stepper):
    c, g_l, e_l, a, tau_w, b, v_r, current = np.array(list(PATTERNS.values()), float).T
    return nex.AdEx(c, g_l, e_l, -50.0, 2.0, a, tau_w, b, v_r, 0.0, stepper=stepper), current


def exact(c, g_l, e_l, a, tau_w, b, v_r, current):
    # From -10 mV to the peak it is 1e-7 ms.
    def field(y):
        v, w = y
        return [(g_l * (e_l - v) + g_l * 2.0 * np.exp((v + 50.0) / 2.0) - w + current) / c, (a * (v - e_l) - w) / tau_w]

    return spike_times(field, [e_l, 0.0], lambda y: y[0] + 10.0, lambda y: [v_r, y[1] + b], 500.0)


def test_firing_patterns(ledger, x64):
    cell, currents = cells(nex.RK4())
    found = dict(zip(PATTERNS, simulated(cell, currents, 500.0, 0.002), strict=True))
    departures = "exponent at most 20, v in the equations at most `v_peak`"
    intervals = 0.0
    for name, (count, first, early, late, cv) in NEST.items():
        times, isi = found[name], np.diff(found[name])
        assert len(times) == count, name
        assert cv is None or abs(isi.std() / isi.mean() - cv) < 0.01, name
        pairs = [(times[:1], [first]), (isi[: len(early)], early), (isi[len(isi) - len(late) :], late)]
        intervals = max(intervals, *(np.abs(np.subtract(x, y)).max(initial=0.0) for x, y in pairs))
    ledger("AdEx", "NEST 3.10, eight patterns of Naud 2008", "first spike, intervals, ms", intervals, 0.1, departures)
    regular = [name for name in PATTERNS if name != "irregular"]  # which is chaotic
    error = worst([found[name] for name in regular], [exact(*PATTERNS[name]) for name in regular])
    ledger("AdEx", "SciPy DOP853 from spike to spike", "every spike of seven patterns, ms", error, 0.1, departures)


def test_the_default_stepper_comes_close_at_usual_steps(x64):
    cell, currents = cells(nex.ExpEuler())
    found = dict(zip(PATTERNS, simulated(cell, currents, 500.0, 0.05), strict=True))
    for name in ("tonic", "adapting", "initial burst", "delayed accelerating", "transient"):
        assert abs(len(found[name]) - NEST[name][0]) <= 1
        assert abs(found[name][0] - NEST[name][1]) < 0.2
