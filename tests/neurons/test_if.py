"""The perfect integrator against arithmetic."""

import neuroeqx as nex
import numpy as np
import pytest
from event_driven import simulated, worst


def test_spikes_divide_the_charge(ledger, x64):
    currents, c, theta, dt = np.array([1.3171, 2.7183, 7.1113]), 20.0, 0.8, 0.1
    charge = nex.IF(c=c, v_th=1.0, v_reset=1.0 - theta, resetting=nex.SoftReset())
    exact = [np.ceil(np.arange(1, int(400.0 * i / (c * theta)) + 1) * theta * c / (i * dt)) * dt for i in currents]
    error = worst(simulated(charge, currents, 400.0, dt), exact)
    ledger("IF", "charge, n C theta / I", "every spike time over 400 ms, ms", error, 1e-9, "spikes on the grid")
    hard = [np.arange(1, 10) * np.ceil(theta * c / (i * dt)) * dt for i in currents]
    found = simulated(nex.IF(c=c, v_th=1.0, v_reset=1.0 - theta), currents, 400.0, dt)
    ledger("IF", "C theta / I, rounded up", "spike times, ms", worst([x[:9] for x in found], hard), 1e-9)


def test_a_threshold_below_the_reset_is_refused():
    with pytest.raises(ValueError, match="IF: `v_reset` must lie below `v_th`, got v_reset = 2.0 and v_th = 1.0"):
        nex.IF(v_reset=2.0)
    with pytest.raises(ValueError, match="IF: `c` must be positive"):
        nex.IF(c=[1.0, 0.0])
