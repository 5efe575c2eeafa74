"""Sources against their laws."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from scipy import stats


def recorded(source, t1, dt, key=None, **kwargs):
    return nex.simulate(nex.Network({"s": source}), t1, dt, record={"s": nex.spikes("s")}, key=key, **kwargs).records[
        "s"
    ]


def test_poisson_counts_and_independence(dtype, ledger):
    spikes = recorded(nex.Poisson(np.repeat([5.0, 40.0], 500), 1000), 1000.0, 1.0, jr.key(0))
    counts = spikes.counts()
    for part, p in ((counts[:500], 0.005), (counts[500:], 0.04)):
        expected = 500 * stats.binom.pmf(np.arange(80), 1000, p)
        keep = expected > 5
        observed = np.bincount(part, minlength=80)[:80]
        observed = np.append(observed[keep], observed[~keep].sum())
        expected = np.append(expected[keep], 500 - expected[keep].sum())
        p = stats.chisquare(observed, expected).pvalue
        departures = "at most one spike of a source in a step"
        ledger("Poisson", "binomial distribution", "counts, chi-square, 0.001 / p", 1e-3 / p, 1.0, departures)
    per_step = np.bincount(spikes.steps, minlength=1000)
    assert abs(np.corrcoef(per_step[1:], per_step[:-1])[0, 1]) < 0.12
    np.testing.assert_allclose(per_step.var() / per_step.mean(), 1.0, atol=0.15)


def test_poisson_intervals_are_geometric(ledger):
    train = recorded(nex.Poisson(100.0, 1), 50_000.0, 1.0, jr.key(1))
    intervals = np.diff(train.steps)
    expected = stats.geom(0.1).pmf(np.arange(1, 30)) * len(intervals)
    p = stats.chisquare(*_with_rest(np.bincount(intervals, minlength=30)[1:30], expected, len(intervals))).pvalue
    ledger("Poisson", "geometric distribution", "intervals, chi-square, 0.001 / p", 1e-3 / p, 1.0)


def _with_rest(observed, expected, total):
    return np.append(observed, total - observed.sum()), np.append(expected, total - expected.sum())


def test_spike_times_come_when_they_are_due(dtype):
    times, indices = [0.0, 0.1, 0.1, 0.15, 7.3, 0.1], [2, 0, 1, 1, 0, 1]
    spikes = recorded(nex.SpikeTimes(times, indices, 3), 10.0, 0.1)
    # A spike belongs to the step that contains it; two of one source in one step are one entry of value 2.
    assert list(zip(spikes.steps.tolist(), spikes.indices.tolist(), strict=True)) == [(0, 2), (1, 0), (1, 1), (73, 0)]
    net = nex.Network({"s": nex.SpikeTimes(times, indices, 3)})
    values = nex.simulate(net, 1.0, 0.1, record={"o": nex.output("s")}).records["o"].values
    assert values[1, 1] == 3.0


def test_spike_times_are_exact_late_in_a_run(ledger):
    late = np.array([999_999.3, 999_999.8])
    spikes = recorded(nex.SpikeTimes(late, [0, 0], 1), 1e6, 0.1)
    error = np.abs(np.asarray(spikes.steps) - [9_999_993, 9_999_998]).max()
    departures = "several spikes of a source in one step are one entry of the record"
    ledger("SpikeTimes", "counting", "the step of a spike after 10^7 steps", error, 0.0, departures)


def test_no_spike_times_at_all():
    assert recorded(nex.SpikeTimes([], [], 3), 1.0, 0.1).count == 0


def value(drive, ts, dt=0.5):
    return np.asarray(jax.vmap(lambda t: drive(t, dt=dt))(jnp.asarray(ts)))


def test_currents_are_functions_of_time(x64, ledger):
    ts = np.arange(0.0, 10.0, 0.5)
    pieces = nex.PiecewiseCurrent([1.0, 3.0, 4.5], [2.0, -1.0, 0.5])
    cases = [
        (nex.StepCurrent(2.0, 3.0, 6.0), 2.0 * ((ts >= 3.0) & (ts < 6.0))),
        (nex.StepCurrent(2.0, 3.0), 2.0 * (ts >= 3.0)),
        (nex.RampCurrent(1.0, 3.0, 2.0, 6.0), np.interp(ts, [2.0, 6.0], [1.0, 3.0])),
        (pieces, np.select([ts >= 4.5, ts >= 3.0, ts >= 1.0], [0.5, -1.0, 2.0], 0.0)),
        (nex.SineCurrent(2.0, 100.0, 0.3, 0.5), 0.5 + 2.0 * np.sin(2 * np.pi * 0.1 * ts + 0.3)),
    ]
    for drive, expected in cases:
        error = np.abs(value(drive, ts) - expected).max()
        departures = "times that are no multiple of dt count as the nearest one"
        ledger(type(drive).__name__, "its formula", "value over 20 steps", error, 1e-12, departures)
    np.testing.assert_allclose(value(nex.PiecewiseCurrent([1.0], [[2.0, 3.0]]), ts)[-1], [2.0, 3.0])


def test_a_step_current_acts_in_exactly_the_steps_of_its_interval():
    counts = []
    for start in np.arange(1, 200) * 0.1:
        drive = nex.StepCurrent(1.0, start, start + 0.7)
        on = value(drive, np.float32(np.arange(0, 300)) * np.float32(0.1), dt=0.1)
        counts.append((int(np.argmax(on)), int(on.sum())))
    assert counts == [(i, 7) for i in range(1, 200)]


def test_noise_does_not_depend_on_the_step(x64, ledger):
    # The standard deviation of a leaky integrator of white noise is sigma / sqrt(2 tau).
    for dt in (0.1, 0.5):
        noise = nex.NoiseCurrent(1.5, 2.0, (2000,))
        model = nex.Population(nex.Leaky(tau=10.0, r=10.0), 2000)
        v = nex.simulate(model, 100.0, dt, noise, record={"v": nex.voltage(every=round(50 / dt))}, key=jr.key(0))
        last = v.records["v"].values[-1]
        # Exact for the held noise: the variance of an AR(1) process.
        a = np.exp(-dt / 10.0)
        sd = 10.0 * 2.0 / np.sqrt(dt) * np.sqrt((1 - a) ** 2 / (1 - a**2))
        np.testing.assert_allclose(sd, 10 * 2.0 / np.sqrt(20.0), rtol=2e-3)
        error = abs(last.std() / sd - 1.0) * np.sqrt(2.0 * 2000)
        reference = "variance of a leaky integrator, sigma^2 / (2 tau)"
        quantity = "standard deviation at two steps, standard errors"
        ledger("NoiseCurrent", reference, quantity, error, 4.0, "held over each step")
        np.testing.assert_allclose(last.mean(), 15.0, atol=4 * sd / np.sqrt(2000))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nex.Poisson(-1.0, 3), "`rate` must not be negative"),
        (lambda: nex.Poisson([1.0, 2.0], 3), "`rate` has shape"),
        (lambda: nex.Poisson(np.nan, 3), "`rate` must be finite"),
        (lambda: recorded(nex.Poisson(2000.0, 3), 1.0, 1.0, jr.key(0)), "2000 Hz is more than one spike in each step"),
        (lambda: recorded(nex.Poisson(20.0, 3), 1.0, 1.0), "Poisson needs randomness: pass `key`"),
        (lambda: nex.SpikeTimes([1.0], [0, 1], 3), "must be of one length"),
        (lambda: nex.SpikeTimes([-1.0], [0], 3), "`times` must be finite and not negative"),
        (lambda: nex.SpikeTimes([1.0], [3], 3), r"`indices` must lie in 0 ... 2, got 3 ... 3"),
        (lambda: recorded(nex.SpikeTimes([1.0], [0], 3), 1.0, 0.0005 * 2 / 3), "whole number of"),
        (
            lambda: nex.simulate(nex.Population(nex.LIF(), 1), 1.0, 0.1, nex.NoiseCurrent()),
            "NoiseCurrent needs randomness",
        ),
        (lambda: nex.Samples(1.0), "needs a leading time axis"),
        (lambda: nex.StepCurrent(np.nan), "`amplitude` must be finite"),
        (lambda: nex.StepCurrent(1.0, 5.0, 5.0), "`start` must lie below `stop`"),
        (lambda: nex.RampCurrent(1.0, 2.0, 5.0, 3.0), "`start` must lie below `stop`"),
        (lambda: nex.NoiseCurrent(0.0, -1.0), "`sigma` must not be negative"),
        (lambda: nex.PiecewiseCurrent([1.0, 2.0], [1.0]), "must be of one length"),
        (lambda: nex.PiecewiseCurrent([2.0, 1.0], [1.0, 2.0]), "`times` must increase"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_rate_given_as_input_is_checked_at_run_time():
    net = nex.Network({"s": nex.Poisson(1.0, 3)})
    for rate, message in ((-5.0, "is negative"), (1e5, "is more than one spike per step")):
        with pytest.raises(Exception, match=f"Poisson: the rate given as input {message}"):
            nex.simulate(net, 1.0, 0.1, {"s": rate}, record={"s": nex.output("s")}, key=jr.key(0))
