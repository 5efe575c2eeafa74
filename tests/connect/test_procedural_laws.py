"""Matrices that are drawn again at every use: their laws, and that all views of one agree."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from chi_square import p_of_counts
from jax import lax
from neuroeqx import connect, ops
from scipy import stats


SEEDS = jr.split(jr.key(11), 200)
BELL = lambda dy, dx: 0.7 * np.exp(-(dy**2 + dx**2) / 4.0)


def draw(rule, n_pre, n_post, key=None):
    return connect.procedural(rule)(n_pre, n_post, key=jr.key(0) if key is None else key)


def over_seeds(rule, n_pre, n_post, function):
    """`function` of the matrix of each of 200 keys, made and used under a map over keys."""
    return np.asarray(jax.jit(lambda keys: lax.map(lambda key: function(draw(rule, n_pre, n_post, key)), keys))(SEEDS))


@pytest.mark.parametrize(("p", "n"), [(0.001, 3000), (0.02, 400), (0.9, 40)])
def test_bernoulli_degrees_are_binomial(p, n):
    rule = connect.bernoulli(p)
    out = over_seeds(rule, 40, n, lambda w: w.T(jnp.ones(n)))
    into = over_seeds(rule, 40, n, lambda w: w(jnp.ones(40)))
    for degrees, cells in ((out, n), (into, 40)):
        counts = np.bincount(degrees.astype(int).reshape(-1), minlength=cells + 1)
        assert p_of_counts(counts, counts.sum() * stats.binom.pmf(np.arange(cells + 1), cells, p)) > 1e-3
    total = into.sum(0)  # every target is as likely, and its total is binomial
    chance = stats.binom(40 * 200, p)
    assert (
        stats.kstest(chance.cdf(total) - np.random.default_rng(0).random(n) * chance.pmf(total), "uniform").pvalue
        > 1e-3
    )


def test_bernoulli_without_autapses():
    matrices = over_seeds(connect.bernoulli(0.3, autapses=False), 12, 12, lambda w: w.todense()).sum(0)
    assert np.all(np.diag(matrices) == 0)
    pairs = matrices[~np.eye(12, dtype=bool)]
    assert abs(stats.zscore(pairs).std() - 1) < 1e-6
    z = (pairs - 60) / np.sqrt(200 * 0.3 * 0.7)
    assert stats.kstest(z, "norm").pvalue > 1e-3 and abs(z).max() < 4.5


@pytest.mark.parametrize("autapses", [True, False])
def test_fixed_out_degree_is_uniform_with_repetition(autapses):
    rule = connect.fixed_out_degree(100, autapses=autapses)
    matrices = over_seeds(rule, 21, 21, lambda w: w.todense())
    assert np.all(matrices.sum(2) == 100)
    if not autapses:
        assert np.all(matrices[:, np.arange(21), np.arange(21)] == 0)
        matrices = matrices[:, ~np.eye(21, dtype=bool)]
    counts = np.bincount(matrices.astype(int).reshape(-1), minlength=101)
    chance = stats.binom.pmf(np.arange(101), 100, 1 / (21 - (not autapses)))
    assert p_of_counts(counts, counts.sum() * chance) > 1e-3
    assert stats.chisquare(matrices.reshape(200, -1).sum(0)).pvalue > 1e-3


@pytest.mark.parametrize(
    "rule",
    [connect.bernoulli(0.3), connect.bernoulli(0.05), connect.fixed_out_degree(60)],
    ids=["0.3", "0.05", "fixed"],
)
def test_rows_and_seeds_are_independent(rule):
    """The number of targets that two rows share is that of independent rows."""
    n = 200
    taken = over_seeds(rule, 30, n, lambda w: w.todense()) > 0
    chance = taken.mean()
    same_seed = (taken[:, 1:] & taken[:, :-1]).sum(2)
    same_row = (taken[1:] & taken[:-1]).sum(2)
    shifted = (taken[..., 1:] & taken[..., :-1]).sum(2)  # neighbours within a row
    for shared, places in ((same_seed, n), (same_row, n), (shifted, n - 1)):
        # The spread of a mean of so many counts. Degrees that are fixed make it smaller.
        sd = np.sqrt(places * chance**2 / shared.size)
        assert abs(shared.mean() - places * chance**2) < 5 * sd


def test_weights_have_their_laws():
    for weight, law in (
        (connect.normal(2.0, 0.5), stats.norm(2.0, 0.5)),
        (connect.uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0)),
    ):
        for rule in (connect.bernoulli(0.3, weight), connect.fixed_out_degree(150, weight)):
            w = draw(rule, 400, 500).to_csr()
            values = np.asarray(w.weight)
            assert stats.kstest(values, law.cdf).pvalue > 1e-3
            assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 5 / np.sqrt(values.size)
            assert abs(np.corrcoef(values, np.asarray(w.indices))[0, 1]) < 5 / np.sqrt(values.size)


def test_delays_are_uniform_and_leave_the_rest_alone():
    plain = draw(connect.bernoulli(0.3, connect.normal(1.0, 0.1)), 100, 300)
    late = draw(connect.bernoulli(0.3, connect.normal(1.0, 0.1), delay=connect.integers(3, 9)), 100, 300)
    assert (plain.horizon, late.horizon) == (0, 9)
    np.testing.assert_array_equal(plain.todense(), late.todense())
    delays = np.asarray(late.to_csr().delays)
    assert delays.min() == 3 and delays.max() == 9
    assert stats.chisquare(np.bincount(delays)[3:]).pvalue > 1e-3
    assert set(np.asarray(draw(connect.fixed_out_degree(5, delay=4), 9, 9).to_csr().delays)) == {4}


def test_delays_deliver_into_a_ring():
    w = draw(connect.fixed_out_degree(20, connect.normal(1.0, 0.1), delay=connect.integers(1, 4)), 30, 11)
    x = jnp.asarray(np.random.default_rng(0).random(30) < 0.3, jnp.float32)
    ring, offset = jnp.arange(55.0), jnp.int32(33)
    for active in (None, ops.events.compact(x)):
        ours = w.deliver(ring, x, offset=offset, active=active)
        np.testing.assert_allclose(ours, w.to_csr().deliver(ring, x, offset=offset), rtol=1e-6)


@pytest.mark.parametrize("periodic", [True, False])
def test_lattice_follows_its_profile(periodic):
    rule = connect.lattice(BELL, (6, 8), (9, 8), radius=(3, 2), periodic=periodic)
    taken = over_seeds(connect.procedural(rule).rule, 48, 72, lambda w: w.todense())
    expected = np.zeros((48, 72))
    for y, x in np.ndindex(6, 8):
        for dy, dx in np.ndindex(7, 5):
            ty, tx = (2 * y + 1) * 9 // 12 + dy - 3, x + dx - 2
            if periodic or (0 <= ty < 9 and 0 <= tx < 8):
                expected[8 * y + x, 8 * (ty % 9) + tx % 8] += BELL(dy - 3, dx - 2)
    assert set(np.unique(taken)) == {0.0, 1.0}
    certain = expected == 0
    assert np.all(taken[:, certain] == 0)
    p = expected[~certain]
    z = (taken.sum(0)[~certain] - 200 * p) / np.sqrt(200 * p * (1 - p))
    assert abs(np.mean(z**2) - 1) < 5 * np.sqrt(2 / z.size) and abs(z.mean()) < 4 / np.sqrt(z.size)
    np.testing.assert_allclose(draw(rule, 48, 72).expected_nnz, expected.sum(), rtol=1e-12)


def test_lattice_without_autapses_and_its_stored_matrix():
    one = lambda dy, dx: 1.0 + 0 * (dy + dx)
    rule = connect.lattice(one, (5, 7), radius=1, weight=connect.uniform(0.0, 1.0), autapses=False)
    w = draw(rule, 35, 35)
    y, x = np.divmod(np.arange(35), 7)
    near = (abs(y[:, None] - y) <= 1) & (abs(x[:, None] - x) <= 1) & ~np.eye(35, dtype=bool)
    np.testing.assert_array_equal(np.asarray(w.todense()) > 0, near)
    stored = rule(35, 35, key=jr.key(0))
    assert isinstance(stored, connect.CSR)
    np.testing.assert_array_equal(stored.todense(), w.todense())
    other = connect.lattice(
        rule.profile, (5, 7), radius=1, weight=lambda key, shape: jr.gamma(key, 2.0, shape), autapses=False
    )
    drawn = other(35, 35, key=jr.key(0))
    np.testing.assert_array_equal(drawn.indices, stored.indices)
    assert drawn.weight.shape == (stored.nnz,)
    nothing = draw(connect.lattice(lambda dy, dx: 0 * dy * dx, (2, 2), radius=0), 4, 4)
    assert (nothing.nnz, nothing.expected_nnz) == (0, 0.0)


RULES = {
    "bernoulli": (connect.bernoulli(0.2, connect.normal(0.6, 0.1)), (30, 25)),
    "fixed": (connect.fixed_out_degree(9, connect.uniform(0.0, 2.0), autapses=False), (20, 20)),
    "constant": (connect.fixed_out_degree(9, 0.3), (20, 15)),
    "delays": (connect.bernoulli(0.2, 0.4, delay=connect.integers(2, 3)), (30, 25)),
    "lattice": (connect.lattice(BELL, (5, 6), (3, 4), radius=2, weight=connect.normal(1.0, 1.0)), (30, 12)),
    "p = 0": (connect.bernoulli(0.0), (3, 4)),
}


@pytest.mark.parametrize("name", RULES)
def test_all_views_agree(name):
    rule, shape = RULES[name]
    w = draw(rule, *shape)
    stored, full = w.to_csr(), np.asarray(w.todense())
    assert w.shape == stored.shape == full.shape == shape
    np.testing.assert_array_equal(stored.todense(), full)
    assert w.nnz == stored.nnz and w.horizon == stored.horizon
    assert name == "p = 0" or 0.5 < w.nnz / w.expected_nnz < 1.5
    for i in range(shape[0]):
        for ours, theirs in zip(w.row(i), stored.row(i), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    x, g = jnp.linspace(-1.0, 2.0, shape[0]), jnp.linspace(1.0, 3.0, shape[1])
    np.testing.assert_allclose(w(x), x @ full, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(w.add_to(g, x), g + x @ full, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(w.T(g), full @ g, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(w.T.to_csr().todense(), full.T)
    assert w.nbytes < 40_000


def test_gradients_reach_the_parameters_of_the_weights(x64):
    w = draw(connect.bernoulli(0.2, connect.normal(0.6, 0.1)), 30, 25)
    x = jnp.linspace(-1.0, 1.0, 30)
    loss = lambda view: lambda w: jnp.sum(jnp.sin(view(w)))
    ours = eqx.filter_grad(loss(lambda w: w(x)))(w)
    for view in (lambda w: x @ w.todense(), lambda w: w.to_csr()(x)):
        np.testing.assert_allclose(ours.weight, eqx.filter_grad(loss(view))(w).weight, rtol=1e-10)
    assert [leaf.shape for leaf in jax.tree.leaves(ours)] == [(2,)]  # and nothing else
    trained = eqx.apply_updates(w, ours)
    np.testing.assert_allclose(trained.weight, w.weight + ours.weight)
    assert trained.nnz == w.nnz


def test_matrices_of_many_keys():
    make = lambda key: draw(connect.bernoulli(0.2, connect.normal(0.6, 0.1)), 30, 25, key)
    many = eqx.filter_vmap(make)(SEEDS[:3])
    x = jnp.linspace(-1.0, 1.0, 30)
    y = eqx.filter_vmap(lambda w: w(x))(many)
    for i in range(3):
        np.testing.assert_allclose(y[i], make(SEEDS[i])(x), rtol=1e-6, atol=1e-6)
    assert not np.allclose(y[0], y[1])
    assert repr(many) == "Procedural(30 x 25, bernoulli(p=0.2), normal weights)"
    with pytest.raises(TypeError, match="cannot be traced or one of several"):
        many.to_csr()
    with pytest.raises(TypeError, match="nnz works on the host"):
        jax.jit(lambda key: make(key).nnz)(SEEDS[0])


def test_keys_of_any_kind():
    rule = connect.bernoulli(0.5)
    np.testing.assert_array_equal(draw(rule, 9, 9, jr.key(5)).todense(), draw(rule, 9, 9, jr.PRNGKey(5)).todense())
    other = [draw(rule, 9, 9, jr.key(i, impl="rbg")).todense() for i in range(2)]
    assert not np.array_equal(*other)


def test_readable():
    w = draw(connect.bernoulli(0.001, connect.normal(0.6, 0.1)), 10**6, 10**6)
    assert repr(w) == "Procedural(1000000 x 1000000, bernoulli(p=0.001), weight normal(0.6, 0.1))"
    assert w.expected_nnz == 1e9
    late = draw(connect.fixed_out_degree(2, 1.5, delay=connect.integers(1, 7)), 3, 4)
    assert repr(late) == "Procedural(3 x 4, fixed_out_degree(k=2), weight 1.5, delays up to 7 steps)"
    for half in eqx.partition(w, eqx.is_inexact_array):
        assert repr(half).startswith("Procedural(\n")
    assert repr(connect.procedural(connect.bernoulli(0.5))) == "procedural(bernoulli(p=0.5, weight=1))"


def test_a_million_cells_take_no_memory():
    w = draw(connect.bernoulli(0.001), 10**6, 10**6)
    x = jnp.zeros(10**6).at[jnp.array([3, 999_999])].set(1.0)
    y = np.asarray(w(x))
    targets = np.concatenate([w.row(3).targets, w.row(999_999).targets])
    assert w.nbytes < 5000
    np.testing.assert_array_equal(np.sort(targets), np.repeat(np.arange(10**6), y.astype(int)))
    assert abs(y.sum() - 2000) < 250


def test_in_a_network():
    """The same spikes as with the stored matrix."""
    rule = connect.procedural(connect.bernoulli(0.2, connect.normal(6.0, 1.0), delay=connect.integers(1, 5)))
    w = rule(60, 60, key=jr.key(3))

    def spikes(comm):
        cell = nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0)
        cells = nex.Population(
            cell, 60, {"ampa": nex.Receptor(nex.Expon(5.0), nex.CUBA())}, v0=jnp.linspace(-60.0, -50.0, 60)
        )
        net = nex.Network({"N": cells}, [nex.Projection("N", "N", "ampa", comm)], key=jr.key(0))
        return nex.simulate(net, 30.0, 0.1, {"N": 12.0}, record={"v": nex.voltage("N")}).records["v"].values

    regenerated, stored = (np.asarray(spikes(comm)) for comm in (w, w.to_csr()))
    np.testing.assert_allclose(regenerated, stored, rtol=1e-4)
    assert np.std(regenerated[-1]) > 0.1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: connect.procedural(connect.all_to_all()), TypeError, r"bernoulli\(p\), fixed_out_degree\(k\) or lattice"),
        (lambda: connect.procedural(0.1), TypeError, r"\brule\b"),
        (lambda: connect.procedural(connect.fixed_in_degree(3)), ValueError, "use fixed_out_degree"),
        (lambda: connect.procedural(connect.fixed_out_degree(3, multapses=False)), ValueError, "never connects a pair twice"),
        (lambda: connect.procedural(connect.bernoulli(0.1, lambda key, shape: 0)), TypeError, "`weight` must be a number"),
        (lambda: connect.procedural(connect.bernoulli(0.1, [1.0, 2.0])), TypeError, "`weight` must be a number"),
        (lambda: connect.procedural(connect.bernoulli(0.1, delay=np.array([1, 2]))), TypeError, "`delay` None, a number"),
        (lambda: connect.procedural(connect.bernoulli(0.1))(3, 3), ValueError, "bernoulli is random: give the Network"),
        (lambda: draw(connect.bernoulli(0.1, autapses=False), 3, 4), ValueError, "there are 3 sources and 4 targets"),
        (lambda: draw(connect.fixed_out_degree(1), 3, 0), ValueError, "more than the 0 cells"),
        (lambda: draw(connect.bernoulli(0.1, np.nan), 3, 3), ValueError, "parameter `weight` must be finite"),
        (lambda: draw(connect.bernoulli(0.1, delay=3), 9, 2**30), ValueError, "too large, a side must stay below 2"),
        (lambda: draw(connect.bernoulli(0.1), 3, 4).row(3), IndexError, "`i` must lie in 0 ... 2, got 3"),
        (lambda: draw(connect.bernoulli(0.1), 3, 4)(jnp.zeros(4)), ValueError, r"`x` must have shape \(3,\), got \(4,\)"),
        (lambda: connect.lattice(BELL, (3,), radius=1), ValueError, "`shape_pre` must be the two sides"),
        (lambda: connect.lattice(BELL, (3, 3), radius=-1), ValueError, "radius must not be negative"),
        (lambda: connect.lattice(BELL, (3, 3), radius=2, periodic=True), ValueError, "cannot hold a radius"),
        (lambda: connect.lattice(lambda y, x: 2 + 0 * y, (3, 3), radius=1), ValueError, "`profile` must give probabilities"),
        (lambda: connect.lattice(lambda y, x: np.nan * y, (3, 3), radius=1), ValueError, "`profile` must give probabilities"),
        (lambda: connect.lattice(BELL, (3, 3), (3, 4), radius=1, autapses=False), ValueError, "autapses=False"),
        (lambda: connect.lattice(BELL, (3, 3), radius=1)(9, 8, key=jr.key(0)), ValueError, "do not fit 9 sources and 8"),
        (lambda: connect.lattice(BELL, (3, 3), radius=1)(9, 9), ValueError, "lattice is random"),
    ],
)  # fmt: skip
def test_errors_say_what_is_possible(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_printing_a_network_draws_nothing():
    """10^12 pairs: counting their synapses would take seconds."""
    rule = connect.procedural(connect.bernoulli(0.001))
    cells = {"E": nex.Population(nex.LIF(), 10**6, {"in": nex.Receptor(nex.Expon(), nex.CUBA())})}
    text = repr(nex.Network(cells, [nex.Projection("E", "E", "in", rule)], key=jr.key(0)))
    assert "E->E:in: Procedural with about 1000000000 synapses" in text
