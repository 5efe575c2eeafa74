"""The Hindmarsh-Rose neuron against an independent solver."""

import neuroeqx as nex
import numpy as np
import pytest
from spike_times import largest_difference, ours, rest, theirs


NAME = "HindmarshRose"
CURRENTS = [1.0, 2.0, 4.0]  # a few spikes and rest; bursts of two; regular


def hindmarsh_rose(t, y, current):
    v, w, z = y
    return [w - v**3 + 3.0 * v**2 - z + current, 1.0 - 5.0 * v**2 - w, 0.006 * (4.0 * (v + 1.6) - z)]


def test_it_rests(x64):
    assert np.abs(hindmarsh_rose(0.0, rest(nex.HindmarshRose()), 0.0)).max() < 1e-13


def test_spike_times_and_voltages(x64, ledger):
    dt, t1 = 0.025, 400.0
    found, v = ours(nex.HindmarshRose(stepper=nex.RK4()), CURRENTS, t1, dt)
    start = rest(nex.HindmarshRose())
    solved = [theirs(hindmarsh_rose, start, x, t1, 1.0, method="DOP853", rtol=1e-9, atol=1e-9) for x in CURRENTS]
    error = max(largest_difference(a, b) for a, (b, _) in zip(found, solved, strict=True))
    ledger(NAME, "SciPy, DOP853", "spike times over 400 ms at 1, 2 and 4, ms", error, 2e-3)
    exact = np.stack([y(dt * np.arange(1, len(v) + 1))[0] for _, y in solved], axis=1)
    ledger(NAME, "SciPy, DOP853", "voltage over 400 ms at 1, 2 and 4", np.abs(v - exact).max(), 1e-2)
    # Bursts: the last intervals alternate between that within and that between two of them. Regular firing: they do not.
    within, between = np.sort(np.diff(found[1])[-2:])
    assert within < 20.0 and between > 100.0
    np.testing.assert_allclose(np.diff(found[2])[-2:], 20.13, atol=0.1)


def test_wrong_parameters_are_refused():
    with pytest.raises(ValueError, match="`r` must be positive, got 0"):
        nex.HindmarshRose(r=0.0)
