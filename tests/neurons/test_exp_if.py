"""The exponential neuron against quadrature."""

import neuroeqx as nex
import numpy as np
from event_driven import simulated
from scipy.integrate import quad


def test_rates_are_those_of_quadrature(ledger, x64):
    currents, dt = np.array([400.0, 600.0, 1000.0, 2000.0]), 0.01
    slope = lambda v, i: (12.0 * (-68.0 - v + 1.5 * np.exp((v + 52.0) / 1.5)) + i) / 250.0
    # What is left beyond -20 mV takes 1e-8 ms.
    pace = lambda v, i: 1.0 / slope(v, i)
    interval = [quad(pace, -61.0, -20.0, (i,), points=[-52.0, -48.0], limit=200)[0] for i in currents]
    for stepper, tolerance in ((nex.ExpEuler(), 0.02), (nex.RK4(), 0.01)):
        cell = nex.ExpIF(250.0, 12.0, -68.0, -52.0, 1.5, -61.0, stepper=stepper)
        found = [np.diff(x) for x in simulated(cell, currents, 200.0, dt)]
        # Intervals are rounded up to the grid.
        error = max(np.abs(f.mean() - t - dt / 2) for f, t in zip(found, interval, strict=True))
        name = type(stepper).__name__
        ledger(
            "ExpIF", "quadrature of 1 / (dv/dt)", f"interval with `{name}`, ms", error, tolerance, "exponent at most 20"
        )


def test_silent_below_rheobase(x64):
    # I = g_L (V_T - E_L - Delta_T): the fixed points meet.
    rheobase = 30.0 * (-50.4 + 70.6 - 2.0)
    below, above = simulated(nex.ExpIF(), [rheobase - 1.0, rheobase + 1.0], 2000.0, 0.05)
    assert len(below) == 0
    assert len(above) > 0
