"""The FitzHugh-Nagumo oscillator against an independent solver and its Hopf points in closed form."""

import neuroeqx as nex
import numpy as np
import pytest
from spike_times import hopf_current, largest_difference, ours, rest, theirs


NAME = "FitzHughNagumo"
CURRENTS = [0.3, 0.5, 1.0, 1.4]


def fitzhugh_nagumo(t, y, current):
    v, w = y
    return [v - v**3 / 3.0 - w + current, 0.08 * (v + 0.7 - 0.8 * w)]


def test_it_rests(x64):
    assert np.abs(fitzhugh_nagumo(0.0, rest(nex.FitzHughNagumo()), 0.0)).max() < 1e-14


def test_spike_times_and_voltages(x64, ledger):
    dt, t1 = 0.05, 300.0
    found, v = ours(nex.FitzHughNagumo(stepper=nex.RK4()), CURRENTS, t1, dt)
    start = rest(nex.FitzHughNagumo())
    solved = [theirs(fitzhugh_nagumo, start, x, t1, 1.0, method="DOP853", rtol=1e-10, atol=1e-10) for x in CURRENTS]
    error = max(largest_difference(a, b) for a, (b, _) in zip(found, solved, strict=True))
    ledger(NAME, "SciPy, DOP853", "spike times over 300 ms at 0.3 ... 1.4, ms", error, 1e-3)
    exact = np.stack([y(dt * np.arange(1, len(v) + 1))[0] for _, y in solved], axis=1)
    ledger(NAME, "SciPy, DOP853", "voltage over 300 ms at 0.3 ... 1.4", np.abs(v - exact).max(), 1e-5)
    assert [len(times) for times in found] == [1, 8, 9, 7]


def test_hopf_points(x64, ledger):
    v = np.array([-1.0, 1.0]) * np.sqrt(1.0 - 0.8 / 12.5)
    exact = v**3 / 3.0 - v + (v + 0.7) / 0.8
    found = [hopf_current(nex.FitzHughNagumo, *between) for between in [(-1.2, -0.8), (0.8, 1.2)]]
    error = np.abs(found - exact).max()
    ledger(NAME, "Hopf points in closed form, v^2 = 1 - b / tau", "current", error, 1e-10)


def test_wrong_parameters_are_refused():
    with pytest.raises(ValueError, match="`tau` must be positive, got -12.5"):
        nex.FitzHughNagumo(tau=-12.5)
