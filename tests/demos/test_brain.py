"""The demo of a whole brain, of a small one."""

import json

import jax
import numpy as np
import pytest
from neuroeqx._cli import main
from neuroeqx.demos import _brain
from neuroeqx.demos._brain_figure import draw


SMALL = ["demo", "brain", "--areas", "8", "--duration", "1000", "--iterations", "2"]


def test_the_fit_moves_towards_the_target(tmp_path, capsys):
    """A small brain and few iterations, and the figure."""
    # optax relies on implicit promotion, which the suite otherwise forbids.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        main([*SMALL, "--iterations", "25", "--output", str(tmp_path / "a.png"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["fc_similarity"]["after"] > found["fc_similarity"]["before"] + 0.1
    assert (found["areas"], found["tracts"], found["iterations"]) == (8, 12, 25)
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_data_from_files(tmp_path):
    """A connectome that is read, and the figure of a fit to data, of which the parameters are not known."""
    rng = np.random.default_rng(0)
    weights, lengths = rng.random((2, 8, 8))
    labels = np.array([f"{side}.A{i}" for side in "LR" for i in range(4)])
    np.savez(tmp_path / "c.npz", weights=7.0 * weights, lengths=60.0 * lengths, region_labels=labels)
    loaded, names = _brain.load(tmp_path / "c.npz")
    assert names == labels.tolist()
    np.testing.assert_allclose(loaded.weights.sum(0).mean(), 1.0)
    assert np.all(np.diag(loaded.weights) == 0.0)
    np.testing.assert_array_equal(loaded.lengths, 60.0 * lengths)
    fc = np.corrcoef(rng.normal(size=(8, 50)))
    similarity, seconds = {"before": 0.1, "after": 0.2}, {"compile_s": 1.0, "run_s": 2.0}
    fitted = _brain.parameters_of(0.02, np.linspace(-0.03, -0.01, 8))
    result = _brain.Result(
        loaded, names, "in the order of the file", fc, fc, fc, np.array([2.0, 1.0]), None, fitted, similarity, seconds
    )
    draw(tmp_path / "b.svg", result)
    text = (tmp_path / "b.svg").read_text()
    # The names of the areas furthest out, from the ends inwards.
    assert "L.A0, L.A1, L.A2, L.A3" in text and "R.A3, R.A2, R.A1, R.A0" in text and "in the order of the file" in text
    found = _brain.summary(result)
    assert found["coupling"] == 0.02 and "coupling_of_target" not in found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--areas", "7"], "must be even, got 7"),
        (["--areas", "2"], "must be a whole number, at least 4, got '2'"),
        (["--iterations", "no"], "must be a whole number, at least 1, got 'no'"),
        (["--connectome", "nowhere.npz"], "there is no file 'nowhere.npz'"),
    ],
)
def test_wrong_options(options, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([*SMALL, *options])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("connectome", "fc", "message"),
    [
        ({"weights": np.ones((4, 4))}, None, "has no array 'lengths', only weights"),
        ({"weights": np.ones(4), "lengths": np.ones((4, 4))}, None, "'weights' must be a square matrix"),
        ({"weights": np.ones((4, 4)), "lengths": np.ones((5, 5))}, None, "have shapes"),
        ({"weights": np.ones((4, 4)), "lengths": np.full((4, 4), np.nan)}, None, "entries that are not finite"),
        ({"weights": np.ones((4, 4)), "lengths": np.ones((4, 4))}, None, "has no positions, .* give --fc"),
        ({"weights": np.ones((4, 4)), "lengths": np.ones((4, 4))}, {"fc": np.ones((5, 5))}, "the target has shape"),
    ],
)
def test_wrong_files(connectome, fc, message, tmp_path):
    np.savez(tmp_path / "c.npz", **connectome)
    options = ["--connectome", str(tmp_path / "c.npz"), "--output", str(tmp_path / "c.png")]
    if fc is not None:
        np.savez(tmp_path / "fc.npz", **fc)
        options += ["--fc", str(tmp_path / "fc.npz")]
    with pytest.raises(SystemExit, match=message):
        main([*SMALL, *options])
