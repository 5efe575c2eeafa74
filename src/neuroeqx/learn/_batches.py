"""Batches of samples, in an order that can be taken up anywhere."""

import operator
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np


class Batches:
    """Batches of a data set: an iterator over NumPy arrays whose order follows from a seed and whose place is two numbers.

    Iterating goes on from the place to the end of the epoch; the next iteration is the next epoch.

    ```python
    batches = nex.learn.Batches({"x": x, "y": y}, 32, seed=0)
    for epoch in range(10):
        for batch in batches: ...
    ```

    Of an epoch with epoch number e the order is `np.random.default_rng([*seed, e]).permutation(len(data))`, so it is known
    without going through those before. A last batch that is not full is left out (in every epoch other samples).

    **Arguments:**

    - `data`: an array or a dictionary, tuple or list of arrays (NumPy or JAX) with a leading axis of samples; or an object
        with `__len__` and `__getitem__(indices)`, from an integer array to a pytree of NumPy arrays with a leading axis of
        these samples.
    - `batch`: samples in a batch.
    - `seed`: a whole number, or several.
    - `shuffle`: `False`: the order of the data, in every epoch.
    - `epoch`, `index`: the place to begin: of the next batch.

    `size`, `per_epoch`: numbers of samples and of batches in an epoch.
    """

    def __init__(
        self,
        data: Any,
        batch: int,
        *,
        seed: int | Sequence[int] = 0,
        shuffle: bool = True,
        epoch: int = 0,
        index: int = 0,
    ):
        self.size = size_of("Batches", "data", data)
        if not 1 <= batch <= self.size:
            raise ValueError(f"Batches: `batch` must be at least 1 and at most the {self.size} samples, got {batch}.")
        self.data, self.batch, self.shuffle = data, batch, shuffle
        self.seed = tuple(seed) if isinstance(seed, Sequence) else (operator.index(seed),)
        self.per_epoch = self.size // batch
        if epoch < 0 or not 0 <= index <= self.per_epoch:
            raise ValueError(
                f"Batches: `epoch` and `index` are 0 or more, the latter at most {self.per_epoch} (batches of an epoch); got "
                f"{epoch} and {index}."
            )
        self.epoch, self.index = epoch, index

    def order(self, epoch: int) -> np.ndarray:
        """The samples of all batches of an epoch, integers `[per_epoch, batch]`."""
        samples = np.arange(self.size)
        if self.shuffle:
            samples = np.random.default_rng([*self.seed, epoch]).permutation(self.size)
        return samples[: self.per_epoch * self.batch].reshape(self.per_epoch, self.batch)

    def __iter__(self) -> Iterator[Any]:
        order = self.order(self.epoch)
        while self.index < self.per_epoch:
            chosen = order[self.index]
            # The place is that of the next batch, whatever is done with this one.
            self.index += 1
            yield take(self.data, chosen)
        self.epoch, self.index = self.epoch + 1, 0


def is_arrays(data: Any) -> bool:
    """Whether data are arrays with a leading axis of samples, and not an object that gives batches."""
    return isinstance(data, dict | tuple | list | np.ndarray | jax.Array)


def size_of(function: str, name: str, data: Any) -> int:
    """The number of samples.

    **Errors:** `ValueError` or `TypeError` that name the argument and the array that does not fit.
    """
    if not is_arrays(data):
        if not (callable(getattr(data, "__len__", None)) and callable(getattr(data, "__getitem__", None))):
            raise TypeError(
                f"{function}: `{name}` must be arrays (a dictionary, tuple or list of them) or have `__len__` and "
                f"`__getitem__`, got {type(data).__name__}."
            )
        return len(data)
    leaves = jtu.tree_leaves_with_path(data)
    if not leaves:
        raise ValueError(f"{function}: `{name}` holds no arrays.")
    sizes = []
    for path, leaf in leaves:
        if not isinstance(leaf, np.ndarray | jax.Array) or leaf.ndim == 0:
            raise TypeError(
                f"{function}: `{name}`{jtu.keystr(path)} must be an array with a leading axis of samples, got {leaf!r}."
            )
        sizes.append(leaf.shape[0])
    if len(set(sizes)) > 1:
        found = ", ".join(f"{size} in {name}{jtu.keystr(path)}" for size, (path, _) in zip(sizes, leaves, strict=True))
        raise ValueError(f"{function}: the arrays of `{name}` must have the same number of samples, got {found}.")
    return sizes[0]


def take(data: Any, samples: np.ndarray) -> Any:
    """The batch of these samples, as NumPy arrays."""
    if is_arrays(data):
        return jtu.tree_map(lambda x: np.asarray(x)[samples], data)
    return jtu.tree_map(np.asarray, data[samples])
