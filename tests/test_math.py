"""Functions with removable singularities, and their derivatives, against integrals without any."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from neuroeqx._math import exprel_inverse, phi1


def integrals(x, highest):
    """Of t^k e^(x t) from 0 to 1, which are phi1 and its derivatives, to rounding (by Gauss and Legendre)."""
    t, weights = np.polynomial.legendre.leggauss(60)
    t, weights = (t + 1) / 2, weights / 2
    return [(t**k * np.exp(np.multiply.outer(np.asarray(x, float), t))) @ weights for k in range(highest + 1)]


def truths(x):
    """Value, first and second derivative of phi1 and of its inverse, the Bernoulli function."""
    p, p1, p2 = integrals(x, 2)
    return {"phi1": (p, p1, p2), "exprel_inverse": (1 / p, -p1 / p**2, 2 * p1**2 / p**3 - p2 / p**2)}


FUNCTIONS = {
    "phi1": phi1, "exprel_inverse": exprel_inverse, "exprel_inverse of e^x": lambda x: exprel_inverse(x, jnp.exp(x)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_derivatives(name, dtype):
    """Also next to zero, where quotients of differences lose their digits."""
    random = np.random.default_rng(0)
    scales = 1e-6, 1e-3, 0.01, 0.1, 0.5, 1.0, 5.0, 20.0
    x = np.concatenate([[0.0, -0.0], *(random.uniform(-s, s, 100) for s in scales)]).astype(dtype)
    value, first, second = truths(x)[name.split()[0]]
    function, rounding = FUNCTIONS[name], np.finfo(dtype).eps
    found = jax.jit(jax.vmap(jax.grad(function)))(jnp.asarray(x))
    assert np.all(np.abs(found - first) <= 300 * rounding * np.abs(first) * (1.0 + np.abs(x) / 10.0))
    # The derivative by one rule, in either mode, and the rule's own.
    for mode in (jax.jacfwd(jax.grad(function)), jax.jacrev(jax.jacfwd(function))):
        error = np.abs(jax.jit(jax.vmap(mode))(jnp.asarray(x)) - second)
        assert np.all(error <= 10_000 * rounding * (np.abs(second) + 0.1 / (1.0 + np.abs(x))))
    # Differences are taken down to 1/16, and in double precision to 0.001.
    error = np.abs(jax.jit(function)(jnp.asarray(x)) - value)
    assert np.all(error <= (16 if dtype == "float32" else 1000) * rounding * value)


def test_far_away(dtype):
    x = jnp.asarray([-np.inf, -1e30, -1e3, -90.0, 1e3, 1e30, np.inf], dtype)
    limits = [-1.0] * 4 + [0.0] * 3
    np.testing.assert_allclose(jax.vmap(jax.grad(exprel_inverse))(x), limits, rtol=1e-6, atol=1e-30)
    assert np.isnan(jax.grad(exprel_inverse)(jnp.asarray(np.nan, dtype)))
    z = jnp.asarray([-1e30, -1e3], dtype)
    np.testing.assert_allclose(jax.vmap(jax.grad(phi1))(z), [0.0, 1e-6], rtol=1e-3)


def test_phi1_in_single_precision():
    z = np.concatenate([-np.logspace(1, -8, 400), np.logspace(-8, 1, 400)])
    z = np.float32(z).astype(float)
    weight = np.asarray(phi1(jnp.asarray(z, jnp.float32)), float)
    np.testing.assert_allclose(weight, np.expm1(z) / z, rtol=1.5e-6)
    np.testing.assert_allclose(z * weight, np.expm1(z), rtol=1.5e-6, atol=1.2e-7)  # the change of a variable
    np.testing.assert_allclose(exprel_inverse(jnp.asarray(z, jnp.float32)), z / np.expm1(z), rtol=2e-6)
