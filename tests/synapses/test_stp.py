"""Short-term plasticity against published sequences and the closed form between spikes."""

import neuroeqx as nex
import numpy as np
import pytest
from synapse_references import driven, native, train


def at_20_hz(u, rec, facil):
    spikes = np.zeros(6_000)
    spikes[::50] = 1.0
    return driven(nex.STP(u, rec, facil), spikes, 1.0)[::50]


def test_the_sequence_at_20_hz(x64, ledger):
    published = [0.03, 0.05533, 0.07574, 0.09178, 0.10428, 0.11406]
    error = np.abs(at_20_hz(0.03, 130.0, 530.0)[:6] - published).max()
    ledger("STP", "Tsodyks-Markram, U 0.03, rec 130, facil 530 ms, 20 Hz", "first six releases", error, 5e-6)


@pytest.mark.parametrize(
    ("u", "rec", "facil", "steady"),
    [(0.03, 130.0, 530.0, 0.165486), (0.45, 750.0, 50.0, 0.061432), (0.15, 50.0, 750.0, 0.513495)],
)
def test_the_steady_state_at_20_hz(u, rec, facil, steady, x64, ledger):
    error = abs(at_20_hz(u, rec, facil)[-1] - steady)
    ledger("STP", "Tsodyks-Markram, three sets of parameters, 20 Hz", "steady state of releases", error, 5e-7)


def test_random_spikes(x64, ledger):
    spikes = train()
    expected, u, x, last = np.zeros(spikes.size), 0.0, 1.0, 0
    for n in np.flatnonzero(spikes):
        u = u * np.exp(-0.1 * (n - last) / 20.0)
        x = 1.0 - (1.0 - x) * np.exp(-0.1 * (n - last) / 30.0)
        u = u + 0.4 * (1.0 - u)
        expected[n], x, last = u * x, x - u * x, n
    error = np.abs(driven(nex.STP(0.4, 30.0, 20.0), spikes, 0.1) - expected).max()
    ledger("STP", "closed form from spike to spike in NumPy", "releases of a random train", error, 1e-12)


def test_it_runs_natively():
    assert native(nex.STP())


def test_impossible_parameters_are_refused():
    with pytest.raises(ValueError, match="STP: `u` must be above 0 and at most 1, got 2"):
        nex.STP(u=2.0)
    with pytest.raises(ValueError, match="STP: `tau_facil` must be positive, got 0"):
        nex.STP(tau_facil=0.0)
