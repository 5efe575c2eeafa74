"""The quadratic neuron against its closed form."""

import neuroeqx as nex
import numpy as np
from event_driven import simulated


def test_intervals_are_the_closed_form(ledger, x64):
    # tau v' = c ((v - m)^2 + d^2), so v is a tangent.
    currents, dt, tau, c, m, half = np.array([5.0, 10.0, 40.0]), 0.01, 12.0, 0.07, -57.0, 6.0
    d = np.sqrt(2.0 * currents / c - half**2)
    interval = tau / (c * d) * (np.arctan((-20.0 - m) / d) - np.arctan((-70.0 - m) / d))
    for stepper, tolerance in ((nex.ExpEuler(), 0.01), (nex.RK4(), 0.005)):
        cell = nex.QIF(tau, c, m - half, m + half, 2.0, -70.0, -20.0, stepper=stepper)
        found = [np.diff(x) for x in simulated(cell, currents, 300.0, dt)]
        # Intervals are rounded up to the grid.
        error = max(np.abs(f - np.ceil(t / dt) * dt).max() for f, t in zip(found, interval, strict=True))
        name = type(stepper).__name__
        ledger(
            "QIF",
            "closed form, a tangent",
            f"intervals with `{name}`, ms",
            error,
            tolerance + dt,
            "rounded up to the grid",
        )


def test_silent_below_rheobase(x64):
    below, above = simulated(nex.QIF(), 0.07 * 7.5**2 + np.array([-0.1, 0.1]), 1000.0, 0.1)
    assert len(below) == 0
    assert len(above) > 0
