"""The multi-timescale adaptive threshold against its closed form."""

import neuroeqx as nex
import numpy as np
from event_driven import simulated, worst


def exact(current, dt, t_ref, t1):
    """No reset: v is known beforehand, and the threshold is a sum over past spikes."""
    times = np.arange(1, round(t1 / dt) + 1) * dt
    v = 0.05 * current * (1.0 - np.exp(-times / 5.0))
    raised, found = np.zeros(times.size), [-np.inf]
    for i, t in enumerate(times):
        if t - found[-1] > t_ref + dt / 2 and v[i] >= 19.0 + raised[i]:
            found.append(t)
            late = times[i:] - t
            raised[i:] += 37.0 * np.exp(-late / 10.0) + 2.0 * np.exp(-late / 200.0)
    return np.array(found[1:])


def test_spike_times(ledger, x64):
    currents, dt = [300.0, 500.0, 900.0, 3000.0], 0.05
    expected = [exact(i, dt, 2.0, 300.0) for i in currents]
    assert len(expected[0]) == 0 and len(expected[-1]) > 20
    error = worst(simulated(nex.Refractory(nex.MAT2(), 2.0), currents, 300.0, dt), expected)
    ledger("MAT2", "closed form, threshold as a sum over spikes", "every spike time over 300 ms, ms", error, 1e-9)
    # Without a refractory period a strong current fires in steps that follow one another.
    error = worst(simulated(nex.MAT2(), currents, 300.0, dt), [exact(i, dt, 0.0, 300.0) for i in currents])
    ledger("MAT2", "closed form, no refractory period", "every spike time over 300 ms, ms", error, 1e-9)
