"""Readouts by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from neuroeqx import layers


X = np.random.default_rng(0).normal(size=(9, 4))


def test_what_is_read_out():
    for layer, value in (
        (layers.MaxOverTime(), X.max(0)),
        (layers.MeanOverTime(), X.mean(0)),
        (layers.LastStep(), X[-1]),
        (layers.SpikeCount(), X.sum(0)),
    ):
        np.testing.assert_allclose(layer(jnp.asarray(X)), value, rtol=1e-5)


def test_the_first_spike_and_its_derivative(x64):
    spikes = np.zeros((9, 4))
    spikes[[3, 5, 8], 0] = spikes[0, 1] = spikes[8, 2] = 1.0
    first = eqx.filter_jit(layers.FirstSpike())
    np.testing.assert_array_equal(first(jnp.asarray(spikes)), [3, 0, 8, 9])
    # Of probabilities it is the mean step, by the distribution; the derivative by differences.
    p = np.random.default_rng(1).uniform(0.05, 0.6, (9, 4))
    alive = np.cumprod(1.0 - p, axis=0)
    law = np.concatenate([p[:1], p[1:] * alive[:-1], alive[-1:]])
    np.testing.assert_allclose(first(jnp.asarray(p)), np.arange(10) @ law, rtol=1e-12)
    for values in (p, spikes):
        grads = jax.jit(jax.grad(lambda s: jnp.sum(first(s))))(jnp.asarray(values))
        for t, j in ((0, 0), (3, 0), (4, 0), (0, 1), (2, 2), (5, 3)):
            moved = values.copy()
            moved[t, j] += 1e-3  # the formula is linear in each
            np.testing.assert_allclose(
                grads[t, j], (first(jnp.asarray(moved)) - first(jnp.asarray(values))).sum() / 1e-3, atol=1e-9
            )
