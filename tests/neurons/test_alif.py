"""The adaptive threshold against SciPy."""

import neuroeqx as nex
import numpy as np
from event_driven import simulated, spike_times, worst


def exact(current, reset):
    field = lambda y: [(0.1 - y[0] + current) / 15.0, -y[1] / 80.0]
    return spike_times(field, [0.1, 0.0], lambda y: y[0] - 1.0 - 0.2 * y[1], reset, 200.0)


def test_spike_times(ledger, x64):
    cell = nex.ALIF(tau=15.0, v_rest=0.1, v_th=1.0, v_reset=0.05, tau_a=80.0, beta=0.2)
    currents = [0.5, 1.5, 2.5, 4.0]
    expected = [exact(i, lambda y: [y[0] - 0.95, y[1] + 1.0]) for i in currents]
    assert len(expected[0]) == 0 and len(expected[-1]) > 15
    assert np.diff(expected[-1])[-1] > 1.2 * np.diff(expected[-1])[0]
    error = worst(simulated(cell, currents, 200.0, 0.002), expected)
    departures = "what a spike changes decays from the spike on, in the published discrete time from one step later"
    ledger("ALIF", "SciPy DOP853 from spike to spike", "every spike time over 200 ms, ms", error, 0.05, departures)


def test_hard_reset(x64):
    cell = nex.ALIF(15.0, 0.1, 1.0, 0.05, tau_a=80.0, beta=0.2, resetting=nex.HardReset())
    assert worst(simulated(cell, [2.5], 200.0, 0.002), [exact(2.5, lambda y: [0.05, y[1] + 1.0])]) < 0.05
