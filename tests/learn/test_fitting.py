"""Fits of cells to recordings."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import optax
import pytest
from neuroeqx.layers import Bounded, resolve


def test_parameters_that_made_the_spikes_are_found_again(ledger, x64):
    """A refractory cell that fires by chance: the most likely parameters given its own spikes, from several starts."""
    dt, steps = 0.5, 4000
    truth = nex.Refractory(nex.EscapeRate(nex.LIF(tau=12.0, v_th=1.0), 0.15), 3.0)
    current = 0.9 + 0.5 * jnp.repeat(jr.normal(jr.key(0), (steps // 40, 24)), 40, axis=0)
    spikes = nex.layers.Feedforward(None, truth, dt=dt)(current, key=jr.key(1))
    assert 1000 < spikes.sum() < 6000

    def make(key):
        tau, v_th = jr.uniform(key, (2,))
        where = lambda m: (m.cell.cell.tau, m.cell.cell.v_th)
        return eqx.tree_at(where, truth, (Bounded(5.0 + 30.0 * tau, 4.0, 40.0), Bounded(0.6 + 0.8 * v_th, 0.5, 1.5)))

    def loss(model):
        return -nex.learn.teacher_forced(resolve(model), current, spikes, dt).log_probability.mean()

    trained = lambda m: (m.cell.cell.tau, m.cell.cell.v_th)
    models = eqx.filter_vmap(make)(jr.split(jr.key(2), 3))
    # optax relies on implicit promotion, which the suite otherwise forbids.
    with jax.numpy_dtype_promotion("standard"):
        found = nex.learn.multi_start(models, loss, optim=optax.adam(0.1), steps=120, where=trained)
    cell = resolve(found.best).cell.cell
    assert loss(found.best) <= loss(truth)
    assert found.history.shape == (120, 3) and np.all(found.losses <= found.history.min(0))
    ledger(
        "multi_start", "its own parameters", "tau of a cell by its spikes, relative", abs(cell.tau / 12.0 - 1.0), 0.05
    )
    ledger("multi_start", "its own parameters", "v_th of a cell by its spikes, relative", abs(cell.v_th - 1.0), 0.02)


def test_refractory_steps_do_not_count(x64):
    """Two steps after a spike nothing can happen, and what does is refused."""
    cell = nex.Refractory(nex.EscapeRate(nex.LIF(), 1.0), 1.0)
    forced = nex.learn.teacher_forced(cell, np.ones(8), np.eye(8)[2], 0.5)
    np.testing.assert_array_equal(forced.log_probability[3:5], 0.0)
    assert np.all(np.delete(forced.log_probability, [3, 4]) < 0.0)
    np.testing.assert_array_equal(forced.v[3:5], 0.0)
    with pytest.raises(Exception, match="spikes within the refractory period"):
        nex.learn.teacher_forced(cell, np.ones(8), np.eye(8)[2] + np.eye(8)[4], 0.5).log_probability.block_until_ready()


def test_a_start_that_fails_stays_and_others_go_on():
    loss = lambda x: jnp.where(x > 10.0, jnp.nan, (x - 3.0) ** 2)
    found = nex.learn.multi_start(jnp.array([11.0, 0.0]), loss, optim=optax.sgd(0.25), steps=20)
    np.testing.assert_allclose(found.best, 3.0, atol=1e-4)
    assert np.isinf(found.losses[0]) and found.models[0] == 11.0
    with pytest.raises(ValueError, match="no start gave a finite loss"):
        nex.learn.multi_start(jnp.array([11.0, 12.0]), loss, optim=optax.sgd(0.25), steps=2)
    with pytest.raises(ValueError, match="`steps` must be at least 1"):
        nex.learn.multi_start(jnp.zeros(2), loss, optim=optax.sgd(0.25), steps=0)
    with pytest.raises(ValueError, match="must have a leading axis"):
        nex.learn.multi_start((jnp.zeros(2), jnp.zeros(3)), lambda x: x[0], optim=optax.sgd(0.25), steps=1)
