"""The sum of many Poisson processes against explicit ones and against the distribution itself."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from chi_square import p_of_counts
from scipy import stats


CELLS = 8000


def counts(source, dt, key, input=None):
    return np.asarray(jax.jit(lambda key: source.step(None, input, dt=dt, key=key)[1])(key))


def test_counts_are_poisson_distributed(ledger):
    """Means on both sides of where the search begins at the mode, and one whose exponential underflows in float32."""
    means = np.array([0.002, 0.8, 7.9, 8.1, 40.0, 900.0])
    source = nex.PoissonInput(means[:, None] * 10.0, 100.0, (6, CELLS))
    drawn = counts(source, 1.0, jr.key(0))
    assert drawn.dtype == np.float32
    for mean, x in zip(means, drawn, strict=True):
        law = stats.poisson(mean)
        top = int(mean + 8.0 * mean**0.5 + 8.0)
        p = p_of_counts(np.bincount(x.astype(int), minlength=top)[:top], CELLS * law.pmf(np.arange(top)))
        ledger(
            "PoissonInput",
            "Poisson distribution",
            "counts in a step, means 0.002 ... 900, chi-square, 0.001 / p",
            1e-3 / p,
            1.0,
        )
        assert abs(x.mean() - mean) < 4.0 * np.sqrt(mean / CELLS)
        # The variance of a sample variance: (4th central moment - variance^2) / n.
        assert abs(x.var() - mean) < 4.0 * np.sqrt((mean + 2.0 * mean**2) / CELLS)
    # Cells are independent of each other.
    assert abs(np.corrcoef(drawn[1, 1:], drawn[1, :-1])[0, 1]) < 4.0 / np.sqrt(CELLS)


def test_probabilities_are_exact(x64):
    """Whatever the uniform number, the count is the one whose share of [0, 1) it falls into."""
    from neuroeqx.sources._counts import poisson_counts

    key, n, means = jr.key(1), 20_000, (0.3, 12.5)
    draw = jax.jit(lambda key: (poisson_counts(key, jnp.array(means)[:, None], (2, n)), jr.uniform(key, (2, n))))
    for mean, found, uniform in zip(means, *map(np.asarray, draw(key)), strict=True):
        # The shares, in the order in which they are taken off: the mode, then above and below in turn.
        mode = 0 if mean < 8.0 else int(mean)
        order = [mode] + [k for i in range(1, 80) for k in (mode + i, mode - i) if k >= 0]
        edges = np.cumsum(stats.poisson(mean).pmf(order))
        expected = np.array(order)[np.searchsorted(edges, uniform, side="right")]
        # None but those whose number falls within rounding of an edge.
        assert not np.any((found != expected) & (np.abs(uniform[:, None] - edges).min(1) > 1e-10))


def test_it_has_the_law_of_explicit_processes():
    k, rate, dt, cells = 50, 20.0, 1.0, 4000
    rng = np.random.default_rng(0)
    # 50 trains from exponential intervals, the second spike of a step counted.
    first = rng.exponential(1000.0 / rate, (cells, k))
    second = first + rng.exponential(1000.0 / rate, (cells, k))
    explicit = (first < dt).sum(1) + (second < dt).sum(1)
    merged = counts(nex.PoissonInput(k, rate, cells), dt, jr.key(2))
    top = 8
    table = np.array([np.bincount(np.minimum(x.astype(int), top - 1), minlength=top) for x in (explicit, merged)])
    assert stats.chi2_contingency(table[:, table.sum(0) > 9]).pvalue > 1e-3
    # `Poisson` sources, each at most once in a step: the same mean, and the variance of a binomial distribution.
    sources = counts(nex.Poisson(rate, (cells, k)), dt, jr.key(3)).sum(1)
    mean, p = k * rate * dt / 1000.0, rate * dt / 1000.0
    for x, variance in ((explicit, mean), (merged, mean), (sources, mean * (1.0 - p))):
        assert abs(x.mean() - mean) < 4.0 * np.sqrt(mean / cells)
        assert abs(x.var() - variance) < 4.0 * np.sqrt((mean + 2.0 * mean**2) / cells)
    assert stats.ks_2samp(merged, sources).pvalue > 1e-3


def test_rates_may_be_given_as_input_and_batched():
    source = nex.PoissonInput(100, 1.0, 2000)
    draw = jax.jit(jax.vmap(lambda rate: source.step(None, rate, dt=0.5, key=jr.key(4))[1]))
    silent, drawn = draw(jnp.array([0.0, 30.0]))
    assert silent.max() == 0.0
    np.testing.assert_allclose(drawn.mean(), 1.5, atol=4.0 * np.sqrt(1.5 / 2000))
    with pytest.raises(Exception, match="PoissonInput: the rate given as input is negative"):
        draw(jnp.array([1.0, -1.0]))


def test_native_steps_take_random_sources():
    """A gamma process draws counts too."""
    receptors = {"g": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0))}
    net = nex.Network(
        {
            "regular": nex.GammaProcess(4, 20.0, 4),
            "coloured": nex.OrnsteinUhlenbeck(0.2, 0.1, 5.0, 4, lowest=0.0),
            "E": nex.Population(nex.LIF(), 4, receptors),
        },
        [nex.Projection(name, "E", "g", nex.connect.one_to_one(0.1)) for name in ("regular", "coloured")],
    )
    assert nex.explain(net, key=jr.key(0)).kept == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nex.PoissonInput(-1, 5.0, 3), "PoissonInput: `n` must not be negative"),
        (lambda: nex.PoissonInput(1, -5.0, 3), "PoissonInput: `rate` must not be negative"),
        (lambda: nex.PoissonInput(1, np.nan, 3), "`rate` must be finite"),
        (lambda: nex.PoissonInput(1, [1.0, 2.0], 3), r"`rate` has shape \(2,\), which does not broadcast"),
        (lambda: nex.PoissonInput(1, 5.0, 3).step(None, None, dt=0.1), "PoissonInput needs randomness: pass `key`"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
