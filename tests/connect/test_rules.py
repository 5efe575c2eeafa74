"""Each rule draws exactly its own law."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
import scipy.sparse as sp
from chi_square import p_of_counts
from neuroeqx import connect
from scipy import stats


def edges(matrix):
    # In NumPy, since every matrix has another number of synapses and JAX would compile for each.
    return np.repeat(np.arange(matrix.shape[0]), out_degrees(matrix)), np.asarray(matrix.indices).reshape(-1)


def in_degrees(matrix):
    return np.bincount(matrix.indices.reshape(-1), minlength=matrix.shape[1])


def out_degrees(matrix):
    return np.diff(matrix.to_csr().indptr)


RULES = {
    "bernoulli": connect.bernoulli(0.1),
    "bernoulli, no autapses": connect.bernoulli(0.1, autapses=False),
    "fixed_out_degree": connect.fixed_out_degree(7),
    "fixed_out_degree, no multapses": connect.fixed_out_degree(7, multapses=False, autapses=False),
    "fixed_out_degree, most": connect.fixed_out_degree(33, multapses=False),
    "fixed_in_degree": connect.fixed_in_degree(7),
    "fixed_in_degree, no multapses": connect.fixed_in_degree(7, multapses=False, autapses=False),
    "fixed_total": connect.fixed_total(200),
    "fixed_total, no multapses": connect.fixed_total(200, multapses=False, autapses=False),
    "fixed_total, most": connect.fixed_total(1500, multapses=False),
}


@pytest.mark.parametrize("name", RULES)
def test_every_pair_is_equally_likely(name):
    """Over many draws the pairs are uniform: diagonal, corners and all."""
    rule, n, draws = RULES[name], 40, 150
    counts = np.zeros((n, n))
    for i in range(draws):
        np.add.at(counts, edges(rule(n, n, key=jr.key(i))), 1)
    if not rule.autapses:
        assert np.all(np.diag(counts) == 0)
        counts = counts[~np.eye(n, dtype=bool)]
    total = counts.sum()
    # Where each pair occurs at most once its count is binomial, otherwise Poisson to good approximation.
    mean = total / counts.size
    once = isinstance(rule, connect.Bernoulli) or not rule.multapses
    variance = mean * (1.0 - mean / draws) if once else mean
    z = (counts - mean) / np.sqrt(variance)
    assert abs(z.var() - 1.0) < 6.0 * np.sqrt(2.0 / z.size)
    assert (
        stats.kstest(z.ravel() + np.random.default_rng(0).uniform(-0.5, 0.5, z.size) / np.sqrt(variance), "norm").pvalue
        > 1e-4
    )
    # The corners and borders are no different.
    if rule.autapses:
        np.testing.assert_allclose(counts[[0, 0, -1, -1], [0, -1, 0, -1]], mean, atol=5 * np.sqrt(variance))


@pytest.mark.parametrize("p", [0.001, 0.9])
def test_bernoulli_degrees_are_binomial(p):
    n_pre, n_post = 400, 300
    outs, ins = [], []
    for i in range(20):
        matrix = connect.bernoulli(p)(n_pre, n_post, key=jr.key(i))
        outs.append(out_degrees(matrix))
        ins.append(in_degrees(matrix))
    for degrees, n in ((outs, n_post), (ins, n_pre)):
        degrees = np.concatenate(degrees)
        expected = degrees.size * stats.binom.pmf(np.arange(n + 1), n, p)
        assert p_of_counts(np.bincount(degrees, minlength=n + 1), expected) > 1e-3


def test_bernoulli_never_connects_a_pair_twice():
    matrix = connect.bernoulli(0.5)(60, 50, key=jr.key(0))
    rows, columns = edges(matrix)
    assert len(np.unique(rows * 50 + columns)) == matrix.nnz


def test_bernoulli_at_its_ends():
    assert connect.bernoulli(0.0)(30, 20, key=jr.key(0)).nnz == 0
    assert connect.bernoulli(1.0)(30, 20, key=jr.key(0)).nnz == 600
    assert connect.bernoulli(1.0, autapses=False)(30, 30, key=jr.key(0)).nnz == 870
    assert connect.bernoulli(1e-12)(1000, 1000, key=jr.key(0)).nnz == 0


@pytest.mark.parametrize("multapses", [True, False])
@pytest.mark.parametrize("autapses", [True, False])
@pytest.mark.parametrize("k", [0, 1, 12, 39])
def test_fixed_degrees_are_fixed(k, autapses, multapses):
    for rule, degrees in ((connect.fixed_out_degree, out_degrees), (connect.fixed_in_degree, in_degrees)):
        matrix = rule(k, autapses=autapses, multapses=multapses)(40, 40, key=jr.key(k))
        assert set(degrees(matrix)) == {k}
        rows, columns = edges(matrix)
        assert autapses or not np.any(rows == columns)
        pairs = rows.astype(int) * 40 + columns
        assert np.all(np.diff(pairs) >= 0)
        assert (len(np.unique(pairs)) == matrix.nnz) or multapses


def test_fixed_out_degree_chooses_targets_with_the_law_of_its_name():
    """With replacement in-degrees are binomial; without, each set is as likely as any other."""
    matrix = connect.fixed_out_degree(30)(2000, 500, key=jr.key(0))
    expected = 500 * stats.binom.pmf(np.arange(400), 2000 * 30, 1 / 500)
    assert p_of_counts(np.bincount(in_degrees(matrix), minlength=400)[:400], expected) > 1e-3
    sets = connect.fixed_out_degree(3, multapses=False)(40_000, 6, key=jr.key(1)).indices.reshape(-1, 3)
    codes, counts = np.unique(np.asarray(sets) @ np.array([36, 6, 1]), return_counts=True)
    assert len(codes) == 20
    assert stats.chisquare(counts).pvalue > 1e-3


def test_fixed_total_is_fixed():
    for multapses in (True, False):
        matrix = connect.fixed_total(321, multapses=multapses)(30, 25, key=jr.key(0))
        assert matrix.nnz == 321
        rows, columns = edges(matrix)
        assert multapses or len(np.unique(rows.astype(int) * 25 + columns)) == 321
    pairs = connect.fixed_total(100_000)(20, 15, key=jr.key(1)).todense()
    assert stats.chisquare(np.asarray(pairs).ravel()).pvalue > 1e-3


@pytest.mark.parametrize("name", RULES)
def test_the_key_decides(name):
    rule = RULES[name]
    one, same, other = (rule(40, 40, key=jr.key(i)) for i in (3, 3, 4))
    np.testing.assert_array_equal(one.indices, same.indices)
    assert one.nnz != other.nnz or np.any(np.asarray(one.indices) != np.asarray(other.indices))


def test_old_style_keys_work_too():
    a = connect.bernoulli(0.2)(20, 20, key=jr.key(5))
    b = connect.bernoulli(0.2)(20, 20, key=jr.PRNGKey(5))
    np.testing.assert_array_equal(a.indices, b.indices)


def test_weights_are_drawn_and_given():
    key = jr.key(0)
    assert connect.bernoulli(0.5, 0.3)(20, 20, key=key).weight == np.float32(0.3)
    drawn = connect.bernoulli(0.5, connect.normal(2.0, 0.5))(100, 100, key=key)
    assert drawn.weight.shape == (drawn.nnz,)
    assert stats.kstest(drawn.weight, stats.norm(2.0, 0.5).cdf).pvalue > 1e-3
    drawn = connect.bernoulli(0.5, connect.uniform(1.0, 3.0))(100, 100, key=key)
    assert stats.kstest(drawn.weight, stats.uniform(1.0, 2.0).cdf).pvalue > 1e-3
    # Places and values come from different keys: what is drawn does not depend on how weights are made.
    np.testing.assert_array_equal(drawn.indices, connect.bernoulli(0.5)(100, 100, key=key).indices)


def test_all_to_all_and_one_to_one():
    x = jnp.arange(1.0, 5.0)
    every = connect.all_to_all(0.5)(4, 3)
    np.testing.assert_allclose(every(x), np.full(3, 5.0))
    assert every.nnz == 12
    others = connect.all_to_all(0.5, autapses=False)(4, 4)
    np.testing.assert_allclose(others(x), 0.5 * (10.0 - x))
    matrix = np.arange(16.0).reshape(4, 4)
    np.testing.assert_allclose(connect.all_to_all(matrix)(4, 4).todense(), matrix)
    without = connect.all_to_all(matrix, autapses=False)(4, 4).todense()
    np.testing.assert_allclose(without, matrix - np.diag(np.diag(matrix)))
    np.testing.assert_allclose(connect.one_to_one([1.0, 2.0, 3.0, 4.0])(4, 4)(x), np.arange(1, 5) ** 2)


def test_given_connections():
    pre, post, w = np.array([2, 0, 2, 0]), np.array([1, 2, 1, 0]), np.array([1.0, 2.0, 4.0, 8.0])
    expected = np.zeros((3, 4))
    np.add.at(expected, (pre, post), w)
    np.testing.assert_allclose(connect.from_edges(pre, post, w)(3, 4).todense(), expected)
    assert connect.from_edges(pre, post, w)(3, 4).nnz == 4
    np.testing.assert_allclose(connect.from_scipy(sp.coo_matrix((w, (pre, post)), (3, 4)))(3, 4).todense(), expected)
    np.testing.assert_allclose(connect.from_dense(expected)(3, 4).todense(), expected)
    assert connect.from_dense(expected)(3, 4).nnz == 3
    assert connect.from_dense(expected, keep_zeros=True)(3, 4).nnz == 12
    wide = connect.from_edges(pre, post, w)(5, 9)
    np.testing.assert_allclose(np.asarray(wide.todense())[:3, :4], expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: connect.bernoulli(1.1), "`p` must be a probability, between 0 and 1, got 1.1"),
        (lambda: connect.bernoulli(float("nan")), "`p` must be a probability"),
        (lambda: connect.fixed_out_degree(-1), "fixed_out_degree: `k` must be a whole number, not negative, got -1"),
        (lambda: connect.fixed_total(-1), "fixed_total: `n` must be a whole number"),
        (lambda: connect.fixed_out_degree(5, multapses=False)(3, 4, key=jr.key(0)), "`k` = 5 is more than the 4 cells"),
        (lambda: connect.fixed_in_degree(3, autapses=False, multapses=False)(3, 3, key=jr.key(0)), "more than the 2"),
        (lambda: connect.fixed_out_degree(1)(3, 0, key=jr.key(0)), "more than the 0 cells"),
        (lambda: connect.fixed_total(13, multapses=False)(3, 4, key=jr.key(0)), "more than the 12 pairs"),
        (lambda: connect.bernoulli(0.1, autapses=False)(3, 4, key=jr.key(0)), "there are 3 sources and 4 targets"),
        (lambda: connect.all_to_all(autapses=False)(3, 4), "there are 3 sources and 4 targets"),
        (lambda: connect.one_to_one()(3, 4), "as many sources as targets, got 3 and 4"),
        (lambda: connect.bernoulli(0.1)(3, 4), "bernoulli is random: give the Network .* a `key`"),
        (lambda: connect.all_to_all(connect.normal(0.0, 1.0))(3, 4), "`weight` is random, so a `key` is needed"),
        (lambda: connect.bernoulli(0.1, float("nan"))(9, 9, key=jr.key(0)), "bernoulli: `weight` must be finite"),
        (lambda: connect.bernoulli(0.5, [1.0, 2.0])(9, 9, key=jr.key(0)), "`weight` must be one number or of shape"),
        (lambda: connect.normal(0.0, -1.0), "`sd` not negative"),
        (lambda: connect.uniform(2.0, 1.0), "in order"),
        (lambda: connect.from_edges([0, 1], [0]), "lists of one length"),
        (lambda: connect.from_edges([0, 7], [0, 1], n_pre=3), "`pre` goes from 0 to 7, outside 0 ... 3"),
        (lambda: connect.from_edges([0, 7], [0, 1])(3, 3), "between 8 sources and 2 targets, which does not fit 3 sources"),
        (lambda: connect.from_dense(np.ones((2, 3)))(2, 4), "does not fit 4 targets"),
        (lambda: connect.from_dense(np.ones(3)), "must have the axes"),
        (lambda: connect.CSR(1.0, [0, 5], [0, 2], 3), "`indices` must lie in 0 ... 2, got 0 ... 5"),
        (lambda: connect.CSR(1.0, [0, 1], [0, 3], 3), "`indptr` must rise from 0 to the number of synapses, 2"),
        (lambda: connect.CSR(1.0, [0, 1], [0, 2, 1, 2], 3), "falls in between"),
        (lambda: connect.CSR([1.0], [0, 1], [0, 2], 3), "`weight` must be one number or one per synapse"),
        (lambda: connect.CSR(np.inf, [0, 1], [0, 2], 3), "`weight` must be finite"),
        (lambda: connect.Dense(np.ones(3)), "must have the axes"),
        (lambda: connect.Dense(np.full((2, 2), np.nan)), "`weight` must be finite"),
        (lambda: connect.AllToAll([1.0, 2.0], (2, 2)), "`weight` must be a number"),
        (lambda: connect.OneToOne([1.0, 2.0], 3), "`weight` must be a number or of shape"),
    ],
)  # fmt: skip
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_traced_key_is_refused():
    with pytest.raises(TypeError, match="draws its synapses on the host"):
        jax.jit(lambda key: connect.bernoulli(0.1)(3, 3, key=key).todense())(jr.key(0))


def test_readable():
    assert repr(connect.fixed_out_degree(2, 1.5)(3, 4, key=jr.key(0))) == (
        "FanOut(3 x 4, 2 synapses per source with one weight, float32)"
    )
    assert nex.connect.CSR(1.0, [3, 1], [0, 2, 2], 4).row(0)[0].tolist() == [3, 1]
