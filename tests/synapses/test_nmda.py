"""The saturating NMDA synapse against an independent solver."""

import neuroeqx as nex
import numpy as np
import pytest
from synapse_references import driven, largest, native, solved, train


def errors():
    """Of g at steps of 0.1 and 0.05 ms, for the same spikes."""
    rates = lambda y, _: [-y[0] / 100.0 + 0.5 * y[1] * (1.0 - y[0]), -y[1] / 2.0]
    coarse = train()
    fine = np.zeros(2 * coarse.size)
    fine[1::2] = coarse
    for dt, spikes in ((0.1, coarse), (0.05, fine)):
        expected = solved(rates, lambda y: y + np.array([0.0, 1.0]), 2, spikes, dt)[:, 0]
        assert expected.max() > 0.9  # saturates
        yield largest(driven(nex.NMDA(), spikes, dt), expected)


def test_kinetics(x64, ledger):
    coarse, fine = errors()
    ledger("NMDA", "SciPy DOP853, rtol 1e-12", "open fraction at 0.1 ms, relative", coarse, 2e-5)
    ledger(
        "NMDA",
        "SciPy DOP853, rtol 1e-12",
        "order of convergence, distance from 2",
        abs(np.log2(coarse / fine) - 2),
        0.1,
    )


def test_it_runs_natively():
    assert native(nex.NMDA())


def test_rates_must_be_positive():
    with pytest.raises(ValueError, match="NMDA: `a` must be positive, got 0"):
        nex.NMDA(a=0.0)
