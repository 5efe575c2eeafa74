"""Recursive least squares against the normal equations, solved by NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from neuroeqx.learn import RLS


SAMPLES, FEATURES, OUTPUTS = 60, 12, 3
rng = np.random.default_rng(1)
X = rng.normal(size=(SAMPLES, FEATURES)) * np.geomspace(0.1, 3.0, FEATURES)
Y = X @ rng.normal(size=(FEATURES, OUTPUTS)) + 0.3 * rng.normal(size=(SAMPLES, OUTPUTS))
START = rng.normal(size=(FEATURES, OUTPUTS))


def weighted_ridge(alpha, forgetting, start, samples=SAMPLES):
    """The weights and the inverse matrix from the normal equations of all samples."""
    age = forgetting ** np.arange(samples - 1, -1, -1)[:, None]
    x, y = X[:samples], Y[:samples]
    gram = x.T @ (age * x) + forgetting**samples * alpha * np.eye(FEATURES)
    right = x.T @ (age * y) + forgetting**samples * alpha * start
    return np.linalg.inv(gram), np.linalg.solve(gram, right)


def learn(rls, batch, start=None):
    """From the beginning through all samples, in batches of a size (`None`: one by one)."""
    x, y = jnp.asarray(X, float), jnp.asarray(Y, float)
    if batch is not None:
        x, y = (a.reshape(-1, batch, a.shape[1]) for a in (x, y))
    state = rls.init(FEATURES, OUTPUTS)
    if start is not None:
        state = eqx.tree_at(lambda s: s.weights, state, jnp.asarray(start, float))
    return jax.jit(lambda s: lax.scan(lambda s, xy: rls.update(s, *xy), s, (x, y)))(state)


def test_it_is_ridge_regression_one_by_one_and_in_batches(dtype, ledger):
    errors = {}
    for batch in (None, 5, 20):
        for alpha, forgetting, start in ((0.3, 1.0, None), (2.0, 0.95, START)):
            rls = RLS(alpha, forgetting)
            state, wrong = learn(rls, batch, start)
            p, weights = weighted_ridge(alpha, forgetting, np.zeros_like(START) if start is None else start)
            np.testing.assert_array_equal(state.p, np.asarray(state.p).T)
            # A priori errors, of which the first block's are those of the initial weights.
            before = Y[0] - (0.0 if start is None else X[0] @ start)
            np.testing.assert_allclose(np.asarray(wrong).reshape(SAMPLES, OUTPUTS)[0], before, rtol=1e-4, atol=1e-5)
            for name, found, exact in (("weights", state.weights, weights), ("P", state.p, p)):
                worst = np.abs(found - exact).max() / np.abs(exact).max()
                errors[name] = max(errors.get(name, 0.0), worst)
    for name, worst in errors.items():
        tolerance = 1e-9 if dtype == "float64" else 1e-4
        ledger("RLS", "normal equations in NumPy", f"{name}, {dtype}", worst, tolerance)


def test_errors_are_those_before_the_sample(x64):
    """The error of each sample is that of the ridge regression on all before."""
    _, wrong = learn(RLS(0.3), None)
    for i in (1, 7, 40):
        _, weights = weighted_ridge(0.3, 1.0, np.zeros_like(START), i)
        np.testing.assert_allclose(wrong[i], Y[i] - X[i] @ weights, rtol=1e-9)


def test_single_precision_stays_sound_over_many_samples():
    """Tracks weights that change, with P symmetric and positive after 20,000 samples of unequal features."""
    rls, scales = RLS(1.0, 0.99), jnp.geomspace(0.03, 3.0, FEATURES)

    def step(state, key):
        x = scales * jax.random.normal(key, (FEATURES,))
        return rls.update(state, x, x @ target)[0], None

    target = jnp.asarray(START, float)
    keys = jax.random.split(jax.random.key(0), 20_000)
    state, _ = jax.jit(lambda s: lax.scan(step, s, keys))(rls.init(FEATURES, OUTPUTS))
    np.testing.assert_array_equal(state.p, state.p.T)
    assert np.linalg.eigvalsh(np.asarray(state.p, np.float64)).min() > 0.0
    np.testing.assert_allclose(state.weights, target, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RLS(0.0), "`alpha` must be positive, got 0"),
        (lambda: RLS(1.0, 1.1), "`forgetting` must be above 0 and at most 1, got 1.1"),
        (lambda: RLS([1.0, 2.0]), "`alpha` must be one number, got shape"),
        (lambda: RLS().update(RLS().init(3, 2), jnp.ones(4), jnp.ones(2)), "with 3 features and 2 outputs; got"),
        (lambda: RLS().update(RLS().init(3, 2), jnp.ones((5, 3)), jnp.ones((4, 2))), "got shapes"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
