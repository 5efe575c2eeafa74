"""Short-term depression against published sequences and the closed form between spikes."""

import neuroeqx as nex
import numpy as np
import pytest
from synapse_references import driven, native, train


def test_the_sequence_at_20_hz(x64, ledger):
    spikes = np.zeros(60_000)
    spikes[::500] = 1.0
    found = driven(nex.STD(0.5, 800.0), spikes, 0.1)
    published = [0.5, 0.26515, 0.15483, 0.10302, 0.07868, 0.06725]
    reference = "Tsodyks-Markram without facilitation, U 0.5, 800 ms, 20 Hz"
    ledger("STD", reference, "first six releases", np.abs(found[::500][:6] - published).max(), 5e-6)
    ledger("STD", reference, "steady state, 0.057126", abs(found[::500][-1] - 0.057126), 5e-7)
    np.testing.assert_array_equal(found[spikes == 0.0], 0.0)


def test_random_spikes(x64, ledger):
    spikes = train()
    expected, x, last = np.zeros(spikes.size), 1.0, 0
    for n in np.flatnonzero(spikes):
        x = 1.0 - (1.0 - x) * np.exp(-0.1 * (n - last) / 30.0)
        expected[n], x, last = 0.4 * x, x - 0.4 * x, n
    error = np.abs(driven(nex.STD(0.4, 30.0), spikes, 0.1) - expected).max()
    ledger("STD", "closed form from spike to spike in NumPy", "releases of a random train", error, 1e-12)


def test_it_runs_natively():
    assert native(nex.STD())


@pytest.mark.parametrize("u", [0.0, 1.1])
def test_the_released_part_is_a_fraction(u):
    with pytest.raises(ValueError, match=f"STD: `u` must be above 0 and at most 1, got {u:g}"):
        nex.STD(u=u)


def test_a_time_constant_must_be_positive():
    with pytest.raises(ValueError, match="STD: `tau` must be positive, got 0"):
        nex.STD(tau=0.0)
