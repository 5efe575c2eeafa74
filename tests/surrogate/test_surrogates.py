"""Spike functions: steps forwards, and backwards the derivatives that their documentation gives."""

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from laws.table import SURROGATES
from neuroeqx import fuse, surrogate as s
from scipy import stats


def logistic(x):
    return 1.0 / (1.0 + np.exp(-x))


def lobes(x):
    density = stats.norm.pdf
    return 0.7 * (1.2 * density(x, 0, 0.4) - 0.2 * density(x, 0.4, 2.0) - 0.2 * density(x, -0.4, 2.0))


def squares(x):
    return 4.0 / 5.0 * sum(np.cos(2 * np.pi * i * x / 5.0) for i in (1, 3, 5))


# Each with parameters that are not its defaults, and its derivative.
DERIVATIVES = [
    (s.SuperSpike(3.0), lambda x: 1.0 / (1.0 + 3.0 * np.abs(x)) ** 2),
    (s.Arctan(3.0), lambda x: 1.5 / (1.0 + (np.pi / 2 * 3.0 * x) ** 2)),
    (s.Sigmoid(3.0), lambda x: 3.0 * logistic(3.0 * x) * logistic(-3.0 * x)),
    (s.PiecewiseLinear(3.0), lambda x: np.maximum(0.0, 1.0 - np.abs(3.0 * x))),
    (s.PiecewiseQuadratic(3.0), lambda x: np.maximum(0.0, 3.0 - 9.0 * np.abs(x))),
    (s.PiecewiseExponential(3.0), lambda x: 1.5 * np.exp(-3.0 * np.abs(x))),
    (s.Slayer(3.0), lambda x: np.exp(-3.0 * np.abs(x))),
    (s.SoftSign(3.0), lambda x: 1.5 / (1.0 + 3.0 * np.abs(x)) ** 2),
    (s.SignedLog(3.0), lambda x: 1.0 / (1.0 / 3.0 + np.abs(x))),
    (s.Erf(3.0), lambda x: 3.0 / np.sqrt(np.pi) * np.exp(-9.0 * x**2)),
    (s.Gaussian(0.4, 0.7), lambda x: 0.7 * stats.norm.pdf(x, 0.0, 0.4)),
    (s.MultiGaussian(0.2, 5.0, 0.4, 0.7), lobes),
    (s.ReLUGrad(0.6, 0.8), lambda x: np.maximum(0.0, 0.6 * (0.8 - np.abs(x)))),
    (s.PiecewiseLeakyReLU(0.05, 0.8), lambda x: np.where(np.abs(x) <= 0.8, 1.25, 0.05)),
    (s.LeakyReLU(0.2, 0.9), lambda x: np.where(x < 0.0, 0.2, 0.9)),
    (s.LogTailedReLU(0.2), lambda x: np.where(x <= 0.0, 0.2, np.where(x <= 1.0, 1.0, 1.0 / np.maximum(x, 1.0)))),
    (s.S2NN(3.0, 0.7), lambda x: np.where(x < 0.0, 3.0 * logistic(3.0 * x) * logistic(-3.0 * x), 0.7 / (1.0 + np.abs(x)))),
    (s.QPseudoSpike(3.0), lambda x: (1.0 + np.abs(x) / 2.0) ** -3.0),
    (s.SquarewaveFourier(3, 5.0), squares),
]  # fmt: skip
names = [type(surrogate).__name__ for surrogate, _ in DERIVATIVES]
X = np.array([-2.0, -0.3, -1e-9, 1e-9, 0.2, 1.5])


def test_none_is_missing():
    assert sorted(names) == sorted(SURROGATES)


# Made once more, for their parameters to have the precision of the test.
def doubled(surrogate):
    return jax.tree.map(lambda x: jnp.asarray(np.round(float(x), 6)), surrogate)


@pytest.mark.parametrize(("surrogate", "derivative"), DERIVATIVES, ids=names)
def test_steps_forwards_and_smooth_backwards(surrogate, derivative, x64, ledger):
    surrogate = doubled(surrogate)
    np.testing.assert_array_equal(surrogate(jnp.array([-1e-300, -0.0, 0.0, 1e-300])), [0.0, 1.0, 1.0, 1.0])
    backwards = jax.jit(jax.vmap(jax.grad(surrogate)))(jnp.asarray(X))
    _, forwards = jax.jit(lambda x: jax.jvp(surrogate, (x,), (jnp.full_like(x, 2.0),)))(jnp.asarray(X))
    expected = derivative(X)
    assert np.ptp(expected) > 0.1
    error = max(np.abs(backwards - expected).max(), np.abs(forwards / 2.0 - expected).max())
    ledger(type(surrogate).__name__, "closed form", "derivative, forwards and backwards", error, 1e-12)
    # At the threshold itself: the derivative from above.
    np.testing.assert_allclose(jax.grad(surrogate)(jnp.array(0.0)), derivative(np.array(1e-12)), rtol=1e-9)


@pytest.mark.parametrize(("surrogate", "derivative"), DERIVATIVES, ids=names)
def test_parameters_are_trainable(surrogate, derivative, x64):
    """By the derivative of the smooth function."""
    surrogate = doubled(surrogate)
    total = lambda surrogate: jnp.sum(jnp.asarray([1.0, -0.5, 0.7, 0.2, -0.9, 0.4]) * surrogate(jnp.asarray(X)))
    found = eqx.filter_jit(eqx.filter_grad(total))(surrogate)
    parameters, tree = jax.tree.flatten(surrogate)
    for i, slope in enumerate(jax.tree.leaves(found)):
        smooth = lambda h, i=i: np.sum(
            np.array([1.0, -0.5, 0.7, 0.2, -0.9, 0.4])
            * tree.unflatten([p + h * (i == j) for j, p in enumerate(parameters)]).smooth(jnp.asarray(X))
        )
        np.testing.assert_allclose(slope, (smooth(1e-6) - smooth(-1e-6)) / 2e-6, rtol=1e-6, atol=1e-9)


def test_a_neuron_is_native_with_each():
    """In the loops of training, whose steps are native: all their operations are known there."""
    for surrogate in SURROGATES.values():
        cell = nex.LIF(surrogate=surrogate)

        def loss(xs, cell=cell):
            step = lambda v, x: cell.step(v, x, dt=1.0)
            return fuse.scan(step, cell.init((16,)), xs)[1].sum()

        text = jax.jit(jax.grad(loss)).lower(jnp.ones((5, 16))).as_text()
        assert "stablehlo.while" not in text, type(surrogate).__name__


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: s.QPseudoSpike(1.0), "QPseudoSpike: `power` must be above 1, got 1"),
        (lambda: s.SquarewaveFourier(0), "SquarewaveFourier: `n` must be a whole number of terms, at least 1, got 0"),
        (lambda: s.Gaussian(sigma=0.0), "Gaussian: `sigma` must be positive, got 0"),
        (lambda: s.Slayer(-1.0), "Slayer: `slope` must be positive, got -1"),
        (lambda: s.SuperSpike(np.nan), "SuperSpike: parameter `slope` must be finite"),
    ],
)
def test_impossible_parameters_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
