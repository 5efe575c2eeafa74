"""Statistics of spike trains against elephant and PySpike (stored values), closed forms and definitions written out."""

import json
from pathlib import Path

import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import measure


STORED = json.loads((Path(__file__).parents[1] / "data" / "spike_trains.json").read_text())
TRAINS = [np.array(train) for train in STORED["trains"]]
T1 = STORED["t1"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("cv", lambda: measure.cv(TRAINS)),
        ("cv2", lambda: measure.cv2(TRAINS)),
        ("local_variation", lambda: measure.local_variation(TRAINS)),
        # Elephant's distance is that of van Rossum times the square root of two.
        (
            "van_rossum_25_normalised_to_1",
            lambda: np.sqrt(2.0) * measure.pairwise(lambda a, b: measure.van_rossum_distance(a, b, 25.0), TRAINS),
        ),
        (
            "victor_purpura_0.1",
            lambda: measure.pairwise(lambda a, b: measure.victor_purpura_distance(a, b, 0.1), TRAINS),
        ),
        ("isi_distance", lambda: measure.pairwise(lambda a, b: measure.isi_distance(a, b, 0.0, T1), TRAINS)),
        ("spike_distance", lambda: measure.pairwise(lambda a, b: measure.spike_distance(a, b, 0.0, T1), TRAINS)),
        ("sttc_5", lambda: measure.pairwise(lambda a, b: measure.sttc(a, b, 5.0, 0.0, T1), TRAINS)),
        ("count_correlations_20", lambda: measure.count_correlations(TRAINS, 20.0, 0.0, T1)),
    ],
)
def test_values_of_elephant_and_pyspike(name, found, ledger):
    reference, got = np.array(STORED[name], np.float64), found()
    assert np.array_equal(np.isnan(got), np.isnan(reference))
    package = "PySpike" if name in ("isi_distance", "spike_distance") else "elephant"
    error = np.nanmax(np.abs(got - reference))
    ledger(
        f"measure.{name.split('_25')[0].split('_0')[0].split('_5')[0].split('_20')[0]}",
        package,
        "seven trains",
        error,
        1e-7,
    )


def record(times, size, t0, t1, dt):
    """A record of given times, `[(neuron, time)]`, that are the ends of steps."""
    steps = np.array([round((t - t0) / dt) - 1 for _, t in times])
    order = np.argsort(steps, kind="stable")
    neurons = np.array([n for n, _ in times])
    return nex.Spikes(steps[order], neurons[order], len(times), size, t0, t1, dt)


def test_records_and_lists_give_the_same():
    times = [(0, 100.5), (1, 101.0), (0, 103.0), (1, 110.0), (0, 108.0), (0, 120.0)]
    spikes = record(times, 3, 100.0, 120.0, 0.5)
    lists = [np.array([t for n, t in times if n == k]) for k in range(3)]
    np.testing.assert_allclose(measure.rates(spikes), [200.0, 100.0, 0.0])
    np.testing.assert_allclose(measure.rates(lists, 100.0, 120.0), [200.0, 100.0, 0.0])
    np.testing.assert_allclose(measure.rates(spikes, 102.0, 112.0), [200.0, 100.0, 0.0])
    # The windows (100, 110] and (110, 120]: the spike at 110.0 is that of the step which ends there.
    for source, span in ((spikes, ()), (lists, (100.0, 120.0))):
        assert measure.counts(source, 10.0, *span).tolist() == [[3, 1], [2, 0], [0, 0]]
        np.testing.assert_allclose(measure.fano_factor(source, 10.0, *span), [0.5, 1.0, np.nan])
    assert [x.tolist() for x in measure.intervals(spikes)] == [[2.5, 5.0, 12.0], [9.0], []]
    np.testing.assert_allclose(measure.cv(lists[0]), [np.std([2.5, 5.0, 12.0]) / 6.5])


def test_correlations_of_a_sum_are_those_of_the_matrix():
    n = measure.count_correlations(TRAINS[:5], 20.0, 0.0, T1)
    off = n[~np.eye(5, dtype=bool)].mean()
    np.testing.assert_allclose(measure.mean_count_correlation(TRAINS[:5], 20.0, 0.0, T1), off, rtol=1e-12)
    silent = [*TRAINS[:5], np.zeros(0)]
    np.testing.assert_allclose(measure.mean_count_correlation(silent, 20.0, 0.0, T1), off, rtol=1e-12)
    assert np.isnan(measure.mean_count_correlation(silent[-2:], 20.0, 0.0, T1))


def test_spectra_of_poisson_and_of_regular_trains():
    rng = np.random.default_rng(1)
    duration, rate = 200_000.0, 40.0
    trains = [np.sort(rng.uniform(0.0, duration, rng.poisson(rate * duration / 1000.0))) for _ in range(8)]
    frequencies, density = measure.power_spectrum(trains, 2.0, 200.0, 0.0, duration)
    assert frequencies[1] == pytest.approx(5.0) and frequencies[-1] == pytest.approx(250.0)
    # Without the lowest, from which the mean is taken away. 8 trains of some 2,000 segments, half of them independent.
    error = np.abs(density[2:] / rate - 1.0).max()
    assert error < 5.0 / np.sqrt(8 * 1000)
    regular = np.arange(12.5, duration, 25.0)
    frequencies, density = measure.power_spectrum(regular, 2.5, 500.0, 0.0, duration)
    assert frequencies[np.argmax(density)] == pytest.approx(40.0)


def test_van_rossum_is_the_integral_and_the_loss_is_its_square():
    a, b, tau, dt = np.array([3.0, 10.0, 11.0]), np.array([4.0, 30.0]), 7.0, 0.5
    t = np.arange(0.0, 400.0, 1e-3)
    trace = lambda x: np.sum(np.exp(-np.clip(t[:, None] - x, 0.0, None) / tau) * (t[:, None] >= x), axis=1)
    square = np.sum((trace(a) - trace(b)) ** 2) * 1e-3 / tau
    found = measure.van_rossum_distance(a, b, tau)
    assert found**2 == pytest.approx(square, rel=1e-3)
    assert measure.van_rossum_distance([5.0], [], tau) ** 2 == pytest.approx(0.5)
    assert measure.van_rossum_distance([5.0], [9.0], tau) ** 2 == pytest.approx(1.0 - np.exp(-4.0 / tau))
    arrays = [jnp.zeros((100, 1)).at[np.array(x / dt, int), 0].set(1.0) for x in (a, b)]
    loss = nex.learn.losses.van_rossum(*arrays, tau=tau, dt=dt)
    assert float(loss) == pytest.approx(found**2, rel=1e-5)


def test_distances_by_hand():
    assert measure.victor_purpura_distance([10.0, 20.0], [11.0], 0.5) == pytest.approx(1.5)
    assert measure.victor_purpura_distance([10.0], [30.0], 0.5) == 2.0
    assert measure.victor_purpura_distance([], [1.0, 2.0], 0.5) == 2.0
    assert measure.victor_purpura_distance([1.0, 2.0, 3.0], [7.0], 0.0) == 2.0
    # Intervals of 50 and 100 ms, of which the ratio is 1/2 where both trains are.
    assert measure.isi_distance([25.0, 75.0], [], 0.0, 100.0) == pytest.approx(0.5)
    assert (
        measure.isi_distance(TRAINS[0], TRAINS[0], 0.0, T1)
        == measure.spike_distance(TRAINS[0], TRAINS[0], 0.0, T1)
        == 0.0
    )
    # Two spikes 4 ms apart: P = 0 within 1 ms, and each tiles 2 % of 100 ms.
    assert measure.sttc([50.0], [54.0], 1.0, 0.0, 100.0) == pytest.approx(-0.02)
    assert measure.sttc([50.0], [50.5], 1.0, 0.0, 100.0) == pytest.approx(1.0)
    assert np.isnan(measure.sttc([], [54.0], 1.0, 0.0, 100.0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measure.rates([1.0, 2.0]), "`t0` and `t1`, between which they were observed, must be given"),
        (lambda: measure.rates([1.0], 5.0, 5.0), "`t1` = 5 ms must lie after `t0` = 5 ms"),
        (lambda: measure.counts([1.0], 20.0, 0.0, 10.0), "at most 10 ms, got 20"),
        (lambda: measure.cv([1.0, np.nan]), "a vector of finite times"),
        (lambda: measure.power_spectrum([1.0], 1.0, 2.5, 0.0, 10.0), "`segment` must be a multiple of `bin` = 1 ms"),
        (lambda: measure.van_rossum_distance([1.0], [2.0], 0.0), "`tau` must be positive"),
        (lambda: measure.victor_purpura_distance([1.0], [2.0], -1.0), "`cost` must not be negative"),
        (lambda: measure.sttc([1.0], [2.0], 0.0, 0.0, 5.0), "`window` must be positive"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
