"""Spikes by chance against the distributions that their hazard has."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from event_driven import simulated


def test_intervals_of_a_growing_hazard(ledger, x64):
    """Of a perfect integrator the hazard grows exponentially; the survivor function is a closed form (Gompertz)."""
    n, dt, delta, slope = 4000, 0.01, 0.2, 0.1
    cell = nex.EscapeRate(nex.IF(c=1.0, v_th=1.0), delta, rate=0.5)
    first = np.array([x[0] for x in simulated(cell, np.full(n, slope), 30.0, dt, key=jr.key(3))])
    rate = slope / delta
    cumulative = lambda t: 1.0 - np.exp(-0.5 * np.exp(-1.0 / delta) * (np.exp(rate * t) - 1.0) / rate)
    ordered = np.sort(first)
    ranks = np.arange(n + 1) / n
    distance = max(np.abs(cumulative(ordered) - ranks[1:]).max(), np.abs(cumulative(ordered) - ranks[:-1]).max())
    # The distance that one in a thousand samples exceeds.
    ledger(
        "EscapeRate",
        "closed-form survivor function",
        "Kolmogorov-Smirnov distance, 4,000 intervals",
        distance,
        1.95 / n**0.5,
    )


def test_a_constant_hazard_is_a_poisson_process(ledger, x64):
    """A cell that stays where it is: rate exp(-x / delta), dead for the refractory period after each spike."""
    n, t1, dt, t_ref = 2000, 100.0, 0.1, 2.0
    for wrap, dead in ((lambda cell: cell, 0.0), (lambda cell: nex.Refractory(cell, t_ref), t_ref)):
        cell = wrap(nex.EscapeRate(nex.IF(v_th=0.0, v_reset=-0.6), 0.3))
        trains = simulated(cell, np.zeros(n), t1, dt, key=jr.key(4))
        p = 1.0 - np.exp(-dt * np.exp(-0.6 / 0.3))
        intervals = np.concatenate([np.diff(x) for x in trains])
        assert intervals.min() > dead + dt / 2
        rate = np.mean([len(x) for x in trains]) / t1
        # A renewal process with intervals dead + geometric; its count deviates by less than that of a Poisson process.
        expected = 1.0 / (dead + dt / p)
        error = abs(rate - expected) / np.sqrt(expected / (n * t1))
        ledger("EscapeRate", "rate of a renewal process", f"standard errors, refractory {dead} ms", error, 3.3)


def test_the_derivative_is_that_of_the_probability(x64):
    cell = nex.EscapeRate(nex.LIF(tau=1e9), 0.3, rate=0.7)
    spike = lambda v: cell.step(v, 0.0, dt=0.5, key=jr.key(0))[1]
    probability = lambda v: 1.0 - np.exp(-0.5 * 0.7 * np.exp((v - 1.0) / 0.3))
    h = 1e-6
    for v in (0.2, 0.9, 1.1):
        slope = (probability(v + h) - probability(v - h)) / (2 * h)
        np.testing.assert_allclose(jax.grad(spike)(jnp.array(v)), slope, rtol=1e-6)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="EscapeRate needs randomness: pass `key`"):
        nex.EscapeRate(nex.LIF(), 1.0).step(jnp.zeros(2), 0.0, dt=0.1)
    with pytest.raises(TypeError, match="EscapeRate: a TraubMiles is not reset"):
        nex.EscapeRate(nex.TraubMiles(), 1.0)
