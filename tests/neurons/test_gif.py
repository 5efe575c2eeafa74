"""The generalised integrate-and-fire neuron against SciPy."""

import equinox as eqx
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from event_driven import simulated, spike_times, worst


# After table 1 of Mihalas & Niebur (2009): a (1/s), A1 / C and A2 / C (V/s), I / C (V/s).
PATTERNS = {
    "tonic spiking": (0.0, 0.0, 0.0, 1.5),
    "adaptation": (5.0, 0.0, 0.0, 2.0),
    "phasic spiking": (5.0, 0.0, 0.0, 1.5),
    "tonic bursting": (5.0, 10.0, -0.6, 2.0),
    "phasic bursting": (5.0, 10.0, -0.6, 1.5),
}


def exact(a, first, second, current):
    """In units of C: 50, 200, 20 and 10 per second."""

    def field(y):
        v, th, i1, i2 = y
        return [
            current + i1 + i2 - 0.05 * (v + 70.0), a / 1000.0 * (v + 70.0) - 0.01 * (th + 50.0), -0.2 * i1, -0.02 * i2,
        ]  # fmt: skip

    reset = lambda y: [-70.0, max(y[1], -60.0), first, y[3] + second]
    return spike_times(field, [-70.0, -50.0, 0.0, 0.0], lambda y: y[0] - y[1], reset, 300.0)


def test_firing_patterns(ledger, x64):
    a, first, second, current = np.array(list(PATTERNS.values())).T
    currents = (nex.SpikeCurrent(0.2, 0.0, 100.0 * first), nex.SpikeCurrent(0.02, 1.0, 100.0 * second))
    cell = nex.GIF(a=a / 1000.0, currents=currents, stepper=nex.Exact())
    expected = {name: exact(*values) for name, values in PATTERNS.items()}
    assert expected["phasic spiking"][-1] < 200.0
    assert np.diff(expected["adaptation"])[-1] > 1.5 * np.diff(expected["adaptation"])[0]
    bursts = np.diff(expected["tonic bursting"])
    assert bursts.max() > 5.0 * bursts.min()
    error = worst(simulated(cell, 100.0 * current, 300.0, 0.002), list(expected.values()))
    ledger("GIF", "SciPy DOP853 from spike to spike", "every spike of five firing patterns, ms", error, 0.05)


def test_a_soft_reset_keeps_what_exceeded_the_threshold(x64):
    """The threshold itself is not changed by it, currents are."""
    cell = nex.GIF(c=20.0, g=1.0, e_l=0.0, th_inf=1.0, th_reset=1.0, v_reset=0.0, resetting=nex.SoftReset())
    state = cell.init((2,))
    after = eqx.tree_at(lambda s: s.v, state, jnp.array([1.3, 0.9]))
    found, spikes = cell.fire(state, after, dt=1.0)
    np.testing.assert_array_equal(spikes, [1.0, 0.0])
    np.testing.assert_allclose(found.v, [0.3, 0.9], rtol=1e-12)
    np.testing.assert_array_equal(found.threshold, 1.0)


def test_currents_are_checked():
    with pytest.raises(TypeError, match="GIF: `currents` must be a sequence of SpikeCurrent, got 0.2"):
        nex.GIF(currents=[0.2])
    with pytest.raises(ValueError, match="SpikeCurrent: `k` must be positive"):
        nex.SpikeCurrent(-0.2)
    with pytest.raises(ValueError, match="GIF: `v_reset` must lie below `th_reset`"):
        nex.GIF(v_reset=-55.0)
