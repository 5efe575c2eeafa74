"""Spoken digits: a file made up here, how it is divided, and whether a small network learns from it."""

import json

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx._cli import main
from neuroeqx.train import _speech


SPEAKERS = ["ann", "bob", "eve"]
BINS, BANDS = 30, 8  # of 10 ms; on and off make 16 channels


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Three words of three speakers: bands rise, fall, or stay, on a background of noise, and begin at any of a few bins."""
    rng = np.random.default_rng(0)
    words, speakers, index = (x.ravel() for x in np.meshgrid(range(3), range(3), range(30), indexing="ij"))
    bits = rng.random((len(words), BINS, 2 * BANDS)) < 0.02
    for sample, word in zip(bits, words, strict=True):
        first = rng.integers(0, 6)
        for i in range(3 * BANDS):
            sample[first + i, [i // 3, BANDS - 1 - i // 3, 3][word]] = True
    file = tmp_path_factory.mktemp("speech") / "events.npz"
    packed, names = np.packbits(bits, axis=-1), np.asarray(SPEAKERS)[speakers]
    np.savez(file, X=packed, y=words.astype(np.uint8), speaker=names, index=index.astype(np.uint8))
    return file


@pytest.mark.thorough
def test_a_small_network_learns_words_and_prints_one_line_of_json(path, capsys, monkeypatch):
    models = []

    def fit(model, *args, **kwargs):
        done = nex.learn.fit(model, *args, **kwargs)
        models.extend([model, done.last])
        return done

    monkeypatch.setattr(_speech, "fit", fit)
    # optax relies on implicit promotion, which the suite otherwise forbids.
    with jax.numpy_dtype_promotion("standard"):
        main(["train", "speech", "--data", str(path), "--cells", "32", "--epochs", "25", "--seeds", "1", "--json"])
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert out.count("\n") == 1 and err.count("seed 0") == 1
    assert result["test_accuracy"][0] > 0.8  # one in three by chance
    assert result["linear_accuracy"][0] > 0.6
    assert (result["train_size"], result["validation_size"], result["test_size"]) == (203, 22, 45)
    assert result["seeds"] == [0] and result["test"] == ["official"]
    # Weights and time constants of all cells have learnt.
    before, after = (jax.tree.leaves(_speech.what_is_trained(model)) for model in models)
    assert len(before) == 7
    for old, new in zip(before, after, strict=True):
        assert np.isfinite(new).all() and (np.abs(new - old) > 1e-4).mean() > 0.9
    tau = np.asarray(models[0].hidden.cell.cell.tau.value)
    assert tau.min() > 20.0 and tau.max() < 100.0 and len(np.unique(tau)) == 32


def test_a_speaker_who_is_left_out_is_not_learnt_from(path):
    parts = _speech.divided(path, "all")
    assert list(parts) == SPEAKERS
    for name, (data, test) in parts.items():
        assert (len(data), len(test)) == (180, 90)
        assert set(test.groups["speaker"]) == {name} and name not in data.groups["speaker"]
    assert list(_speech.divided(path, "bob")) == ["bob"]
    with pytest.raises(SystemExit, match=r"--leave-out-speaker me: there are ann, bob, eve \(two at least\); or all"):
        _speech.divided(path, "me")


def test_changed_samples_are_shifted_ones_without_some_events(path):
    x = _speech.over_time(nex.io.load_spoken_digits(path))["x"][0]
    steps, parts, bands = x.shape
    padded = np.pad(x, ((4, 4), (0, 0), (2, 2)))
    shifts = np.stack(
        [padded[i : i + steps, :, j : j + bands].reshape(steps, -1) for i in range(9) for j in range(5)]
    ).astype(float)
    found = np.asarray(jax.vmap(_speech.changed, in_axes=(None, 0))(jnp.asarray(x), jr.split(jr.key(0), 200)))
    # All that is there after a change was there, as often, in one of the shifted samples.
    other = ((found[:, None] > 0) & (found[:, None] != shifts)).sum((2, 3))
    share = (found > 0).sum((1, 2)) / (shifts[other.argmin(1)] > 0).sum((1, 2))
    assert (other.min(1) == 0).all() and abs(share.mean() - 0.8) < 0.03
    assert len(np.unique(other.argmin(1))) > 35


def test_the_linear_readout_knows_when_events_were():
    """Words that differ by nothing but the window of 100 ms in which a channel was active."""
    rng = np.random.default_rng(1)
    labels = np.arange(120) % 3
    times, units = (100.0 * labels[:, None] + rng.uniform(0, 100, (120, 6))).ravel(), rng.integers(0, 4, 720)
    data = nex.io.EventDataset(times, units, np.arange(0, 721, 6), labels, (2, 2), 300.0)
    some = lambda first: data.select(slice(first, first + 40))
    assert _speech.linear(some(0), some(40), some(80), 3) == 1.0
    shuffled = nex.io.EventDataset(times, units, data.offsets, rng.permutation(labels), (2, 2), 300.0)
    some = lambda first: shuffled.select(slice(first, first + 40))
    assert _speech.linear(some(0), some(40), some(80), 3) < 0.7
