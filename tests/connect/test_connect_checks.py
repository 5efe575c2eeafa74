"""What would be silently wrong, or reach native code, is refused; what is printed can be read."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import scipy.sparse as sp
from neuroeqx import connect


def csr():
    return connect.CSR([1.0, 2.0, 3.0], [0, 3, 1], [0, 2, 3], 4)


CONNECTIVITIES = {
    "CSR": csr,
    "FanOut": lambda: connect.FanOut([[1.0, 2.0], [3.0, 4.0]], [[0, 3], [1, 1]], 4),
    "Transpose": lambda: csr().T,
    "Dense": lambda: connect.Dense(np.ones((2, 4))),
    "AllToAll": lambda: connect.AllToAll(1.0, (2, 4)),
    "OneToOne": lambda: connect.OneToOne(1.0, 3),
}


@pytest.mark.parametrize("name", CONNECTIVITIES)
@pytest.mark.parametrize("off", [-1, 1])
def test_vectors_of_the_wrong_length_are_refused(name, off):
    """Native code would read and write beyond the ends; a sum or a broadcast would hide it."""
    w = CONNECTIVITIES[name]()
    n_pre, n_post = w.shape
    x, out = jnp.ones(n_pre), jnp.zeros(n_post)
    assert w.add_to(out, x).shape == (n_post,)
    with pytest.raises(ValueError, match=rf"`x` must have shape \({n_pre},\), got \({n_pre + off},\)"):
        w(jnp.ones(n_pre + off))
    with pytest.raises(ValueError, match=rf"`x` must have shape \({n_pre},\), got \({n_pre + off},\)"):
        w.add_to(out, jnp.ones(n_pre + off))
    with pytest.raises(ValueError, match=rf"`out` must have shape \({n_post},\), got \({n_post + off},\)"):
        w.add_to(jnp.zeros(n_post + off), x)


@pytest.mark.parametrize("field", ["indices", "indptr"])
def test_numbers_that_do_not_fit_are_not_wrapped(field, dtype):
    """Cast to 32 bits, 2**32 would be the valid index 0."""
    fields = {"indices": np.array([0, 1]), "indptr": np.array([0, 1, 2])} | {
        field: np.array([0, 2**32, 2][: 2 + (field == "indptr")])
    }
    message = "64-bit row pointers" if (field, dtype) == ("indptr", "float32") else f"`{field}`"
    with pytest.raises(ValueError, match=message):
        connect.CSR(1.0, n_post=3, **fields)
    fields[field] = -fields[field]
    with pytest.raises(ValueError, match=f"`{field}` must not be negative"):
        connect.CSR(1.0, n_post=3, **fields)


def test_row_pointers_are_as_wide_as_they_must_be(x64):
    assert csr().indptr.dtype == jnp.int32
    # Too many synapses to make here: that the pointer is kept shows in the error about the missing synapses.
    with pytest.raises(ValueError, match=f"it goes from 0 to {2**31 + 5}"):
        connect.CSR(1.0, np.zeros(2, np.int32), np.array([0, 2**31 + 5]), 3)


@pytest.mark.parametrize("i", [-1, 2])
def test_a_row_that_is_not_there(i):
    row = csr().row(0)
    np.testing.assert_array_equal(row.targets, [0, 3])
    np.testing.assert_array_equal(row.weights, [1.0, 2.0])
    with pytest.raises(IndexError, match=rf"`i` must lie in 0 ... 1, got {i}"):
        csr().row(i)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: connect.from_scipy(np.eye(3)), "from_scipy: `matrix` must be a SciPy sparse matrix .* got ndarray"),
        (lambda: connect.from_scipy(1j * sp.eye_array(3)), "from_scipy: weights must be real"),
        (lambda: connect.from_dense(1j * np.eye(3)), "from_dense: weights must be real"),
        (lambda: connect.from_edges([0], [1], [1j]), "from_edges: weights must be real"),
        (lambda: connect.from_edges([0.0], [1]), "`pre` must be whole numbers"),
        (lambda: connect.CSR(1.0, [0.5], [0, 1], 3), "`indices` must be whole numbers"),
        (lambda: connect.CSR(1.0, [True], [0, 1], 3), "`indices` must be whole numbers"),
    ],
)
def test_the_wrong_type_is_named(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: connect.CSR(1.0, [], [0], -1), "`n_post` must not be negative, got -1"),
        (lambda: connect.CSR(1.0, [], [], 3), "`indptr` must have one entry more"),
        (
            lambda: connect.from_edges([0], [1], connect.normal(0.0, 1.0))(2, 2),
            "`weight` is random, so a `key` is needed",
        ),
        (
            lambda: connect.from_edges([0], [1], 1.0, 2, 3)(2, 4),
            r"does not fit 4 targets \(the populations have 2 and 4",
        ),
        (lambda: connect.from_edges([0], [-1]), "`post` goes from -1 to -1"),
        (lambda: connect.bernoulli(0.5, lambda key, shape: jnp.ones(3))(9, 9, key=jr.key(0)), "got shape \\(3,\\)"),
    ],
)
def test_the_wrong_value_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_traced_and_abstract_matrices_are_not_looked_into():
    weight, indices, indptr = jnp.ones(2), jnp.array([0, 9]), jnp.array([0, 2])
    shapes = eqx.filter_eval_shape(connect.CSR, weight, indices, indptr, 3)
    assert shapes.shape == (1, 3)
    assert repr(shapes) == "CSR(1 x 3, 2 synapses with a weight each, float32)"
    assert jax.jit(lambda i: connect.CSR(weight, i, indptr, 3).nnz)(indices) == 2
    with pytest.raises(ValueError, match="`indices` must lie in 0 ... 2, got 0 ... 9"):
        connect.CSR(weight, indices, indptr, 3)


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (csr, "CSR(2 x 4, 3 synapses with a weight each, float32)"),
        (lambda: csr().T, "Transpose(CSR(2 x 4, 3 synapses with a weight each, float32))"),
        (lambda: connect.Dense(np.ones((2, 4))), "Dense(2 x 4, float32)"),
        (lambda: connect.AllToAll(1.0, (3, 3), autapses=False), "AllToAll(3 x 3, without autapses)"),
        (lambda: connect.OneToOne(1.0, 3), "OneToOne(3)"),
        (lambda: connect.bernoulli(0.02, 0.6, autapses=False), "bernoulli(p=0.02, weight=0.6, autapses=False)"),
        (lambda: connect.fixed_out_degree(80), "fixed_out_degree(k=80, weight=1)"),
        (
            lambda: connect.fixed_in_degree(80, connect.normal(2.0, 0.5), multapses=False),
            "fixed_in_degree(k=80, weight=Normal(mean=2.0, sd=0.5), multapses=False)",
        ),
        (lambda: connect.fixed_total(9, np.ones(9)), "fixed_total(n=9, weight=f32[9])"),
        (lambda: connect.all_to_all(0.5, autapses=False), "all_to_all(weight=0.5, autapses=False)"),
        (lambda: connect.one_to_one(connect.uniform(0.0, 1.0)), "one_to_one(weight=Uniform(low=0.0, high=1.0))"),
        (lambda: connect.from_dense(np.eye(2)), "from_dense(CSR(2 x 2, 2 synapses with a weight each, float32))"),
    ],
)  # fmt: skip
def test_readable_descriptions(thing, text):
    assert repr(thing()) == text


@pytest.mark.parametrize("name", CONNECTIVITIES)
def test_halves_of_a_partition_can_be_printed(name):
    for half in eqx.partition(CONNECTIVITIES[name](), eqx.is_inexact_array):
        assert name in repr(half)
