"""Gamma processes against the laws of renewal theory."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from scipy import stats


def runner(source, steps, dt, input=None):
    """From an initial state to counts of spikes, `[steps, sources]`."""

    @jax.jit
    def run(start):
        rate = lambda i: None if input is None else input(i.astype(float) * dt)
        step = lambda s, i: source.step(s, rate(i), dt=dt, key=jr.fold_in(jr.key(0), i))
        return lax.scan(step, start, jnp.arange(steps))[1]

    return lambda start: np.asarray(run(start))


N, STEPS, DT = 1000, 1000, 0.1
ORDERS, RATES = np.array([1, 4]), np.array([100.0, 70.0])


def test_intervals_and_the_first_of_them(ledger):
    sources = {
        kind: nex.GammaProcess(ORDERS[:, None], RATES[:, None], (2, N), equilibrium=kind == "equilibrium")
        for kind in ("equilibrium", "ordinary")
    }
    run = runner(sources["ordinary"], STEPS, DT)
    for kind, source in sources.items():
        spikes = run(source.init(dt=DT, key=jr.key(1)))
        for j, (k, rate) in enumerate(zip(ORDERS, RATES, strict=True)):
            x = spikes[:, j].cumsum(0)
            # Within its step a spike may be anywhere.
            within = np.random.default_rng(1).random((2, N))
            first, second = (((x < i + 1).sum(0) + within[i]) * DT for i in range(2))
            assert (x[-1] >= 2).mean() > 0.998
            law = stats.gamma(k, scale=1000.0 / rate / k)
            start = _recurrence(law, rate) if kind == "equilibrium" else law.cdf
            for what, times, cdf in ((f"first interval, {kind}", first, start), ("interval", second - first, law.cdf)):
                distance = stats.ks_1samp(times, cdf).statistic
                quantity = f"Kolmogorov-Smirnov distance of the {what}"
                ledger("GammaProcess", "renewal theory", quantity, distance, 1.95 / N**0.5)
            # The mean number of spikes: rate t in equilibrium; less (1 - 1 / k) / 2 if the process begins with a spike.
            expected = rate * STEPS * DT / 1000.0 - (0.0 if kind == "equilibrium" else (1.0 - 1.0 / k) / 2.0)
            assert abs(x[-1].mean() - expected) < 4.0 * x[-1].std() / np.sqrt(N)


def _recurrence(law, rate):
    """The distribution of the forward recurrence time of a stationary process, whose density is the survivor function."""
    grid = np.linspace(0.0, 200.0, 20_001)
    cumulative = np.concatenate([[0.0], np.cumsum(law.sf(grid[:-1] + 0.005) * 0.01)]) * rate / 1000.0
    return lambda t: np.interp(t, grid, cumulative)


def test_a_changing_rate_rescales_time_and_steps_may_hold_several_spikes():
    source = nex.GammaProcess(3, 1.0, 4000)
    # 0.5 spikes each in the first 50 steps together, 12 in the next 10, of steps of 1 ms.
    run = runner(source, 60, 1.0, lambda t: jnp.where(t < 50.0, 10.0, 1200.0))
    spikes = run(source.init(dt=1.0, key=jr.key(2)))
    early, late = spikes[:50].sum(0), spikes[50:].sum(0)
    assert spikes.max() >= 2.0
    for x, expected in ((early, 0.5), (late, 12.0)):
        assert abs(x.mean() - expected) < 4.0 * x.std() / np.sqrt(4000)
    # The number of every third event of a Poisson process with 36 of them, begun with 0, 1 or 2 as likely.
    events = np.random.default_rng(2).poisson(36.0, 400_000) + np.random.default_rng(3).integers(0, 3, 400_000)
    np.testing.assert_allclose(late.var(), np.var(events // 3), rtol=4.0 * np.sqrt(2.0 / 4000))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nex.GammaProcess(0, 5.0, 3), ValueError, "`order` must be at least 1, got 0"),
        (lambda: nex.GammaProcess(2.5, 5.0, 3), TypeError, "`order` must be whole, got 2.5"),
        (lambda: nex.GammaProcess(2, -5.0, 3), ValueError, "`rate` must not be negative"),
        (lambda: nex.GammaProcess(2, np.inf, 3), ValueError, "`rate` must be finite"),
        (lambda: nex.GammaProcess([2, 3], 5.0, 3), ValueError, "`order` has shape"),
        (lambda: nex.GammaProcess(2, 5.0, 3).init(dt=0.1), ValueError, "begins at random"),
        (
            lambda: nex.GammaProcess(2, 5.0, 3).step(jnp.zeros(3, jnp.int32), None, dt=0.1),
            ValueError,
            "needs randomness",
        ),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
