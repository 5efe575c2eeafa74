"""Tasks of the command line with networks of excitatory and inhibitory cells, and Yin-Yang: that they learn, in small."""

import argparse

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import optax
import pytest
from neuroeqx.train import _dale, _evidence, _match, _yin_yang


@pytest.fixture
def adam():
    """It has powers of numbers to whole numbers."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def options(**values):
    return argparse.Namespace(json=True, **values)


def test_recurrent_weights_obey_the_law():
    """None from a cell to itself; from a fourth as many inhibitory cells come as much."""
    w = np.asarray(_dale.recurrence(jr.normal(jr.key(0), (_dale.CELLS, _dale.CELLS))).value)
    assert np.all(np.diag(w) == 0.0) and np.all(w[:, :80] >= 0.0) and np.all(w[:, 80:] <= 0.0)
    np.testing.assert_allclose(w[:, :80].sum(), -w[:, 80:].sum(), rtol=0.1)


def test_rate_units_step_as_published():
    """With a = 1 as h <- relu(W x + M h + b + noise): in NumPy, with the noise that was drawn."""
    model = _dale.RateUnits(3, 2, 1.0, 100.0, jr.key(0))
    model = eqx.tree_at(lambda m: m.encode.bias, model, jr.normal(jr.key(3), (_dale.CELLS,)))
    rates = 40.0 * np.asarray(jr.uniform(jr.key(1), (6, 3)))
    noise = 0.15 * np.sqrt(2.0) * np.asarray(jr.normal(jr.key(2), (6, _dale.CELLS)))
    w, m, r = (
        np.asarray(x) for x in (model.encode.weight, model.units.recurrent.layer.weight.value, model.read.weight)
    )
    h, expected = np.zeros(_dale.CELLS), []
    for x, n in zip(rates, noise, strict=True):
        h = np.maximum(w @ (x * 0.1) + m @ h + np.asarray(model.encode.bias) + n, 0.0)
        expected.append(r @ h)
    np.testing.assert_allclose(model(jnp.asarray(rates), jr.key(2)), expected, rtol=1e-4, atol=1e-4)


def test_the_hoisted_product_gives_the_gradient_of_the_loop(x64):
    """Spiking cells of delayed match-to-sample: by weights and currents, against automatic differentiation of all steps."""
    model = _match.GIFUnits(1.0, jr.key(0))
    w, current = 4.0 * model.recur.value, 1.5 + jr.normal(jr.key(1), (40, _dale.CELLS))
    target = jr.normal(jr.key(2), current.shape)

    def loss(run, w, current):
        spikes, penalty = run(1.0, model.cell, w, current)
        return jnp.sum(spikes * target) + penalty, spikes

    both = lambda run: jax.grad(lambda *x: loss(run, *x), (0, 1), has_aux=True)
    found, expected = jax.jit(lambda *x: (both(_match._run)(*x), both(_match._loop)(*x)))(w, current)
    assert expected[1].sum() > 100
    for a, b in zip(found[0], expected[0], strict=True):
        assert jnp.abs(b).max() > 1e-4
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_what_gif_cells_learn_means_the_same_in_shorter_steps():
    """Weights of spikes, currents and biases: in steps of 1 and of 5 ms."""
    coarse = np.random.default_rng(0).random((100, _dale.CELLS)) < 0.05
    fine = np.zeros((500, _dale.CELLS))
    fine[::5] = coarse

    def run(dt, spikes):
        model = _match.GIFUnits(dt, jr.key(0))
        model = eqx.tree_at(lambda m: (m.current, m.bias), model, (jnp.full(_dale.CELLS, 2.5), jnp.array([0.3, -0.6])))
        y, aux = model(jnp.asarray(spikes, float))
        return np.append(np.asarray(y).mean(0), float(aux["Hz"]))

    found, expected = run(5.0, coarse), run(1.0, fine)
    assert expected[2] > 5.0
    np.testing.assert_allclose(found, expected, rtol=0.03)


def test_spiking_trials_have_the_rates_of_the_task():
    trial = _match.trials("gif", 1.0, _match.DELAY, jnp.arange(8), jr.key(0))
    assert trial.inputs.shape == (8, 2500, 100) and set(np.unique(trial.inputs)) == {0.0, 1.0}
    np.testing.assert_allclose(trial.inputs[:, :500].mean() * 1000.0, 1.0, rtol=0.1)
    during = np.asarray(trial.inputs[:, 500:1000].mean(1)) * 1000.0
    assert np.all(during.max(1) > 30.0)
    preferred = 2.0 * np.pi * np.arange(100) / 100
    direction = np.angle((during * np.exp(1j * preferred)).sum(1)) % (2.0 * np.pi)
    wrong = np.angle(np.exp(1j * (direction - np.asarray(trial.conditions["sample"]) * np.pi / 4.0)))
    assert np.abs(wrong).max() < 0.4


@pytest.mark.thorough
def test_rate_units_learn_to_match_without_a_delay(monkeypatch, adam):
    monkeypatch.setattr(_match, "DELAY", 0.0)
    monkeypatch.setattr(_match, "MEASURED", 128)
    monkeypatch.setitem(_match.NETWORKS, "rate", _match.NETWORKS["rate"]._replace(delays=()))
    found = _match.train(options(cells="rate", dt=100.0, trials=6400, epochs=1, batch=64, rate=4e-3), jr.key(0))
    assert found["test_accuracy"] > 0.8 and found["chosen_epoch"] == 1


@pytest.mark.thorough
def test_evidence_is_accumulated(monkeypatch, adam):
    monkeypatch.setattr(_evidence, "MEASURED", 200)
    found, (answer, difference) = _evidence.train(options(trials=3200, epochs=1, rate=4e-3), jr.key(0))
    assert found["test_accuracy"] > 0.8
    curve = _evidence.psychometric(answer, difference)
    assert list(curve)[:1] == ["-7"] and curve["-7"] < 0.2 < 0.8 < curve["7"] and len(curve) == 8


@pytest.mark.thorough
def test_times_of_spikes_learn_yin_yang(adam):
    """Sixty steps take the cross entropy well below that of chance, 1.1."""
    data = _yin_yang.data(jr.key(0), 100)
    points, labels = nex.tasks.yin_yang(jr.key(0), 100)
    assert np.all(np.diff(data["microseconds"], axis=1) >= 0) and np.all(data["microseconds"][:, 0] == 0)
    x = np.asarray(data["microseconds"])[np.asarray(data["sources"]) == 1]
    np.testing.assert_allclose(x, 1000.0 * _yin_yang.LATENCY * (1.0 - points[:, 0]), atol=0.6)

    net = _yin_yang.network(30, jr.key(1))
    optim = optax.adam(2e-2)
    trained, fixed = eqx.partition(net, nex.trainable(net, _yin_yang.weights))
    state = optim.init(trained)

    @eqx.filter_jit
    def step(trained, state):
        of = lambda trained: _yin_yang.loss(eqx.combine(trained, fixed), data, jr.key(0))
        value, slopes = jax.value_and_grad(of)(trained)
        updates, state = optim.update(slopes, state)
        return optax.apply_updates(trained, updates), state, value

    values = []
    for _ in range(60):
        trained, state, value = step(trained, state)
        values.append(float(value))
    assert values[-1] < 0.85 < 1.0 < values[0]
