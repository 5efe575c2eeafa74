"""Kinetics of several stages: what one releases enters the next."""

import neuroeqx as nex
import numpy as np
import pytest
from synapse_references import driven, largest, native, solved, train


def test_short_term_plasticity_and_nmda(x64):
    """Short-term plasticity from spike to spike, NMDA channels in SciPy."""
    spikes = train()
    left = iter(released(spikes, 0.4, 300.0, 200.0))
    rates = lambda y, _: [-y[0] / 100.0 + 0.5 * y[1] * (1.0 - y[0]), -y[1] / 2.0]
    expected = solved(rates, lambda y: y + np.array([0.0, next(left)]), 2, spikes, 0.1)[:, 0]
    found = driven(nex.Chain(nex.STP(0.4, 300.0, 200.0), nex.NMDA()), spikes, 0.1)
    assert largest(found, expected) < 2e-5
    assert largest(driven(nex.NMDA(), spikes, 0.1), expected) > 0.1


def released(spikes, fraction, recovery, facilitation):
    u, x, last = 0.0, 1.0, 0
    for n in np.flatnonzero(spikes):
        u, x = u * np.exp(-0.1 * (n - last) / facilitation), 1.0 - (1.0 - x) * np.exp(-0.1 * (n - last) / recovery)
        u = u + fraction * (1.0 - u)
        yield u * x
        x, last = x - u * x, n


def test_it_runs_natively():
    assert native(nex.Chain(nex.STP(), nex.NMDA()))


def test_what_is_no_chain_is_refused():
    for cells in ((nex.STP(),), (nex.STP(), 2.0)):
        with pytest.raises(TypeError, match=r"Chain: takes two or more cells, such as Chain\(STP\(\), NMDA\(\)\)"):
            nex.Chain(*cells)
