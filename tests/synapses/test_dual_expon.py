"""The synapse of two exponentials against its closed form."""

import jax
import neuroeqx as nex
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from synapse_references import hold


def kernel(decay, rise):
    """Normalised by searching for its peak, not by the formula."""
    if decay == rise:
        return lambda t: np.e * t / rise * np.exp(-t / rise)
    shape = lambda t: (np.exp(-t / decay) - np.exp(-t / rise)) * np.sign(decay - rise)
    peak = -minimize_scalar(lambda t: -shape(t), bounds=(0.0, 50.0), options={"xatol": 1e-10}, method="bounded").fun
    return lambda t: shape(t) / peak


@pytest.mark.parametrize(("decay", "rise"), [(10.0, 1.0), (2.0, 6.0)])
def test_it_is_the_difference_of_two_exponentials(decay, rise, x64, ledger):
    hold(ledger, "DualExpon", nex.DualExpon(decay, rise), kernel(decay, rise))


@jax.jit
def one_step(decay, rise):
    syn = nex.DualExpon(decay, rise)
    state = syn.inject(syn.init(()), lambda h: h + 1.0)
    return syn.output(syn.decay(state, dt=1.0))


def test_values_and_gradients_are_smooth_where_time_constants_are_equal(x64):
    np.testing.assert_allclose(one_step(3.0, 3.0), np.e / 3.0 * np.exp(-1.0 / 3.0), rtol=1e-14)
    gradients = jax.jit(jax.grad(one_step, (0, 1)))
    h = 1e-5
    for decay in (3.0, 3.0 + 1e-9, 3.0 + 2.9e-3, 3.0 + 3.1e-3, 3.0 + 1.1e-2):
        numeric = [
            (one_step(decay + h, 3.0) - one_step(decay - h, 3.0)) / (2 * h),
            (one_step(decay, 3.0 + h) - one_step(decay, 3.0 - h)) / (2 * h),
        ]
        np.testing.assert_allclose(gradients(decay, 3.0), numeric, rtol=1e-7)


def test_nearly_equal_time_constants_in_single_precision():
    for factor in (1.0, 1.0 + 0.9e-3, 1.0 + 1.1e-3, 1.02):
        expected = kernel(3.0, 3.0 * factor)(1.0)
        np.testing.assert_allclose(one_step(3.0, 3.0 * factor), expected, rtol=3e-6)


@pytest.mark.parametrize("name", ["tau_decay", "tau_rise"])
def test_time_constants_must_be_positive(name):
    with pytest.raises(ValueError, match=f"DualExpon: `{name}` must be positive, got 0"):
        nex.DualExpon(**{name: 0.0})
