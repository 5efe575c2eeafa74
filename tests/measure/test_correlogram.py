"""Histograms of pairs of spikes against all pairs, and against independent trains."""

import jax
import jax.numpy as jnp
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


# While the model runs


def network(weight=5.0):
    cell = nex.LIF(tau=10.0, v_rest=0.0, v_th=10.0, v_reset=0.0)
    receptors = {"ampa": nex.Receptor(nex.Expon(tau=3.0), nex.CUBA())}
    return nex.Network(
        {"A": nex.Population(cell, 7, receptors), "B": nex.Population(cell, 5, receptors)},
        [nex.Projection("A", "B", "ampa", nex.connect.all_to_all(weight), delay=1.0)],
    )


def noisy(t):
    """So that cells fire now and then."""
    return 10.0 + 20.0 * jnp.sin(0.2 * t + jnp.arange(7.0)) * jnp.cos(0.07 * t)


INPUTS = {"A": noisy, "B": lambda t: noisy(t + 2.0)[:5]}


@pytest.mark.parametrize("width", [3, 4])
def test_running_counts_are_those_of_the_spikes(width):
    """Over several parts of a run, of two populations and of one with itself; also in a run of no steps."""
    bin = width * DT
    between = lambda a, b: nex.correlation(a, b, max_lag=5 * bin, bin=bin)
    record = {
        "A": nex.spikes("A"),
        "B": nex.spikes("B"),
        "AB": between("A", "B"),
        "BA": between("B", "A"),
        "AA": between("A", "A"),
    }
    found = nex.simulate(network(), 900.0, DT, INPUTS, record=record).records
    assert found["A"].count > 300 and found["B"].count > 100
    for pair in ("AB", "BA", "AA"):
        expected = nex.measure.correlogram(found[pair[0]], found[pair[1]], 5 * bin, bin)
        np.testing.assert_array_equal(found[pair].counts, expected.counts)
        np.testing.assert_allclose(found[pair].lags, expected.lags)
    none = nex.simulate(network(), 0.0, DT, INPUTS, record={"AB": record["AB"]}).records["AB"]
    np.testing.assert_array_equal(none.counts, np.zeros(11))


def test_several_spikes_in_a_step_are_as_many_pairs():
    source = nex.SpikeTimes([0.5, 0.5, 0.8], [0, 0, 1], 2)
    record = {"c": nex.correlation("S", "S", max_lag=0.3, bin=0.1), "S": nex.spikes("S")}
    found = nex.simulate(nex.Network({"S": source}, []), 1.5, DT, record=record).records
    np.testing.assert_array_equal(found["c"].counts, [2, 0, 0, 5, 0, 0, 2])
    assert found["S"].count == 2


def test_running_counts_are_native():
    record = {"c": nex.correlation("A", "B", max_lag=1.0, bin=0.1)}
    assert nex.explain(network(), inputs={"A": 20.0}, record=record).kept == []


def test_running_counts_have_gradients(x64):
    """Those of the sums of products of outputs, also under `vmap`."""
    record = {"c": nex.correlation("A", "B", max_lag=0.6, bin=0.2), "A": nex.output("A"), "B": nex.output("B")}

    def counts(weight):
        records = nex.simulate(network(weight), 60.0, DT, INPUTS, record=record).records
        a, b = (records[name].values.sum(1) for name in "AB")
        at = lambda lag: jnp.sum(a[: len(a) - lag] * b[lag:]) if lag >= 0 else jnp.sum(a[-lag:] * b[:lag])
        expected = [at(2 * k - 1) + at(2 * k) for k in range(-3, 4)]
        return records["c"].counts, jnp.stack(expected)

    weight = jnp.asarray(5.0)
    for value in (
        counts(weight),
        jax.jacrev(counts)(weight),
        jax.vmap(jax.jacfwd(counts))(jnp.stack([weight, 2.0 * weight])),
    ):
        assert np.abs(value[0]).max() > 0.1
        np.testing.assert_allclose(value[0], value[1], rtol=0.0, atol=1e-13 * np.abs(value[1]).max())


def test_running_counts_name_what_is_wrong():
    with pytest.raises(ValueError, match="correlation: `bin` must be a whole number of steps"):
        nex.simulate(network(), 1.0, DT, INPUTS, record={"c": nex.correlation("A", "B", max_lag=1.0, bin=0.25)})
    with pytest.raises(ValueError, match="names the population 'C'"):
        nex.simulate(network(), 1.0, DT, INPUTS, record={"c": nex.correlation("A", "C", max_lag=1.0, bin=0.1)})
