"""Renewal processes against the laws of renewal theory."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from scipy import stats
from thorough import all_but


N, DT = 2000, 0.5
_LOG = np.sqrt(np.log1p(0.5**2))
LAWS = {
    # Bursts, with many intervals shorter than a step; and a regular train.
    "gamma": (nex.connect.gamma(20.0, 40.0), stats.gamma(0.25, scale=80.0)),
    "lognormal": (nex.connect.lognormal(20.0, 10.0), stats.lognorm(_LOG, scale=20.0 * np.exp(-(_LOG**2) / 2.0))),
}


def counts(source, start, steps, input=None):
    """Spikes in each step, `[steps, sources]`."""

    @jax.jit
    def run(start):
        rate = lambda i: None if input is None else input(i.astype(float) * DT)
        step = lambda s, i: source.step(s, rate(i), dt=DT, key=jr.fold_in(jr.key(0), i))
        return lax.scan(step, start, jnp.arange(steps))[1]

    return np.asarray(run(start))


def recurrence(law):
    """The distribution of the forward recurrence time, of the density P(interval > t) / mean."""
    grid = np.concatenate([[0.0], np.geomspace(1e-6, 1e4, 20_001)])
    steps, middle = np.diff(grid), 0.5 * (grid[1:] + grid[:-1])
    cumulative = np.concatenate([[0.0], np.cumsum(law.sf(middle) * steps)]) / law.mean()
    return lambda t: np.interp(t, grid, cumulative)


@pytest.mark.parametrize("kind", all_but(LAWS, ["lognormal"]))
def test_numbers_and_first_spikes(kind, ledger):
    draw, law = LAWS[kind]
    steps = 400
    random = np.random.default_rng(0)
    # Trains of theirs, from the first spike on.
    for equilibrium in (True, False):
        source = nex.RenewalProcess(draw, N, equilibrium=equilibrium)
        start = source.init(dt=DT, key=jr.key(1))
        name = f"{kind}, {'equilibrium' if equilibrium else 'ordinary'}"
        first = recurrence(law) if equilibrium else law.cdf
        distance = stats.ks_1samp(np.asarray(start), first).statistic
        ledger(
            "RenewalProcess", "renewal theory", f"first interval, {name}: Kolmogorov-Smirnov", distance, 1.95 / N**0.5
        )
        spikes = counts(source, start, steps)
        intervals = law.rvs((N, 600), random_state=random)
        times = np.cumsum(np.concatenate([np.asarray(start)[:, None], intervals], 1), 1)
        expected = (times <= steps * DT).sum(1)
        assert expected.max() < 600
        found = spikes.sum(0)
        distance = stats.ks_2samp(found, expected).statistic
        ledger(
            "RenewalProcess",
            "SciPy",
            f"spikes in 200 ms, {name}: Kolmogorov-Smirnov",
            distance,
            1.95 * (2.0 / N) ** 0.5,
        )
        if equilibrium:
            assert abs(found.mean() - steps * DT / 20.0) < 4.0 * found.std() / N**0.5
        assert (spikes.max() > 3) == (kind == "gamma")  # in a step of 0.5 ms


def test_intervals_from_spike_to_spike():
    """Of a function of ours, all of one length."""
    source = nex.RenewalProcess(lambda key, shape: jnp.full(shape, 2.0), 3, equilibrium=False)
    spikes = counts(source, jnp.asarray([0.5, 1.2, 2.0]), 8)
    np.testing.assert_array_equal(spikes.T, [[1, 0, 0, 0] * 2, [0, 0, 1, 0] * 2, [0, 0, 0, 1] * 2])
    # Time runs four times as fast, then not at all.
    spikes = counts(source, jnp.asarray([0.5, 1.2, 2.0]), 4, lambda t: jnp.where(t < 1.0, 4.0, 0.0))
    np.testing.assert_array_equal(spikes, [[1, 1, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0]])


def test_in_a_network_that_is_differentiated():
    receptor = {"ampa": nex.Receptor(nex.Expon(tau=5.0), nex.CUBA())}
    population = nex.Population(nex.Leaky(), 5, receptor)
    sources = nex.RenewalProcess(nex.connect.gamma(5.0, 8.0), 5)
    net = nex.Network({"S": sources, "N": population}, [nex.Projection("S", "N", "ampa", nex.connect.one_to_one(1.0))])

    def loss(net):
        sol = nex.simulate(net, 20.0, 0.5, key=jr.key(0), record={"v": nex.voltage("N")})
        return jnp.mean((sol.records["v"].values + 60.0) ** 2)

    slopes = eqx.filter_grad(loss)(net)
    assert all(np.all(np.isfinite(x)) for x in jax.tree.leaves(slopes))
    assert abs(float(slopes.populations["N"].cell.tau)) > 0.0
    assert all(np.all(np.asarray(x) == 0.0) for x in jax.tree.leaves(slopes.populations["S"]))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nex.RenewalProcess(5.0, 3), TypeError, "`intervals` must draw them"),
        (lambda: nex.RenewalProcess(lambda key, shape: jr.uniform(key, shape), 3), ValueError, "equilibrium=False"),
        (lambda: nex.RenewalProcess(LAWS["gamma"][0], -3), ValueError, "`shape`"),
        (lambda: nex.RenewalProcess(LAWS["gamma"][0], 3).init(dt=0.1), ValueError, "needs a `key`"),
        (
            lambda: nex.RenewalProcess(LAWS["gamma"][0], 3).step(jnp.ones(3), None, dt=0.1),
            ValueError,
            "needs randomness",
        ),
        (
            lambda: nex.RenewalProcess(lambda key, shape: jr.uniform(key), 3, equilibrium=False).init(
                dt=0.1, key=jr.key(0)
            ),
            ValueError,
            "drew",
        ),
        (
            lambda: nex.RenewalProcess(lambda key, shape: -jnp.ones(shape), 3, equilibrium=False).step(
                jnp.zeros(3), None, dt=0.1, key=jr.key(0)
            ),
            RuntimeError,
            "an interval is negative",
        ),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
