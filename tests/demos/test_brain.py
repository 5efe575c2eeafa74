"""The demo of a whole brain, of a small one."""

import json

import jax
import numpy as np
import pytest
from neuroeqx._cli import main
from neuroeqx.demos import _brain


SMALL = ["demo", "brain", "--areas", "8", "--duration", "1000", "--iterations", "2"]


def test_the_fit_moves_towards_the_target(tmp_path, capsys):
    """A small brain, few iterations, and the figure; then with a connectome and a target from files."""
    # optax relies on implicit promotion, which the suite otherwise forbids.
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        main([*SMALL, "--iterations", "25", "--output", str(tmp_path / "a.png"), "--json"])
        found = json.loads(capsys.readouterr().out)
        assert found["fc_similarity"]["after"] > found["fc_similarity"]["before"] + 0.1
        assert found["loss"][1] < 0.7 * found["loss"][0]
        assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        rng = np.random.default_rng(0)
        weights, lengths = rng.random((2, 8, 8))
        np.savez(tmp_path / "c.npz", weights=7.0 * weights, lengths=60.0 * lengths)
        np.savez(tmp_path / "fc.npz", fc=np.corrcoef(rng.normal(size=(8, 50))))
        files = ["--connectome", str(tmp_path / "c.npz"), "--fc", str(tmp_path / "fc.npz")]
        main([*SMALL, *files, "--output", str(tmp_path / "b.png")])
    out = capsys.readouterr().out
    assert "8 areas, 56 tracts; 2 iterations of 1 s" in out and "target's own" not in out
    loaded = _brain.load(tmp_path / "c.npz")
    np.testing.assert_allclose(loaded.weights.sum(0).mean(), 1.0)
    assert np.all(np.diag(loaded.weights) == 0.0)


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
