"""Posteriors by samplers of other packages, against closed forms and quadrature."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from scipy.special import logsumexp
from thorough import all_but


DT, STEPS, SD = 0.5, 120, 0.3
WARM_UP, SAMPLES = 300, 3000


def trace():
    """The voltage of a leaky cell under two currents of unknown size: the log-density, and the mean and covariance of a
    normal posterior, as v is linear in them."""
    rng = np.random.default_rng(0)
    shapes = np.stack([np.ones(STEPS), np.arange(STEPS) > STEPS // 2], 1).astype(float)
    v, response = np.zeros(2), []
    for s in shapes:
        v = s + (v - s) * np.exp(-DT / 10.0)
        response.append(v)
    response = np.array(response)
    recorded = response @ [0.8, -0.5] + rng.normal(0.0, SD, STEPS)
    covariance = np.linalg.inv(response.T @ response / SD**2 + np.eye(2))
    cell = nex.Population(nex.Leaky(tau=10.0), 1)

    def density(x):
        drive = nex.Samples(jnp.sum(jnp.asarray(shapes, x.dtype) * x[None, :], 1, keepdims=True))
        v = nex.simulate(cell, STEPS * DT, DT, drive, record={"v": nex.voltage()}).records["v"].values[:, 0]
        return nex.learn.losses.gaussian_log_density(v, recorded, SD).sum() - 0.5 * jnp.sum(x**2)

    return density, 2, covariance @ response.T @ recorded / SD**2, covariance


def spikes():
    """The threshold of a cell that fires by chance, given its spikes, with the prior N(1, 0.3); mean and variance from a
    loop of plain numbers on a grid."""
    rng = np.random.default_rng(1)
    current, recorded, v = rng.normal(1.2, 0.5, STEPS), np.zeros(STEPS), 0.0
    voltages = np.zeros(STEPS)
    for i in range(STEPS):
        v = voltages[i] = current[i] + (v - current[i]) * np.exp(-DT / 10.0)
        recorded[i] = rng.random() < -np.expm1(-DT * 0.2 * np.exp((v - 1.0) / 0.2))
        v = 0.0 if recorded[i] else v
    grid = np.linspace(-1.0, 3.0, 4001)
    hazard = DT * 0.2 * np.exp((voltages[:, None] - grid) / 0.2)
    log = (
        np.where(recorded[:, None] > 0.0, np.log(-np.expm1(-hazard)), -hazard).sum(0) - 0.5 * ((grid - 1.0) / 0.3) ** 2
    )
    weight = np.exp(log - logsumexp(log))
    mean = weight @ grid

    def density(x):
        cell = nex.EscapeRate(nex.LIF(tau=10.0, v_th=x), 0.2, 0.2)
        forced = nex.learn.teacher_forced(cell, current[:, None], recorded[:, None], DT)
        return forced.log_probability.sum() - 0.5 * jnp.sum(((x - 1.0) / 0.3) ** 2)

    return density, 1, np.array([mean]), np.array([[weight @ (grid - mean) ** 2]])


def by_numpyro(density, size, key):
    numpyro = pytest.importorskip("numpyro")
    kernel = numpyro.infer.NUTS(potential_fn=lambda x: -density(x))
    mcmc = numpyro.infer.MCMC(kernel, num_warmup=WARM_UP, num_samples=SAMPLES, progress_bar=False)
    mcmc.run(key, init_params=jnp.ones(size))
    return mcmc.get_samples()


def by_blackjax(density, size, key):
    blackjax = pytest.importorskip("blackjax")
    warm, rest = jr.split(key)
    (state, found), _ = blackjax.window_adaptation(blackjax.nuts, density).run(warm, jnp.ones(size), WARM_UP)
    step = blackjax.nuts(density, **found).step

    @jax.jit
    def run(state, keys):
        return jax.lax.scan(lambda state, key: (step(key, state)[0],) * 2, state, keys)[1].position

    return run(state, jr.split(rest, SAMPLES))


PAIRS = [(problem, sampler) for problem in (trace, spikes) for sampler in (by_numpyro, by_blackjax)]


@pytest.mark.parametrize(("problem", "sampler"), all_but(PAIRS, [(spikes, by_numpyro), (trace, by_blackjax)]))
def test_samples_are_of_the_posterior(problem, sampler):
    """Mean and covariance within four standard errors of a quarter as many independent samples."""
    density, size, mean, covariance = problem()
    # These packages rely on implicit promotion, which the suite otherwise forbids.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        x = np.asarray(sampler(density, size, jr.key(2)), float)
    assert x.shape == (SAMPLES, size)
    sd, independent = np.sqrt(np.diag(covariance)), SAMPLES / 4
    np.testing.assert_array_less(np.abs(x.mean(0) - mean) / sd, 4.0 / np.sqrt(independent))
    error = np.cov(x.T).reshape(size, size) - covariance
    np.testing.assert_array_less(np.abs(error) / np.outer(sd, sd), 4.0 * np.sqrt(2.0 / independent))
