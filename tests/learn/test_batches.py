"""The order of samples, and its place."""

import neuroeqx as nex
import numpy as np
import pytest


DATA = {"x": np.arange(20.0).reshape(10, 2), "y": np.arange(10)}


class Squares:
    def __len__(self):
        return 10

    def __getitem__(self, samples):
        assert samples.dtype.kind == "i"
        return samples**2


def test_an_epoch_goes_through_the_samples_in_the_order_of_its_seed():
    batches = nex.learn.Batches(DATA, 3, seed=(1, 2))
    epochs = [list(batches) for _ in range(3)]
    assert (batches.epoch, batches.index, batches.size, batches.per_epoch) == (3, 0, 10, 3)
    for epoch, found in enumerate(epochs):
        expected = np.random.default_rng([1, 2, epoch]).permutation(10)[:9].reshape(3, 3)
        np.testing.assert_array_equal([batch["y"] for batch in found], expected)
        np.testing.assert_array_equal([batch["x"][:, 0] for batch in found], 2 * expected)
    assert len({tuple(np.concatenate([batch["y"] for batch in found])) for found in epochs}) == 3
    other = nex.learn.Batches(DATA, 3, seed=3)
    assert not np.array_equal(other.order(0), batches.order(0))


def test_the_order_is_taken_up_in_the_midst_of_an_epoch():
    whole = nex.learn.Batches(DATA, 3, seed=5)
    first, second = list(whole), list(whole)
    part = nex.learn.Batches(DATA, 3, seed=5)
    iterator = iter(part)
    next(iterator), next(iterator)
    assert (part.epoch, part.index) == (0, 2)
    rest = nex.learn.Batches(DATA, 3, seed=5, epoch=part.epoch, index=part.index)
    np.testing.assert_array_equal([b["y"] for b in rest], [b["y"] for b in first[2:]])
    np.testing.assert_array_equal([b["y"] for b in rest], [b["y"] for b in second])


def test_objects_give_batches_too():
    batches = nex.learn.Batches(Squares(), 5, shuffle=False)
    np.testing.assert_array_equal(list(batches), np.arange(10).reshape(2, 5) ** 2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: nex.learn.Batches(DATA, 11),
            ValueError,
            "`batch` must be at least 1 and at most the 10 samples, got 11",
        ),
        (lambda: nex.learn.Batches({}, 1), ValueError, "Batches: `data` holds no arrays"),
        (lambda: nex.learn.Batches(DATA, 3, index=4), ValueError, r"at most 3 \(batches of an epoch\); got 0 and 4"),
        (lambda: nex.learn.Batches(3.0, 3), TypeError, "`__getitem__`, got float"),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
