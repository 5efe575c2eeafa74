"""Ridge readouts against scikit-learn."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx.learn import misclassified, ridge, ridge_by_validation
from sklearn.linear_model import Ridge


rng = np.random.default_rng(2)
# More features than samples in the second: the other form of the normal equations.
WIDE, TALL = rng.normal(size=(15, 40)) + 2.0, rng.normal(size=(80, 10)) + 2.0


@pytest.mark.parametrize("x", [TALL, WIDE], ids=["tall", "wide"])
def test_weights_bias_and_predictions(x, dtype):
    y = np.sin(x[:, :3]) + 5.0
    readout = ridge(jnp.asarray(x, float), jnp.asarray(y, float), 0.7)
    model = Ridge(alpha=0.7, solver="svd").fit(x, y)
    tolerance = 1e-9 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(readout.weights, model.coef_.T, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(readout.bias, model.intercept_, rtol=tolerance)
    np.testing.assert_allclose(readout(jnp.asarray(x[:5], float)), model.predict(x[:5]), rtol=tolerance)
    np.testing.assert_allclose(readout(jnp.asarray(x[3], float)), model.predict(x[3:4])[0], rtol=tolerance)


def test_the_penalty_is_that_of_the_least_error_on_held_out_data(x64):
    """Few noisy samples: neither the least nor the largest penalty."""
    x = rng.normal(size=(60, 30))
    y = x[:, :2] @ np.array([[1.0, -1.0], [0.5, 2.0]]) + rng.normal(size=(60, 2))
    train, held_out = ((jnp.asarray(a), jnp.asarray(b)) for a, b in ((x[:40], y[:40]), (x[40:], y[40:])))
    penalties = [100.0, 1e-3, 10.0, 1e4, 1.0]
    found = ridge_by_validation(train, held_out, penalties)
    errors = []
    for penalty in penalties:
        predicted = Ridge(alpha=penalty, solver="svd").fit(*train).predict(held_out[0])
        errors.append(np.mean((predicted - held_out[1]) ** 2))
    np.testing.assert_allclose(found.errors, errors, rtol=1e-9)
    assert float(found.penalty) == penalties[np.argmin(errors)] == 1.0
    np.testing.assert_allclose(found.readout.weights, ridge(*train, 1.0).weights, rtol=1e-12)


def test_classes_and_ties():
    """Three classes in rings of clouds, all told apart with any small penalty, of which the largest is taken."""
    labels = jnp.asarray([0, 1, 0, 2, 0, 0] * 15)
    centres = jnp.asarray([[0.0, 4.0], [4.0, -4.0], [-4.0, -4.0]])
    x = centres[labels] + jr.normal(jr.key(0), (90, 2))
    y = jax.nn.one_hot(labels, 3)
    found = ridge_by_validation((x[:60], y[:60]), (x[60:], y[60:]), [1e-2, 1e5, 1.0], error=misclassified)
    np.testing.assert_array_equal(found.readout.classes(x[60:]), labels[60:])
    assert float(found.penalty) == 1.0
    assert float(misclassified(found.readout(x[60:]), y[60:])) == 0.0
    shifted = jnp.roll(y[60:], 1, axis=1).at[0].set(y[60])
    np.testing.assert_allclose(misclassified(found.readout(x[60:]), shifted), 29 / 30, rtol=1e-6)


def test_a_singular_problem_says_what_to_do():
    x = jnp.ones((20, 8)) * jnp.arange(20.0)[:, None] * 1e3
    with pytest.raises(RuntimeError, match="raise `penalty`, or use float64"):
        ridge(x, x[:, :1], 1e-12)


def test_nrmse_is_one_for_the_mean():
    y = jr.normal(jr.key(1), (50, 2))
    np.testing.assert_allclose(nex.learn.nrmse(jnp.full_like(y, y.mean()), y), 1.0, rtol=1e-5)
    np.testing.assert_allclose(nex.learn.nrmse(y + 0.1, y), 0.1 / np.std(y), rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ridge(x, x[:-1], 1.0), "got shapes"),
        (lambda x: ridge(x, x[:, 0], 1.0), "features must be .samples, features."),
        (lambda x: ridge(x, x, 0.0), "a penalty must be positive, got 0"),
        (lambda x: ridge(x, x, [1.0]), "`penalty` must be one number, got shape"),
        (lambda x: ridge_by_validation((x, x), (x, x), []), "`penalties` must be a list of numbers, at least one"),
        (lambda x: ridge_by_validation((x, x), (x[:0], x[:0]), [1.0]), "`held_out`: features must be"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call(jnp.ones((4, 2)))
