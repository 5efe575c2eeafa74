"""Sweeps of a recording, read from a file."""

import json

import jax
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx._cli import main


@pytest.fixture
def path(tmp_path):
    """Two cells; of the first three sweeps with a stimulus from sample 100 to 499."""
    current = np.zeros((3, 600), np.float32)
    current[:, 100:500] = [[0.0], [100.0], [200.0]]
    v = np.full((3, 600), -6500, np.int16)
    for sweep, places in ((1, [200, 350]), (2, [150, 250, 350, 450])):
        for place in places:
            v[sweep, place : place + 5] = 2000
    arrays = {}
    for name in ("rs", "fs"):
        own = {"sweep": np.arange(3), "v_mV_x100": v, "i_pA": current, "dt_ms": np.float64(0.5)}
        arrays |= {f"{name}_{part}": value for part, value in own.items()}
    np.savez(tmp_path / "sweeps.npz", **arrays)
    return tmp_path / "sweeps.npz"


def test_sweeps_are_read(path):
    sweeps = nex.io.load_patch_clamp(path, "fs")
    assert sweeps.v.dtype == np.float32 and sweeps.v[0, 0] == -65.0 and sweeps.dt == 0.5
    sweep, sample = np.nonzero(sweeps.spikes())
    assert sweep.tolist() == [1, 1, 2, 2, 2, 2] and sample.tolist() == [200, 350, 150, 250, 350, 450]
    np.testing.assert_array_equal(np.nonzero(sweeps.stimulus())[0], np.arange(100, 500))


def test_errors_name_the_file_and_the_cells(path, tmp_path):
    with pytest.raises(ValueError, match="no array 'no_sweep'; its cells are fs, rs"):
        nex.io.load_patch_clamp(path, "no")
    (tmp_path / "other.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match="other.npz: not sweeps of 'rs'"):
        nex.io.load_patch_clamp(tmp_path / "other.npz", "rs")


@pytest.mark.thorough
@pytest.mark.parametrize("model", ["glif", "adex"])
def test_a_cell_is_fitted_and_drawn(path, tmp_path, capsys, model):
    figure = tmp_path / "cell.png"
    # optax relies on implicit promotion, which the suite otherwise forbids.
    with jax.numpy_dtype_promotion("standard"):
        small = ["--starts", "3", "--steps", "20", "--seeds", "1", "--json"]
        main(["train", "cell", "--data", str(path), "--model", model, "--figure", str(figure), *small])
    result = json.loads(capsys.readouterr().out)
    assert result["recorded_Hz"] == [0.0, 10.0, 20.0] and result["left_out"] == [100.0]
    assert np.isfinite(result["loss"]).all() and figure.stat().st_size > 10_000
