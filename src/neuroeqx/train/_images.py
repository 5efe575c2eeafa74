"""Labelled images for tasks: the digits that come with the package, or files."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..demos._digits import held_out, load as load_digits
from ..io import load_idx


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
        "--images", type=Path, help="an IDX file to learn from, e.g. train-images-idx3-ubyte.gz (digits)"
    )
    parser.add_argument("--labels", type=Path, help="the IDX file of their labels")
    parser.add_argument("--test-images", type=Path, help="an IDX file to test with (every fifth image of each class)")
    parser.add_argument("--test-labels", type=Path, help="the IDX file of their labels")


def load(args: argparse.Namespace) -> Data:
    """The images of the options; those of the package by default. Validation takes of each class every fifth of what there
    is to learn from, in the order of the file, whatever the seed."""
    if (args.images is None) != (args.labels is None) or (args.test_images is None) != (args.test_labels is None):
        raise SystemExit("--images and --labels belong together, and so do --test-images and --test-labels.")
    if args.images is None:
        if args.test_images is not None:
            raise SystemExit("--test-images needs --images.")
        train, test = (Images(images.reshape(-1, 8, 8), labels) for images, labels in load_digits())
    else:
        train = _read(args.images, args.labels)
        if args.test_images is None:
            last = held_out(np.asarray(train.labels))
            train, test = train.chosen(~last), train.chosen(last)
        else:
            test = _read(args.test_images, args.test_labels)
    last = held_out(np.asarray(train.labels))
    return Data(train.chosen(~last), train.chosen(last), test, int(train.labels.max()) + 1)


def _read(images: Path, labels: Path) -> Images:
    grey, classes = load_idx(images), load_idx(labels)
    if grey.ndim != 3 or classes.shape != grey.shape[:1]:
        raise ValueError(
            f"{images} and {labels}: expected [n, rows, columns] and [n], got {grey.shape}, {classes.shape}."
        )
    return Images(jnp.asarray(grey / 255.0, dtype=float), jnp.asarray(classes, dtype=jnp.int32))
