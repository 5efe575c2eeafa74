"""Volleys of spikes against the normal distribution."""

import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from scipy import stats


def test_spikes_are_normally_distributed_about_their_pulse():
    source = nex.pulse_packets([50.0, 120.0], 30, 4.0, 40, key=jr.key(0))
    times, indices = np.asarray(source.microseconds) / 1000.0, np.asarray(source.indices)
    np.testing.assert_array_equal(np.bincount(indices, minlength=40), np.full(40, 60))
    for centre in (50.0, 120.0):
        near = np.abs(times - centre) < 35.0
        np.testing.assert_array_equal(np.bincount(indices[near], minlength=40), np.full(40, 30))
        assert stats.kstest((times[near] - centre) / 4.0, "norm").pvalue > 1e-3
    # Sources have packets of their own.
    assert np.unique(times).size > 0.95 * times.size


def test_without_spread_all_come_at_once_and_none_before_the_beginning():
    exact = nex.pulse_packets([3.0, 5.0], 30, 0.0, 40, key=jr.key(1))
    np.testing.assert_array_equal(np.asarray(exact.microseconds), np.repeat([3000, 5000], 1200))
    early = nex.pulse_packets([0.0, 0.0], 30, 1.0, 40, key=jr.key(2))
    assert abs(early.indices.size - 1200) < 4.0 * np.sqrt(600)
    assert int(early.microseconds.min()) >= 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": [np.nan]}, "`times` must be a list of finite numbers"),
        ({"activity": -1}, "`activity` must be a whole number"),
        ({"activity": 1.5}, "`activity` must be a whole number"),
        ({"sdev": -1.0}, "`sdev` must be finite and not negative"),
    ],
)
def test_errors_name_the_argument(change, message):
    with pytest.raises(ValueError, match=message):
        nex.pulse_packets(**({"times": [5.0], "activity": 3, "sdev": 1.0, "shape": 2, "key": jr.key(0)} | change))
