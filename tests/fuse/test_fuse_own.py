"""Functions that have native code of their own, and what JAX makes of them under the same names."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx._math import (
    exprel_inverse,
    neuroeqx_exprel_inverse,
    neuroeqx_exprel_inverse_of,
    neuroeqx_phi1,
    phi1,
)
from neuroeqx.fuse._own import name_of


def names(function, *args):
    return [name_of(eqn) for eqn in jax.make_jaxpr(function)(*args).eqns]


@pytest.mark.parametrize("function", [phi1, exprel_inverse, lambda x: exprel_inverse(x, x)])
def test_the_value_beside_a_derivative_is_the_function(function):
    slope = lambda x: jax.jvp(function, (x,), (jnp.ones_like(x),))
    assert sum(name.startswith("neuroeqx_") for name in names(slope, jnp.ones(3))) == 1


@pytest.mark.parametrize(
    "function", [neuroeqx_phi1, neuroeqx_exprel_inverse, lambda x: neuroeqx_exprel_inverse_of(x, x)]
)
def test_a_derivative_is_not_the_function(function):
    x = jnp.ones(3)
    assert sum(name.startswith("neuroeqx_") for name in names(function, x)) == 1
    assert sum(name.startswith("neuroeqx_") for name in names(jax.vmap(function), x[None])) == 1
    slope = lambda x: jax.jvp(function, (x,), (jnp.ones_like(x),))
    assert not any(name.startswith("neuroeqx_") for name in names(slope, x))
    assert not any(name.startswith("neuroeqx_") for name in names(jax.grad(lambda x: function(x).sum()), x))


def test_native_steps_of_derivatives(x64):
    """The default stepper takes the derivative of the quotients in the sodium current."""
    model = nex.Population(nex.WangBuzsaki(), 8)
    ours, truth = (nex.simulate(model, 1.0, 0.05, jnp.linspace(1.0, 5.0, 8), fused=f).state for f in (True, False))
    np.testing.assert_allclose(ours.cell.v, truth.cell.v, rtol=1e-12)
