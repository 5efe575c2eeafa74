"""Constrained parameters keep what they promise, whatever is done to them, and begin as they were given."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import layers


N = 6
SIGNS = np.array([1, 1, -1, 1, -1, 1])


def recurrent(key=0):
    linear = eqx.nn.Linear(N, N, use_bias=False, key=jr.key(key))
    dale = layers.Dale(linear.weight, SIGNS, mask="no autapses")
    return linear, layers.Constrained(eqx.tree_at(lambda l: l.weight, linear, dale))


def test_they_begin_with_what_was_given(dtype):
    value = jnp.asarray([0.01, 0.3, 2.0, 40.0], dtype)
    np.testing.assert_allclose(layers.Positive(value).value, value, rtol=2e-5 if dtype == "float32" else 1e-13)
    np.testing.assert_allclose(
        layers.Bounded(value, 0.0, 50.0).value, value, rtol=2e-5 if dtype == "float32" else 1e-13
    )
    weight = jnp.asarray(np.random.default_rng(0).normal(size=(4, N)), dtype)
    np.testing.assert_array_equal(layers.Dale(weight, SIGNS).value, np.abs(np.asarray(weight)) * SIGNS)
    np.testing.assert_array_equal(
        layers.Dale(weight.T, SIGNS, axis=0).value, np.abs(np.asarray(weight.T)) * SIGNS[:, None]
    )


def test_they_hold_under_large_steps_and_are_differentiated():
    linear, layer = recurrent()
    x = jnp.ones(N)
    expected = np.where(np.eye(N) == 1, 0.0, np.abs(np.asarray(linear.weight)) * SIGNS)
    np.testing.assert_allclose(layer(x), expected.sum(1), rtol=1e-5)
    grads = eqx.filter_jit(eqx.filter_grad(lambda layer: jnp.sum(layer(x) ** 2)))(layer)
    np.testing.assert_allclose(
        grads.layer.weight.raw, 2.0 * expected.sum(1)[:, None] * SIGNS * (1 - np.eye(N)), rtol=1e-5
    )
    wild = jax.tree.map(lambda p: p + 5.0 * jr.normal(jr.key(1), p.shape) if eqx.is_inexact_array(p) else p, layer)
    weight = np.asarray(wild.layer.weight.value)
    assert np.all(weight * SIGNS >= 0) and np.all(np.diag(weight) == 0)
    assert np.all(layers.Positive(1.0).value > 0)
    moved = eqx.tree_at(lambda p: p.raw, layers.Bounded(1.0, 0.5, 2.0), jnp.asarray(-20.0))
    assert 0.5 <= moved.value < 0.51


def test_layers_take_them():
    """Values are computed once, outside of the loop over time."""
    linear, constrained = recurrent()
    same = eqx.tree_at(lambda l: l.weight, linear, constrained.layer.weight.value)
    x = 3.0 * jr.normal(jr.key(2), (20, N))
    ours = layers.Recurrent(constrained, constrained, nex.LIF(tau=5.0))
    np.testing.assert_array_equal(ours(x), layers.Recurrent(same, same, nex.LIF(tau=5.0))(x))
    np.testing.assert_array_equal(layers.resolve(ours).recurrent.layer.weight, same.weight)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: layers.Positive([1.0, 0.0]), "`value` must be positive, got 0"),
        (lambda: layers.Bounded(1.0, 1.0, 2.0), "`value` must lie between"),
        (lambda: layers.Bounded(1.0, 3.0, 2.0), "`low` must lie below"),
        (lambda: layers.Dale(jnp.ones((2, 3)), [1, -1]), "`signs` must be 1 or -1 for each of the 3"),
        (lambda: layers.Dale(jnp.ones((2, 2)), [1, 0]), "`signs` must be 1 or -1"),
        (lambda: layers.Dale(jnp.ones((2, 3)), [1, 1, 1], mask="no autapses"), "square"),
        (lambda: layers.Dale(jnp.ones((2, 3)), [1, 1, 1], mask=jnp.ones((3, 2))), "`mask` has the shape"),
        (lambda: layers.Constrained(eqx.nn.Linear(2, 2, key=jr.key(0))), "is constrained"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()
