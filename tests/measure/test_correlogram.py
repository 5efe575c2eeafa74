"""Histograms of pairs of spikes against all pairs, and against independent trains."""

import neuroeqx as nex
import numpy as np
import pytest


DT, STEPS = 0.1, 4000


def record(steps, neurons, size, dt=DT):
    order = np.argsort(steps, kind="stable")
    return nex.Spikes(steps[order], neurons[order], len(steps), size, 0.0, STEPS * dt, dt)


def random(seed, n, size):
    rng = np.random.default_rng(seed)
    return record(rng.integers(0, STEPS, n), rng.integers(0, size, n), size)


def brute(a, b, reach, width, own):
    """Of all pairs one by one, as integers: a bin reaches from half a width below its centre to before half above."""
    counts = np.zeros(2 * reach + 1, int)
    for i, (s, m) in enumerate(zip(a.steps, a.indices, strict=True)):
        for j, (t, n) in enumerate(zip(b.steps, b.indices, strict=True)):
            place = (2 * int(t - s) + 2 * reach * width + width) // (2 * width)
            if (not own or (m == n and i != j)) and 0 <= place <= 2 * reach:
                counts[place] += 1
    return counts


@pytest.mark.parametrize("width", [1, 4, 5])
def test_all_pairs_are_counted(width):
    a, b = random(0, 150, 3), random(1, 120, 5)
    cross = nex.measure.correlogram(a, b, 6 * width * DT, width * DT)
    np.testing.assert_allclose(cross.lags, np.arange(-6, 7) * width * DT)
    # For an even width a bin begins half a width before its centre, which a whole number of steps does not move.
    np.testing.assert_array_equal(cross.counts, brute(a, b, 6, width, own=False))
    auto = nex.measure.autocorrelogram(a, 6 * width * DT, width * DT)
    np.testing.assert_array_equal(auto.counts, brute(a, a, 6, width, own=True))


def test_the_sign_of_the_lag_and_spikes_at_one_time():
    a, b = record(np.array([10, 10]), np.array([0, 1]), 2), record(np.array([13]), np.array([0]), 1)
    np.testing.assert_array_equal(nex.measure.correlogram(a, b, 0.4, 0.1).counts, [0, 0, 0, 0, 0, 0, 0, 2, 0])
    np.testing.assert_array_equal(nex.measure.correlogram(a, a, 0.1, 0.1).counts, [0, 4, 0])
    np.testing.assert_array_equal(nex.measure.autocorrelogram(a, 0.1, 0.1).counts, [0, 0, 0])


def test_independent_trains_are_flat():
    a, b = random(2, 20_000, 10), random(3, 30_000, 10)
    found = nex.measure.correlogram(a, b, 5.0, 0.5)
    expected = 20_000 * 30_000 / (STEPS * DT) ** 2 * (STEPS * DT - np.abs(found.lags)) * 0.5
    # The sum of the squares of some 750,000 pairs of 50,000 spikes.
    np.testing.assert_allclose(found.counts, expected, rtol=0.02)


def test_lags_beyond_the_run_are_empty():
    a = record(np.array([0, STEPS - 1]), np.array([0, 0]), 1)
    found = nex.measure.correlogram(a, a, 500.0, 0.1)
    assert found.counts.sum() == 4
    assert found.counts[np.isclose(np.abs(found.lags), (STEPS - 1) * DT)].sum() == 2
    empty = record(np.zeros(0, int), np.zeros(0, int), 1)
    assert nex.measure.autocorrelogram(empty, 1.0, 0.1).counts.sum() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: nex.measure.correlogram(a, a, 1.0, 0.15), "`bin` must be a whole number of steps"),
        (lambda a: nex.measure.correlogram(a, a, 1.0, 0.0), "`bin` must be a whole number of steps"),
        (lambda a: nex.measure.autocorrelogram(a, 1.0, 0.3), "`max_lag` must be a multiple of `bin`"),
        (lambda a: nex.measure.correlogram(a, record(a.steps, a.indices, 3, 0.2), 1.0, 0.1), "must be of one run"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call(random(4, 10, 3))
