"""The quadratic neuron with adaptation against SciPy."""

import neuroeqx as nex
from event_driven import simulated, spike_times, worst


def exact(current):
    def field(y):
        v, w = y
        return [(0.05 * (v + 65.0) * (v + 50.0) - w + 1.5 * current) / 8.0, (0.6 * (v + 65.0) - w) / 60.0]

    return spike_times(field, [-65.0, 0.0], lambda y: y[0] + 30.0, lambda y: [-60.0, y[1] + 2.0], 300.0)


def test_spike_times(ledger, x64):
    currents = [4.0, 8.0, 16.0, 32.0]
    cell = nex.AdaptiveQIF(8.0, 0.05, -65.0, -50.0, 1.5, 0.6, 60.0, 2.0, -60.0, -30.0, stepper=nex.RK4())
    expected = [exact(i) for i in currents]
    assert len(expected[0]) <= 1 and len(expected[-1]) > 15
    error = worst(simulated(cell, currents, 300.0, 0.002), expected)
    ledger("AdaptiveQIF", "SciPy DOP853 from spike to spike", "every spike time over 300 ms, ms", error, 0.08)
