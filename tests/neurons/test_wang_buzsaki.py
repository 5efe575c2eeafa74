"""The Wang-Buzsaki interneuron against an independent solver and a run of forward Euler."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from spike_times import largest_difference, ours, rest, theirs


NAME = "WangBuzsaki"
CURRENTS = [1.0, 2.0, 5.0]


def wang_buzsaki(t, y, current):
    v, h, n = y
    alpha_m = (v + 35.0) / 10.0 / (1.0 - np.exp(-(v + 35.0) / 10.0))
    m = alpha_m / (alpha_m + 4.0 * np.exp((-60.0 - v) / 18.0))
    dh = 0.07 * np.exp((-58.0 - v) / 20.0) * (1.0 - h) - h / (np.exp((-28.0 - v) / 10.0) + 1.0)
    alpha_n = 0.01 * (v + 34.0) / (1.0 - np.exp(-(v + 34.0) / 10.0))
    dn = alpha_n * (1.0 - n) - np.exp((-44.0 - v) / 80.0) / 8.0 * n
    return [current - 35.0 * m**3 * h * (v - 55.0) - 9.0 * n**4 * (v + 90.0) - 0.1 * (v + 65.0), 5.0 * dh, 5.0 * dn]


def test_it_rests(x64):
    assert np.abs(wang_buzsaki(0.0, rest(nex.WangBuzsaki()), 0.0)).max() < 1e-12


def test_spike_times(x64, ledger):
    found, _ = ours(nex.WangBuzsaki(stepper=nex.RK4()), CURRENTS, 200.0, 0.01)
    start = rest(nex.WangBuzsaki())
    exact = [theirs(wang_buzsaki, start, current, 200.0, 0.0)[0] for current in CURRENTS]
    error = max(largest_difference(a, b) for a, b in zip(found, exact, strict=True))
    ledger(NAME, "SciPy, LSODA", "spike times over 200 ms at 1, 2 and 5 uA/cm2, ms", error, 1e-3)
    rates = [1000.0 / np.diff(times)[-1] for times in found]
    np.testing.assert_allclose(rates, [59.70, 101.79, 189.63], atol=0.02)


def test_counts_of_forward_euler(x64, ledger):
    found, _ = ours(nex.WangBuzsaki(stepper=nex.Euler()), CURRENTS, 1000.0, 0.01)
    error = np.abs(np.array([len(times) for times in found]) - [58, 99, 185]).max()
    departures = "the figures are those of that step; exact are 59.70, 101.79, 189.63 Hz"
    reference = "58, 99, 185 spikes in a second at 1, 2, 5 uA/cm2, by forward Euler of 0.01 ms"
    ledger(NAME, reference, "spikes", error, 0.0, departures)


def test_rates_are_finite_where_they_are_quotients_of_zeros(dtype):
    cell = nex.WangBuzsaki()

    @jax.jit
    def moved(v):
        y = cell.vector_field(0.0, type(cell.init(()))(v, jnp.full_like(v, 1e-3), jnp.zeros_like(v)), jnp.zeros_like)
        return y.v + y.n

    v, h = jnp.array([-35.0, -34.0]), 0.02
    slopes = jax.jit(jax.vmap(jax.grad(moved)))(v)
    np.testing.assert_allclose(moved(v), 0.5 * (moved(v + h) + moved(v - h)), rtol=1e-4)
    np.testing.assert_allclose(slopes, (moved(v + h) - moved(v - h)) / (2 * h), rtol=5e-3)


def test_wrong_parameters_are_refused():
    with pytest.raises(ValueError, match="`phi` must be positive, got 0"):
        nex.WangBuzsaki(phi=[1.0, 0.0])
