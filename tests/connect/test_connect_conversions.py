"""From one kind of matrix to another, and rules in the company of JAX's transformations."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from neuroeqx import connect
from neuroeqx.connect import _bernoulli
from scipy import stats


def multigraph(weight):
    """12 synapses between 5 sources and 4 targets, some pairs several times."""
    pre = np.array([4, 0, 4, 2, 2, 2, 0, 1, 4, 1, 0, 4])
    post = np.array([1, 3, 1, 0, 0, 2, 3, 1, 0, 2, 0, 3])
    return connect.from_edges(pre, post, weight)(5, 4)


@pytest.mark.parametrize("weight", [0.7, np.arange(12.0)])
def test_a_transpose_for_good(weight, dtype):
    """It keeps every synapse (even of weight zero, even twice), orders them, and passes gradients to their weights."""
    matrix = multigraph(weight)
    moved = matrix.T.to_csr()
    assert moved.shape == (4, 5)
    assert moved.nnz == 12
    np.testing.assert_allclose(moved.todense(), matrix.todense().T)
    rows = np.repeat(np.arange(4), np.diff(moved.indptr))
    assert np.all(np.diff(rows * 5 + np.asarray(moved.indices)) >= 0)
    np.testing.assert_allclose(moved.T.to_csr().todense(), matrix.todense())
    x = jnp.arange(1.0, 5.0, dtype=dtype)
    loss = lambda product: eqx.filter_grad(lambda w: (product(w)(x) ** 2).sum())(matrix).weight
    np.testing.assert_allclose(loss(lambda w: w.T.to_csr()), loss(lambda w: w.T), rtol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda w: connect.Dense(w),
        lambda w: connect.Dense(w).T,
        lambda w: connect.AllToAll(0.5, (4, 3)),
        lambda w: connect.AllToAll(0.5, (4, 4), autapses=False),
        lambda w: connect.OneToOne(w[0], 3),
        lambda w: connect.OneToOne(w[0], 3).T,
    ],
)
def test_anything_in_compressed_rows(make):
    weights = np.random.default_rng(0).normal(size=(4, 3))
    weights[weights < 0] = 0.0
    matrix = make(weights)
    as_csr = matrix.to_csr()
    assert isinstance(as_csr, connect.CSR)
    np.testing.assert_array_equal(as_csr.todense(), matrix.todense())
    dense = isinstance(matrix, connect.Dense) or isinstance(getattr(matrix, "matrix", None), connect.Dense)
    assert as_csr.nnz == (np.count_nonzero(matrix.todense()) if dense else matrix.nnz)


def test_a_matrix_in_compressed_rows_is_itself():
    matrix = multigraph(0.7)
    assert matrix.to_csr() is matrix
    assert matrix.T.T is matrix


def test_edges_with_drawn_weights():
    """One weight per synapse, each time anew, where the edges say."""
    rule = connect.from_edges([2, 0, 2, 0], [1, 2, 1, 0], connect.uniform(1.0, 2.0), 3, 3)
    one, same, other = (rule(3, 3, key=jr.key(i)) for i in (0, 0, 1))
    assert one.weight.shape == (4,)
    assert len(np.unique(one.weight)) == 4
    np.testing.assert_array_equal(one.weight, same.weight)
    assert not np.any(np.asarray(one.weight) == np.asarray(other.weight))
    np.testing.assert_array_equal(np.asarray(one.todense()) != 0, [[1, 0, 1], [0, 0, 0], [0, 1, 0]])


def test_weights_may_be_differentiated_through_a_rule(x64):
    """The synapses are drawn on the host, their weights may be traced: gradients reach where weights came from."""
    spikes = jnp.array([0.0, 1.0, 1.0, 0.0, 1.0])

    key = jr.key(0)  # one that is known: made inside jit it would be traced

    def total(weight):
        return connect.bernoulli(0.5, weight)(5, 6, key=key)(spikes).sum()

    degrees = np.diff(connect.bernoulli(0.5)(5, 6, key=key).indptr)
    expected = float(degrees @ np.asarray(spikes))
    assert expected > 0
    np.testing.assert_allclose(jax.grad(total)(0.3), expected)
    np.testing.assert_allclose(jax.jit(total)(0.3), 0.3 * expected)
    edges = lambda w: connect.from_edges([0, 1, 1], [2, 1, 1], w, 2, 3)(2, 3)(jnp.array([2.0, 3.0])).sum()
    np.testing.assert_allclose(jax.jit(jax.grad(edges))(jnp.ones(3)), [2.0, 3.0, 3.0])


def test_without_autapses_there_is_nothing_to_train_on_the_diagonal(x64):
    """A zero in a Dense would be moved by a step along the gradient."""
    weights = np.random.default_rng(0).normal(size=(4, 4))
    matrix = connect.all_to_all(weights, autapses=False)(4, 4)
    gradient = eqx.filter_grad(lambda w: (w(jnp.arange(1.0, 5.0)) ** 2).sum())(matrix)
    stepped = eqx.apply_updates(matrix, gradient)
    assert matrix.nnz == 12
    np.testing.assert_array_equal(np.diag(stepped.todense()), 0.0)
    assert np.all(np.asarray(gradient.weight) != 0.0)


@pytest.mark.parametrize("autapses", [True, False])
def test_bernoulli_does_not_depend_on_the_size_of_its_blocks(autapses, monkeypatch):
    rule = connect.bernoulli(0.13, connect.normal(0.0, 1.0), autapses=autapses)
    whole = rule(50, 50, key=jr.key(0))
    for block in (1, 7, 100):
        monkeypatch.setattr(_bernoulli, "_BLOCK", block)
        parts = rule(50, 50, key=jr.key(0))
        assert eqx.tree_equal(whole, parts)


def test_bernoulli_of_more_pairs_than_fit_into_32_bits():
    """10^10 pairs, and degrees still follow the law at the far end."""
    n, p = 100_000, 1e-5
    matrix = connect.bernoulli(p, autapses=False)(n, n, key=jr.key(0))
    mean = n * (n - 1) * p
    assert abs(matrix.nnz - mean) < 5 * np.sqrt(mean)
    rows = np.repeat(np.arange(n), np.diff(matrix.indptr))
    assert not np.any(rows == np.asarray(matrix.indices))
    last = np.asarray(matrix.indices)[rows >= n // 2]
    assert abs(last.size - mean / 2) < 5 * np.sqrt(mean / 2)
    assert abs(last.mean() - n / 2) < 5 * n / np.sqrt(12 * last.size)


def test_precision_of_drawn_weights_follows_jax(dtype):
    for weight in (0.5, connect.normal(0.0, 1.0), np.ones((3, 2)), [[1.0, 1.0]] * 3, jax.nn.initializers.constant(2.0)):
        matrix = connect.fixed_out_degree(2, weight)(3, 4, key=jr.key(0))
        assert matrix.weight.dtype == dtype
        assert matrix.indices.dtype == matrix.to_csr().indptr.dtype == jnp.int32


def test_matrices_without_synapses():
    for matrix in (
        connect.bernoulli(0.0)(3, 4, key=jr.key(0)),
        connect.bernoulli(0.0, connect.normal(0.0, 1.0))(3, 4, key=jr.key(0)),
        connect.from_edges([], [])(3, 4),
        connect.bernoulli(0.5, autapses=False)(1, 1, key=jr.key(0)),
        connect.bernoulli(0.0)(4, 3, key=jr.key(0)).T.to_csr(),
    ):
        assert matrix.nnz == 0
        n_pre, n_post = matrix.shape
        np.testing.assert_array_equal(matrix(jnp.ones(n_pre)), np.zeros(n_post))
        np.testing.assert_array_equal(matrix.T(jnp.ones(n_post)), np.zeros(n_pre))
        np.testing.assert_array_equal(matrix.todense(), np.zeros((n_pre, n_post)))


@pytest.mark.parametrize(("n", "sets"), [(0, 1), (3, 20), (5, 6), (6, 1)])
def test_fixed_total_draws_each_set_of_pairs_alike(n, sets):
    """Not only each pair: what is left out of too large a draw must not depend on the rest."""
    rule = connect.fixed_total(n, multapses=False)
    draws = [rule(2, 3, key=key) for key in jr.split(jr.key(0), 400 if sets > 1 else 10)]
    drawn = [3 * np.repeat(np.arange(2), np.diff(draw.indptr)) + np.asarray(draw.indices) for draw in draws]
    assert {len(places) for places in drawn} == {n}
    codes, counts = np.unique([(2**places).sum() for places in drawn], return_counts=True)
    assert len(codes) == sets
    assert sets == 1 or stats.chisquare(counts).pvalue > 1e-3
