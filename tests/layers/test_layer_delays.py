"""Learnable delays against shifts, NumPy and finite differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from neuroeqx import layers


rng = np.random.default_rng(0)
X = rng.normal(size=(15, 4))


def by_hand(x, delay, width):
    """The sum over all lags, for one feature."""
    y = np.zeros(len(x))
    for t in range(len(x)):
        for s in range(t + 1):
            y[t] += max(0.0, 1.0 - abs(s - delay) / width) / width * x[t - s]
    return y


@pytest.mark.parametrize("width", [1, 3])
def test_delays(x64, width):
    delay = np.array([0.0, 2.0, 3.7, 40.0])
    y = np.asarray(eqx.filter_jit(layers.Delays(delay, width))(jnp.asarray(X)))
    for j, d in enumerate(delay):
        np.testing.assert_allclose(y[:, j], by_hand(X[:, j], d, width), atol=1e-12)
    if width == 1:
        np.testing.assert_array_equal(y[2:, 1], X[:-2, 1])  # whole delays are shifts
        np.testing.assert_array_equal(y[:, 3], 0.0)
    _against_differences(lambda d: layers.Delays(d, width), jnp.asarray([0.4, 2.6, 3.3, 7.1]), X)


def _against_differences(make, delay, x):
    target = jnp.asarray(rng.normal(size=x.shape[0]))
    loss = jax.jit(lambda d: jnp.sum(target[:, None] * make(d)(jnp.asarray(x)) ** 2))
    grads = jax.grad(loss)(delay)
    for place in np.ndindex(delay.shape):
        h = 1e-6
        change = (loss(delay.at[place].add(h)) - loss(delay.at[place].add(-h))) / (2 * h)
        np.testing.assert_allclose(grads[place], change, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("width", [1, 2])
def test_delays_of_synapses(x64, width):
    weight, delay = rng.normal(size=(2, 4)), rng.uniform(0.1, 5.9, (2, 4))
    y = eqx.filter_jit(layers.DelayedLinear(weight, delay, 6, width))(jnp.asarray(X))
    # A triangle that stands near the end is cut off there.
    cut = lambda x, d: sum(
        max(0.0, 1.0 - abs(s - d) / width) / width * np.concatenate([np.zeros(s), x[: len(x) - s]]) for s in range(7)
    )
    for o in range(2):
        expected = sum(weight[o, i] * cut(X[:, i], delay[o, i]) for i in range(4))
        np.testing.assert_allclose(y[:, o], expected, atol=1e-12)
    _against_differences(lambda d: layers.DelayedLinear(weight, d, 6, width), jnp.asarray(delay), X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.Delays([1.0, -0.5]), "`delay` must not be negative"),
        (lambda: layers.Delays(1.0, 0), "`width` must be a whole number"),
        (lambda: layers.DelayedLinear(jnp.ones((2, 3)), jnp.full((2, 3), 9.0), 6), "lie between 0 and `max_delay` = 6"),
        (lambda: layers.DelayedLinear(jnp.ones((2, 3)), jnp.ones((3, 2)), 6), "must have the shape"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
