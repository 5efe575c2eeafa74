"""The general kernel against closed forms and against the kernels that are its special cases."""

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import neuroeqx as nex
import numpy as np
import pytest
import scipy.linalg
from jax import lax
from synapse_references import hold, largest


def damped():
    return nex.LinearKernel([[-0.2, 1.5], [-1.5, -0.2]], [0.5, 0.0], [1.0, 2.0])


def test_a_damped_oscillation(x64, ledger):
    kernel = lambda t: 0.5 * np.exp(-0.2 * t) * (np.cos(1.5 * t) - 2.0 * np.sin(1.5 * t))
    hold(ledger, "LinearKernel", damped(), kernel)


@jax.jit
def run(syn, x):
    return lax.scan(lambda s, now: syn.step(s, now, dt=0.3), syn.init(x.shape[1:]), x)[1]


def test_three_variables(x64, ledger):
    """By the eigenvalues of the matrix."""
    a = np.array([[-0.3, 0.2, 0.0], [0.0, -1.0, 0.7], [0.1, 0.0, -0.5]])
    b, c = np.array([0.2, 1.0, -0.5]), np.array([1.0, 0.0, 0.3])
    values, vectors = scipy.linalg.eig(a)
    parts = (c @ vectors) * np.linalg.solve(vectors, b)
    expected = (np.exp(np.multiply.outer(0.3 * np.arange(80), values)) @ parts).real
    found = run(nex.LinearKernel(a, b, c), jnp.zeros((80, 1)).at[0].set(1.0))[:, 0]
    ledger(
        "LinearKernel", "eigenvalues of A", "three variables, conductance, relative", largest(found, expected), 1e-12
    )


def test_it_holds_the_named_kernels_and_a_matrix_for_every_cell(x64):
    x = jnp.asarray(np.random.default_rng(0).random((12, 3)))
    decay, rise = np.array([5.0, 8.0, 9.0]), np.array([1.0, 2.0, 9.0])
    peaks = (decay / rise) ** (rise / np.where(decay > rise, decay - rise, np.inf)) / rise
    peaks[2] = np.e / 9.0
    dual = nex.LinearKernel([[-1.0 / decay, peaks], [0.0, -1.0 / rise]], [0.0, 1.0], [1.0, 0.0])
    assert largest(run(dual, x), run(nex.DualExpon(decay, rise), x)) < 1e-13
    assert largest(run(nex.LinearKernel([[-0.2]], [1.0], [1.0]), x), run(nex.Expon(5.0), x)) < 1e-14


def test_every_entry_is_trained(x64):
    x = jnp.asarray(np.random.default_rng(0).random((5, 3)))
    loss = jax.jit(lambda syn: (run(syn, x) ** 2).sum())
    gradient = jtu.tree_leaves(jax.jit(jax.grad(loss))(damped()))
    leaves, tree = jtu.tree_flatten(damped())
    assert len(leaves) == 8
    for i in range(len(leaves)):
        moved = [loss(tree.unflatten([y + h * (i == j) for j, y in enumerate(leaves)])) for h in (1e-6, -1e-6)]
        np.testing.assert_allclose(gradient[i], (moved[0] - moved[1]) / 2e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 2.0]], [1.0], [1.0]), r"`a` must be a square matrix, got 1 rows with \[2\] entries"),
        (([], [], []), "`a` must be a square matrix, got 0 rows"),
        (([[-1.0]], [1.0, 0.0], [1.0]), "`b` must have an entry for each of the 1 rows of `a`, got 2"),
        (([[-1.0]], [1.0], []), "`c` must have an entry for each of the 1 rows of `a`, got 0"),
        (([[-1.0, 0.0], [np.nan, 1.0]], [1.0, 0.0], [1.0, 0.0]), r"`a\[1\]\[0\]` must be finite, got nan"),
        (([[-1.0]], [np.inf], [1.0]), r"`b\[0\]` must be finite, got inf"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=f"LinearKernel: {message}"):
        nex.LinearKernel(*arguments)
