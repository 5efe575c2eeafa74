"""The Morris-Lecar neuron against an independent solver and derivatives by hand."""

import neuroeqx as nex
import numpy as np
import pytest
from scipy.optimize import brentq
from spike_times import hopf_current, largest_difference, ours, rest, theirs


NAME = "MorrisLecar"
CURRENTS = [90.0, 150.0, 200.0]


def morris_lecar(t, y, current):
    v, w = y
    m, steady = 1.0 / (1.0 + np.exp(-(v + 1.2) / 9.0)), 1.0 / (1.0 + np.exp(-(v - 2.0) / 15.0))
    ionic = 4.4 * m * (v - 120.0) + 8.0 * w * (v + 84.0) + 2.0 * (v + 60.0)
    return [(current - ionic) / 20.0, 0.04 * np.cosh((v - 2.0) / 60.0) * (steady - w)]


def test_it_rests(x64):
    assert np.abs(morris_lecar(0.0, rest(nex.MorrisLecar()), 0.0)).max() < 1e-12
    second = nex.MorrisLecar(g_ca=4.0, v_3=12.0, v_4=17.4, phi=1 / 15, v_rest=-59.474)
    _, v = ours(second, [0.0, 38.0, 42.0], 1000.0, 0.1)
    assert np.ptp(v[:, 0]) < 1e-3
    # The saddle-node on an invariant circle lies at 39.96, and firing from there is slow.
    assert v[:, 1].max() < -20.0 and v[:, 2].max() > 20.0


def test_spike_times(x64, ledger):
    found, _ = ours(nex.MorrisLecar(stepper=nex.RK4()), CURRENTS, 500.0, 0.05)
    start = rest(nex.MorrisLecar())
    exact = [theirs(morris_lecar, start, current, 500.0, 0.0)[0] for current in CURRENTS]
    error = max(largest_difference(a, b) for a, b in zip(found, exact, strict=True))
    ledger(NAME, "SciPy, LSODA", "spike times over 500 ms at 90, 150 and 200 uA/cm2, ms", error, 1e-3)


def test_hopf_points(x64, ledger):
    def trace(v):
        """Of the derivative at the steady state of voltage v, where w has its steady value."""
        m, w = 1.0 / (1.0 + np.exp(-(v + 1.2) / 9.0)), 1.0 / (1.0 + np.exp(-(v - 2.0) / 15.0))
        slope = 4.4 * (m * (1.0 - m) / 9.0 * (v - 120.0) + m) + 8.0 * w + 2.0
        return -slope / 20.0 - 0.04 * np.cosh((v - 2.0) / 60.0)

    places = [(-30.0, -20.0), (0.0, 15.0)]
    steady = [brentq(trace, *between, xtol=1e-12) for between in places]
    exact = [-20.0 * morris_lecar(0.0, (v, 1.0 / (1.0 + np.exp(-(v - 2.0) / 15.0))), 0.0)[0] for v in steady]
    np.testing.assert_allclose(exact, [93.8576, 212.0188], atol=1e-4)
    found = [hopf_current(nex.MorrisLecar, *between, c=20.0) for between in places]
    error = np.abs(np.array(found) - exact).max()
    ledger(NAME, "Hopf points by hand, 93.8576 and 212.0188", "current, uA/cm2", error, 1e-7)


def test_wrong_parameters_are_refused():
    with pytest.raises(ValueError, match="`v_4` must be positive, got -30"):
        nex.MorrisLecar(v_4=-30.0)
