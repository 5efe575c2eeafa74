"""Datasets of events against loops over their samples."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest


SHAPE, DURATION, SAMPLES = (3, 5), 20.0, 23


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 30, SAMPLES)
    counts[4] = 0
    return nex.io.EventDataset(
        times=rng.uniform(0.0, DURATION, counts.sum()).astype(np.float32),
        units=rng.integers(0, 15, counts.sum()),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        labels=rng.integers(0, 4, SAMPLES),
        shape=SHAPE,
        duration=DURATION,
        groups={"speaker": rng.choice(["ann", "bob", "eve"], SAMPLES), "index": np.arange(SAMPLES)},
    )


def events(dataset, i):
    """The times and units of one sample."""
    part = slice(dataset.offsets[i], dataset.offsets[i + 1])
    return dataset.times[part], dataset.units[part]


def histogram(times, units, steps, dt, num_units):
    edges = np.arange(steps + 1) * dt, np.arange(num_units + 1)
    return np.histogram2d(times, units, edges)[0]


def test_bins_are_histograms(dataset):
    dense = dataset.bin(2.5)
    assert dense.shape == (SAMPLES, 8, 15)
    assert dense.dtype == np.float32
    for i in range(SAMPLES):
        np.testing.assert_array_equal(dense[i], histogram(*events(dataset, i), 8, 2.5, 15))
    assert dense.max() > 1.0
    some = dataset.bin(2.5, np.array([[7, 3], [3, 0]]), binary=True, dtype=bool)
    np.testing.assert_array_equal(some, dense[[[7, 3], [3, 0]]] > 0.0)
    np.testing.assert_array_equal(dataset.bin(2.5, dataset.labels == 2), dense[dataset.labels == 2])
    # A last step that is not whole.
    assert dataset.bin(3.0).shape == (SAMPLES, 7, 15)
    assert dataset.bin(3.0).sum() == len(dataset.times)


def test_times_on_the_grid_belong_to_the_step_that_begins_there():
    # 0.7 / 0.1 is below 7, in both precisions; so are many others.
    for dtype in (np.float32, np.float64):
        times = np.arange(10_000).astype(dtype) * dtype(0.1)
        x = nex.io.EventDataset(times, np.zeros(10_000, int), [0, 10_000], [0], 1, 1000.0)
        assert np.all(x.bin(0.1) == 1.0)
        np.testing.assert_allclose(x.subsample(dt=0.1).times, times, rtol=2e-7)


def test_batches_have_one_shape_and_fill_a_dense_array_on_the_device(dataset):
    most = dataset.counts.max()
    dense = dataset.bin(2.5)

    @jax.jit
    def binned(batch):
        step = jnp.where(jnp.isfinite(batch.times), batch.times / 2.5, 0.0).astype(jnp.int32)
        place = jnp.arange(step.shape[0])[:, None], step, batch.units
        return jnp.zeros((step.shape[0], 8, 15)).at[place].add(1.0, mode="drop")

    for indices in (np.array([5, 4, 9]), slice(20, 23), np.arange(SAMPLES) % 10 == 2):
        batch = dataset[indices]
        assert batch.times.shape == batch.units.shape == (3, most)
        np.testing.assert_array_equal(binned(batch), dense[indices])
        np.testing.assert_array_equal(batch.labels, dataset.labels[indices])
        np.testing.assert_array_equal(batch.counts, np.isfinite(batch.times).sum(-1))
    assert dataset[4].times.shape == (most,)
    assert dataset[4].counts == 0
    with pytest.raises(IndexError):
        dataset[SAMPLES]


def test_selection_by_index_and_group(dataset):
    dense = dataset.bin(2.5)
    chosen = dataset.select([8, 2, 2])
    np.testing.assert_array_equal(chosen.bin(2.5), dense[[8, 2, 2]])
    np.testing.assert_array_equal(chosen.groups["index"], [8, 2, 2])
    np.testing.assert_array_equal(dataset.select(-1).bin(2.5), dense[-1:])
    speaker = dataset.groups["speaker"]
    bob = dataset.where(speaker="bob")
    assert 0 < len(bob) < SAMPLES
    np.testing.assert_array_equal(bob.bin(2.5), dense[speaker == "bob"])
    both = dataset.where(speaker={"ann", "eve"}, label=[1, 3])
    mask = (speaker != "bob") & (dataset.labels % 2 == 1)
    np.testing.assert_array_equal(both.groups["index"], np.flatnonzero(mask))
    np.testing.assert_array_equal(dataset.where(index=range(5)).labels, dataset.labels[:5])
    assert "23 samples of 20 ms" in repr(dataset)


def test_splits_are_stratified(dataset):
    labels = np.repeat(np.arange(7), [40, 41, 3, 0, 100, 17, 2])
    labels = np.random.default_rng(1).permutation(labels)
    x = nex.io.EventDataset([], [], np.zeros(len(labels) + 1, int), labels, 1, 1.0, {"i": np.arange(len(labels))})
    train, held = x.split(0.15, seed=3)
    share = round(0.15 * len(labels)) / len(labels)
    assert len(held) == round(0.15 * len(labels))
    both = np.concatenate([train.groups["i"], held.groups["i"]])
    np.testing.assert_array_equal(np.sort(both), np.arange(len(labels)))
    for label in range(7):
        assert abs((held.labels == label).sum() - share * (labels == label).sum()) < 1.0
    again, other = x.split(0.15, seed=3)[1], x.split(0.15, seed=4)[1]
    np.testing.assert_array_equal(held.groups["i"], again.groups["i"])
    assert set(held.groups["i"]) != set(other.groups["i"])
    # Every sample is as likely to be held.
    times_held = sum(np.isin(np.arange(len(labels)), x.split(0.15, seed=i)[1].groups["i"]) for i in range(100))
    assert abs(times_held - 100 * share).max() < 4.5 * np.sqrt(100 * share * (1.0 - share))
    train, held = dataset.split(0.3, seed=0)
    np.testing.assert_array_equal(held.bin(2.5), dataset.bin(2.5)[held.groups["index"]])


def test_subsampling_in_units_and_time(dataset):
    dense = dataset.bin(2.5).reshape(SAMPLES, 8, *SHAPE)
    halved = dataset.subsample((2, 3))
    assert halved.shape == (2, 2)
    padded = np.pad(dense, [(0, 0), (0, 0), (0, 1), (0, 1)]).reshape(SAMPLES, 8, 2, 2, 2, 3).sum((3, 5))
    np.testing.assert_array_equal(halved.bin(2.5), padded.reshape(SAMPLES, 8, 4))
    np.testing.assert_array_equal(halved.times, dataset.times)
    coarse = dataset.subsample((2, 3), dt=2.5)
    np.testing.assert_array_equal(coarse.bin(2.5), padded.reshape(SAMPLES, 8, 4) > 0.0)
    np.testing.assert_array_equal(coarse.times % 2.5, 0.0)
    np.testing.assert_array_equal(dataset.subsample(5).shape, (1, 1))


def test_crop_and_pad(dataset):
    dense = dataset.bin(2.5)
    middle = dataset.crop(5.0, 12.5)
    assert middle.duration == 7.5
    np.testing.assert_array_equal(middle.bin(2.5), dense[:, 2:5])
    longer = middle.pad(22.5, before=10.0)
    np.testing.assert_array_equal(longer.bin(2.5), np.pad(dense[:, 2:5], [(0, 0), (4, 2), (0, 0)]))
    # The last time before the end stays before the end.
    x = nex.io.EventDataset(np.nextafter(np.float32(20.0), 0, dtype=np.float32)[None], [0], [0, 1], [0], 1, 20.0)
    assert x.bin(1.0)[0, -1] == 1.0
    moved = x.pad(1000.0, before=980.0).crop(980.0, 1000.0)
    assert moved.bin(1.0)[0, -1] == 1.0


EMPTY = {"times": [], "units": [], "offsets": [0, 0], "labels": [0], "shape": 2, "duration": 5.0}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"times": [1.0]}, ValueError, "`times` and `units` must be of one length"),
        ({"offsets": [0]}, ValueError, "`offsets` must have one entry more than `labels`"),
        ({"offsets": [0, 1]}, ValueError, "`offsets` must rise from 0 to the number of events, 0"),
        ({"duration": 0.0}, ValueError, "`duration` must be positive"),
        ({"shape": (2, 0)}, ValueError, "`shape` must have at least one unit"),
        ({"times": [1.0], "units": [2], "offsets": [0, 1]}, ValueError, r"`units` must lie in 0 ... 1, got 2 ... 2"),
        ({"times": [5.0], "units": [1], "offsets": [0, 1]}, ValueError, "`times` must lie in 0 ... 5 ms"),
        ({"times": [np.nan], "units": [1], "offsets": [0, 1]}, ValueError, "`times` must lie in 0 ... 5 ms"),
        ({"labels": [0.5]}, TypeError, "`labels` must be whole numbers, got float64"),
        ({"groups": {"x": [1, 2]}}, ValueError, r"groups\['x'\]"),
    ],
)
def test_errors_of_construction(change, error, message):
    with pytest.raises(error, match=message):
        nex.io.EventDataset(**{**EMPTY, **change})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.bin(0.0), "`dt` must be positive"),
        (lambda x: x.where(sex="f"), "no group 'sex'; there are index, label, speaker"),
        (lambda x: x.where(speaker="jim"), "no sample has speaker = jim; there are ann, bob, eve"),
        (lambda x: x.where(speaker=[]), "no value of 'speaker'"),
        (lambda x: x.split(1.0, 0), "`fraction` must be above 0 and below 1"),
        (lambda x: x.subsample((2,)), r"`units` must be at least 1, one for each axis of \(3, 5\)"),
        (lambda x: x.crop(5.0, 30.0), "`start` and `stop` must be in order within 0 ... 20 ms, got 5 and 30"),
        (lambda x: x.pad(25.0, before=6.0), "`duration` must be at least the present 20 ms"),
    ],
)
def test_errors_of_operations(dataset, call, message):
    with pytest.raises(ValueError, match=message):
        call(dataset)


def test_counts_that_do_not_fit_are_an_error():
    x = nex.io.EventDataset(np.ones(300), np.zeros(300, int), [0, 300], [0], 1, 5.0)
    assert x.bin(1.0).max() == 300.0
    with pytest.raises(ValueError, match="uint8 cannot hold the number of events"):
        x.bin(1.0, dtype=np.uint8)
