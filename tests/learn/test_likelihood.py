"""Likelihoods of recordings against closed forms and loops written out."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from neuroeqx.learn import losses
from scipy import stats


def test_spikes_of_cells_that_fire_by_chance(ledger, x64):
    """Against a loop of plain numbers, with derivatives."""
    dt, steps = 0.5, 200
    rng = np.random.default_rng(3)
    spikes = (rng.random((steps, 2)) < 0.1).astype(float)
    current = rng.normal(0.9, 0.5, (steps, 2))
    cell = nex.EscapeRate(nex.LIF(tau=10.0), 0.3, 0.2)

    def loop(tau, delta, rate):
        total, v = np.zeros(2), np.zeros(2)
        for s, i in zip(spikes, current, strict=True):
            v = i + (v - i) * np.exp(-dt / tau)
            p = 1.0 - np.exp(-dt * rate * np.exp((v - 1.0) / delta))
            total += np.where(s > 0.0, np.log(p), np.log1p(-p))
            v = np.where(s > 0.0, 0.0, v)
        return total

    value = lambda cell: nex.learn.teacher_forced(cell, current, spikes, dt).log_probability.sum(0)
    found, slopes = jax.jit(jax.value_and_grad(lambda cell: value(cell).sum()))(cell)
    expected = loop(10.0, 0.3, 0.2).sum()
    ledger(
        "EscapeRate", "a plain loop", "log-likelihood of recorded spikes, relative", abs(found / expected - 1.0), 1e-12
    )
    for slope, at in (
        (slopes.cell.tau, (1.0, 0.0, 0.0)),
        (slopes.delta, (0.0, 1.0, 0.0)),
        (slopes.rate, (0.0, 0.0, 1.0)),
    ):
        h = 1e-6 * np.array(at)
        difference = loop(*(np.array([10.0, 0.3, 0.2]) + h)).sum() - loop(*(np.array([10.0, 0.3, 0.2]) - h)).sum()
        np.testing.assert_allclose(slope, difference / 2e-6, rtol=1e-5)


def test_a_posterior_by_langevin_dynamics(ledger, x64):
    """The Metropolis-adjusted Langevin algorithm on the log-density of a mean under Gaussian noise and a Gaussian prior."""
    recorded = np.append(np.random.default_rng(4).normal(1.5, 2.0, 20), np.nan)
    there = ~np.isnan(recorded)
    likelihood = lambda m: losses.gaussian_log_density(jnp.full(21, m), np.nan_to_num(recorded), 2.0, where=there).sum()
    density = lambda m: likelihood(m) - 0.5 * m**2
    variance = 1.0 / (20.0 / 4.0 + 1.0)
    mean = variance * np.nansum(recorded) / 4.0
    expected = stats.norm.logpdf(recorded[:20], 0.7, 2.0).sum() - 0.5 * 0.7**2
    np.testing.assert_allclose(density(0.7), expected, rtol=1e-12)

    def move(m, key):
        value, slope = jax.value_and_grad(density)(m)
        normal, uniform = jr.split(key)
        step = 0.2
        new = m + step * slope + jnp.sqrt(2.0 * step) * jr.normal(normal)
        other, back = jax.value_and_grad(density)(new)
        ratio = other - value - ((m - new - step * back) ** 2 - (new - m - step * slope) ** 2) / (4.0 * step)
        m = jnp.where(jnp.log(jr.uniform(uniform)) < ratio, new, m)
        return m, m

    chain = np.asarray(jax.jit(lambda: lax.scan(move, jnp.asarray(0.0), jr.split(jr.key(5), 20_000))[1])())[500:]
    ledger(
        "gaussian_log_density",
        "closed form",
        "posterior mean, its deviations",
        abs(chain.mean() - mean) / np.sqrt(variance),
        0.05,
    )
    ledger(
        "gaussian_log_density",
        "closed form",
        "posterior variance, relative",
        abs(chain.var() / variance - 1.0),
        0.06,
    )


def test_errors_name_the_argument():
    with pytest.raises(TypeError, match="`cell` must be EscapeRate"):
        nex.learn.teacher_forced(nex.LIF(), np.zeros(3), np.zeros(3), 0.1)
    with pytest.raises(ValueError, match=r"both be \[steps, ...\], got \(4,\) and \(3,\)"):
        nex.learn.teacher_forced(nex.EscapeRate(nex.LIF(), 1.0), np.zeros(4), np.zeros(3), 0.1)
    with pytest.raises(ValueError, match="must have the same shape"):
        losses.gaussian_log_density(jnp.zeros(3), jnp.zeros(4), 1.0)
