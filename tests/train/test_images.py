"""Images from IDX files and from the package."""

import argparse
import gzip
import struct

import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx.train import _images


def write(path, array, compress=False):
    """By the definition of the format."""
    raw = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(raw) if compress else raw)
    return str(path)


def options(*given):
    parser = argparse.ArgumentParser()
    _images.add_arguments(parser)
    return parser.parse_args(given)


def test_files_are_read_and_divided(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (50, 4, 3)), np.arange(50) % 2
    a, b = write(tmp_path / "a.gz", images, compress=True), write(tmp_path / "b", labels)
    np.testing.assert_array_equal(nex.io.load_idx(a), images)
    data = _images.load(options("--images", a, "--labels", b))
    # Of each class every fifth, first for testing, then of what is left for validation.
    assert [len(part.labels) for part in data[:3]] == [32, 8, 10]
    np.testing.assert_allclose(data.test.images[0], images[8] / 255.0, rtol=1e-6)
    together = np.concatenate([np.asarray(part.images) for part in data[:3]])
    np.testing.assert_allclose(np.sort(together.ravel()), np.sort(images.ravel()) / 255.0, rtol=1e-6)
    other = _images.load(options("--images", a, "--labels", b, "--test-images", a, "--test-labels", b))
    assert [len(part.labels) for part in other[:3]] == [40, 10, 50] and other.classes == 2


def test_the_images_of_the_package_are_those_of_the_demo():
    data = _images.load(options())
    assert data.sizes == {"train_size": 1157, "validation_size": 285, "test_size": 355}
    assert data.train.images.shape == (1157, 8, 8) and data.classes == 10


def test_wrong_files_and_options(tmp_path):
    with pytest.raises(SystemExit, match="--images and --labels belong together"):
        _images.load(options("--images", "a"))
    flat = write(tmp_path / "flat", np.zeros(9))
    with pytest.raises(ValueError, match=r"expected \[n, rows, columns\] and \[n\], got \(9,\), \(9,\)"):
        _images.load(options("--images", flat, "--labels", flat))
