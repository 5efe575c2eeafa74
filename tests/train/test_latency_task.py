"""Latency-coded images: a small network learns, and reports what was asked for."""

import json
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
from neuroeqx._cli import main
from neuroeqx.train import _fitted, _latency


def test_a_small_network_reads_digits_and_prints_one_line_of_json(capsys):
    # optax relies on implicit promotion, which the suite otherwise forbids.
    with jax.numpy_dtype_promotion("standard"):
        main(["train", "latency", "--cells", "40", "--epochs", "12", "--seeds", "1", "--json"])
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert out.count("\n") == 1 and err.count("seed 0") == 1
    assert result["test_accuracy"][0] > 0.75  # one in ten by chance
    assert (result["train_size"], result["test_size"], result["cells"]) == (1157, 355, 40)


def test_the_network_is_that_of_the_equations():
    """Against loops in NumPy over the published equations in discrete time."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.0, 0.6, (12, 7)), rng.normal(0.0, 0.5, (7, 3))
    steps = rng.integers(0, 40, (5, 12))
    model = _latency.LatencyReader(jnp.asarray(first, float), jnp.asarray(second, float), 30)
    scores, spikes = np.full((5, 3), -np.inf), np.zeros((5, 7))
    current, v, u = np.zeros((5, 7)), np.zeros((5, 7)), np.zeros((5, 3))
    for t in range(30):
        current = current * np.exp(-1 / 10) + (steps == t) @ first
        v = v * np.exp(-1 / 10) + current
        z = (v >= 1.0).astype(float)
        v = v - z
        u = u * np.exp(-1 / 5) + z @ second
        scores, spikes = np.maximum(scores, u), spikes + z
    assert spikes.sum() > 30
    batch = {"steps": jnp.asarray(steps, jnp.int32), "label": jnp.asarray([0, 1, 2, 0, 1])}
    loss = partial(_latency.loss, rate_penalty=0.01, count_penalty=0.1)
    (found, counts), (value, aux) = eqx.filter_jit(lambda m, b: (jax.vmap(m)(b["steps"]), loss(m, b, None)))(
        model, batch
    )
    np.testing.assert_array_equal(counts, spikes)
    np.testing.assert_allclose(found, scores, rtol=1e-4, atol=1e-5)
    wrong = np.log(np.exp(scores).sum(1)) - scores[range(5), [0, 1, 2, 0, 1]]
    expected = wrong.mean() + 0.01 * spikes.sum() + 0.1 * (spikes**2).sum(1).mean()
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(aux["spikes"], spikes.mean(), rtol=1e-6)


def test_accuracies_are_of_the_last_and_the_chosen_model_without_noise():
    class Model(eqx.Module):
        turned: bool
        noise: eqx.nn.Dropout

        def __call__(self, x):
            kept = self.noise(x, key=jr.key(0))
            return -kept if self.turned else kept

    x, labels = jr.normal(jr.key(0), (30, 4)), jnp.arange(30) % 4
    last, chosen = Model(False, eqx.nn.Dropout(0.5)), Model(True, eqx.nn.Dropout(0.5))
    done = nex.learn.Fit(last, chosen, 3, {}, {"validation accuracy": [0.1, 0.2]}, None, None)
    found = _fitted.accuracies(done, lambda model, x: model(x), x, labels)
    share = lambda values: round(float(np.mean(np.asarray(values) == np.asarray(labels))), 4)
    assert found == {
        "test_accuracy": share(x.argmax(1)),
        "test_accuracy_chosen": share(x.argmin(1)),
        "chosen_epoch": 4,
        "validation_accuracy": 0.2,
    }
