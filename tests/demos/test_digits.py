import argparse
import json
import os
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from neuroeqx.demos import _digits as digits


@pytest.fixture
def reader():
    return digits.DigitReader(16, key=jr.key(0))


@pytest.fixture
def images():
    return jr.uniform(jr.key(1), (6, 64))


def run(*options):
    parser = argparse.ArgumentParser(prog="digits")
    digits.add_arguments(parser)
    # optax relies on implicit promotion, which the suite otherwise forbids.
    with jax.numpy_dtype_promotion("standard"):
        digits.main(parser.parse_args(options))


def test_the_demo_reads_95_percent_of_unseen_digits():
    """One seed of three, for time; and as a user would, for this suite's own programs are not optimised."""
    command = [sys.executable, "-m", "neuroeqx", "demo", "digits", "--json", "--seeds", "1"]
    plain = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run(command, env=plain, capture_output=True, text=True, check=True)
    out, err = done.stdout, done.stderr
    result = json.loads(out)
    assert out.count("\n") == 1
    assert result["seeds"] == [0]
    [accuracy] = result["test_accuracy"]
    assert accuracy >= 0.95
    assert (result["train_size"], result["test_size"]) == (1442, 355)
    assert (result["epochs"], result["hidden"]) == (30, 128)
    assert result["compile_s"] > 0.0 and result["run_s"] > 0.0
    assert err.count("epoch") == 30


def test_the_accuracy_reported_is_that_of_the_last_epoch(monkeypatch, capsys):
    """Here each epoch is worse than the one before."""

    def worsen(trained, opt_state, key, fixed, optim, images, labels):
        return eqx.tree_at(lambda m: m.integrator.tau, trained, replace_fn=lambda x: x + 1.0), opt_state, jnp.zeros(())

    monkeypatch.setattr(digits, "train_epoch", worsen)
    monkeypatch.setattr(digits, "evaluate", lambda trained, *_: (1.0 / trained.integrator.tau, jnp.zeros(())))
    run("--json", "--epochs", "6", "--seeds", "2", "--hidden", "4")
    assert json.loads(capsys.readouterr().out)["test_accuracy"] == [0.0625, 0.0625]


def test_table(capsys):
    run("--epochs", "1", "--seeds", "2", "--hidden", "8")
    out, err = capsys.readouterr()
    assert "1442 images to learn from, 355 to test with" in out
    rows = [line.split() for line in out.splitlines()]
    assert [row[0] for row in rows if row and row[0] in ("0", "1")] == ["0", "1"]
    assert "epoch   1/1" in err


def test_split_takes_every_fifth_of_each_class():
    labels = np.array([3, 7] * 10)
    test = digits.held_out(labels)
    assert np.flatnonzero(test).tolist() == [8, 9, 18, 19]
    (train_images, train_labels), (test_images, test_labels) = digits.load()
    assert train_images.shape == (1442, 64) and test_images.shape == (355, 64)
    assert np.bincount(test_labels).min() >= 34 and np.bincount(test_labels).max() <= 36
    assert float(train_images.min()) == 0.0 and float(train_images.max()) == 1.0
    assert len(train_labels) == 1442


def test_gradients_reach_all_that_is_trained_and_nothing_else(reader, images):
    trained, fixed = eqx.partition(reader, digits.what_is_trained(reader))
    grads = eqx.filter_grad(digits.loss)(trained, fixed, images, jnp.arange(6))
    assert len(jax.tree.leaves(grads)) == 7
    for grad in jax.tree.leaves(grads):
        assert np.isfinite(grad).all() and np.abs(grad).max() > 0.0
    assert grads.cell.tau.shape == (16,)
    assert grads.cell.v_th is None and grads.cell.surrogate.slope is None


def test_spikes_travel_through_the_recurrent_weights(reader, images):
    cut = eqx.tree_at(lambda m: m.recur.weight, reader, jnp.zeros((16, 16)))
    evidence, spikes = jax.vmap(reader)(images)
    evidence_cut, _ = jax.vmap(cut)(images)
    assert float(spikes.sum()) > 0.0
    assert float(jnp.abs(evidence - evidence_cut).max()) > 1e-3


def test_reader_against_a_loop_in_numpy(images):
    """The equations of the network, written out."""
    reader = digits.DigitReader(16, key=jr.key(0))
    image = images[0]
    w_in, b_in, w_rec, w_out, b_out = (
        np.asarray(x, np.float64)
        for x in (reader.encode.weight, reader.encode.bias, reader.recur.weight, reader.read.weight, reader.read.bias)
    )
    keep = np.exp(-1.0 / 10.0)
    v, s, u, total, evidence = np.zeros(16), np.zeros(16), np.zeros(10), np.zeros(16), []
    for _ in range(25):
        v = keep * v + (1 - keep) * 4.0 * (w_in @ np.asarray(image) + b_in + w_rec @ s)
        s = (v >= 1.0).astype(float)
        v = v * (1 - s)
        u = keep * u + (1 - keep) * 8.0 * (w_out @ s + b_out)
        total += s
        evidence.append(u)
    got_evidence, got_spikes = reader(image)
    np.testing.assert_array_equal(got_spikes, total)
    np.testing.assert_allclose(got_evidence, np.mean(evidence, 0), rtol=1e-5, atol=1e-6)


def test_double_precision(x64):
    reader = digits.DigitReader(8, key=jr.key(0))
    evidence, spikes = reader(jnp.ones(64))
    assert evidence.dtype == spikes.dtype == jnp.float64


@pytest.mark.parametrize("option", ["--epochs", "--seeds", "--hidden"])
@pytest.mark.parametrize("value", ["0", "-3", "2.5", "many"])
def test_options_that_make_no_sense(option, value, capsys):
    with pytest.raises(SystemExit, match="2"):
        run(option, value)
    assert f"{option}: must be a whole number, at least 1, got '{value}'" in capsys.readouterr().err


def test_the_images_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    test = digits.held_out(labels)
    (train_images, train_labels), (test_images, test_labels) = digits.load()
    np.testing.assert_array_equal(test_images * 16, images[test])
    np.testing.assert_array_equal(test_labels, labels[test])
    np.testing.assert_array_equal(train_images * 16, images[~test])
    np.testing.assert_array_equal(train_labels, labels[~test])
