"""Izhikevich's neuron of 2007 against SciPy and a plain loop."""

import neuroeqx as nex
import numpy as np
from event_driven import simulated, spike_times, worst


def slopes(y, current):
    v, u = y
    return np.array([(0.7 * (v + 60.0) * (v + 40.0) - u + current) / 100.0, 0.03 * (-2.0 * (v + 60.0) - u)])


def test_spike_times(ledger, x64):
    currents = [40.0, 70.0, 100.0, 200.0]
    above, reset = lambda y: y[0] - 35.0, lambda y: [-50.0, y[1] + 100.0]
    expected = [spike_times(lambda y, i=i: slopes(y, i), [-60.0, 0.0], above, reset, 400.0) for i in currents]
    assert len(expected[0]) == 0 and len(expected[-1]) > 10
    error = worst(simulated(nex.Izhikevich2007(stepper=nex.RK4()), currents, 400.0, 0.002), expected)
    ledger("Izhikevich2007", "SciPy DOP853 from spike to spike", "every spike time over 400 ms, ms", error, 0.05)


def test_the_published_programme(ledger, x64):
    # Euler in steps of 1 ms; v is cut at its peak when the spike is noted.
    currents, trains = [70.0, 150.0], []
    for i in currents:
        y, times = np.array([-60.0, 0.0]), []
        for step in range(800):
            y = y + slopes(y, i)
            if y[0] >= 35.0:
                y = np.array([-50.0, y[1] + 100.0])
                times.append(step + 1.0)
        trains.append(np.array(times))
    error = worst(simulated(nex.Izhikevich2007(), currents, 800.0, 1.0), trains)
    ledger("Izhikevich2007", "a plain loop, Euler at 1 ms", "every spike time over 800 ms, ms", error, 1e-9)
