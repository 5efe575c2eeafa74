"""Periodic orbits and Lyapunov exponents against closed forms and published values."""

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from jaxtyping import Array
from neuroeqx import analysis


class StuartLandau(eqx.Module):
    """A cycle of radius 1, angular velocity omega and multiplier exp(-2 a T)."""

    a: Array
    omega: Array

    def __call__(self, y):
        return self.a * y * (1.0 - y @ y) + self.omega * jnp.stack([-y[1], y[0]])


@pytest.mark.thorough
def test_stuart_landau_and_the_derivative_of_its_period(x64, ledger):
    start = jnp.array([1.1, 0.0])

    def period(omega):
        field = StuartLandau(jnp.asarray(0.3), omega)
        cycle = analysis.limit_cycle(analysis.system(field, y0=start), start, 8.5)
        return cycle.period, cycle

    (_, cycle), slope = jax.value_and_grad(period, has_aux=True)(jnp.asarray(0.7))
    turn = 2.0 * np.pi / 0.7
    ledger("analysis.limit_cycle", "Stuart-Landau", "period, ms", abs(float(cycle.period) - turn), 1e-8)
    error = np.abs(np.asarray(cycle.multipliers) - [1.0, np.exp(-0.6 * turn)]).max()
    ledger("analysis.limit_cycle", "Stuart-Landau", "Floquet multipliers", error, 1e-8)
    ledger(
        "analysis.limit_cycle", "Stuart-Landau", "dT / d omega, relative", abs(float(slope) / (-turn / 0.7) - 1.0), 1e-6
    )
    assert cycle.is_stable
    radii = np.linalg.norm(cycle.states, axis=1)
    np.testing.assert_allclose(radii, 1.0, atol=1e-8)
    assert cycle.states.shape == (200, 2)
    assert float(cycle.times[-1]) == pytest.approx(float(cycle.period))


@pytest.mark.thorough
def test_van_der_pol(x64, ledger):
    field = lambda y: jnp.stack([y[1], (1.0 - y[0] ** 2) * y[1] - y[0]])
    system = analysis.system(field, y0=jnp.zeros(2))
    with pytest.raises(Exception, match="no periodic orbit near the start"):
        # It falls upon the equilibrium, which repeats itself after any time.
        analysis.limit_cycle(system, jnp.array([1e-4, 0.0]), 6.6)
    cycle = analysis.limit_cycle(system, jnp.array([2.0, 0.0]), 6.6)
    # Andersen & Geer 1982, by a series of 164 terms.
    ledger(
        "analysis.limit_cycle",
        "Andersen & Geer (1982)",
        "period of van der Pol",
        abs(float(cycle.period) - 6.66328686),
        1e-8,
    )
    # The product of all multipliers is the exponential of the integral of the divergence.
    divergence = np.mean(1.0 - np.asarray(cycle.states)[:-1, 0] ** 2) * float(cycle.period)
    assert np.prod(cycle.multipliers).real == pytest.approx(np.exp(divergence), rel=1e-6)


def test_steady_rates_of_hodgkin_huxley(x64, ledger):
    # Where simulations have come to, between two spikes; v, m, h and n.
    starts = {
        (6.5, 18.2, 55.057): [-62.0, 0.0718, 0.4957, 0.3678],
        (7.0, 17.1, 58.327): [-62.0, 0.0717, 0.4905, 0.3713],
        (8.0, 16.0, 62.470): [-62.0, 0.0714, 0.4796, 0.3781],
        (10.0, 14.6, 68.324): [-62.146, 0.07, 0.458, 0.392],
        (15.0, 12.7, 78.649): [-62.0, 0.07, 0.4122, 0.4206],
        (20.0, 11.6, 86.470): [-67.263, 0.038, 0.321, 0.497],
        (50.0, 8.5, 117.036): [-63.426, 0.057, 0.206, 0.564],
    }
    for (current, about, rate), start in starts.items():
        cycle = analysis.limit_cycle(analysis.system(nex.HodgkinHuxley(), current), jnp.array(start), about)
        error = abs(float(cycle.frequency) - rate)
        ledger("analysis.limit_cycle", "SciPy's LSODA", "rate of HodgkinHuxley, Hz", error, 1e-3)
        assert cycle.is_stable


class Lorenz(eqx.Module):
    def __call__(self, u):
        x, y, z = u
        return jnp.stack([10.0 * (y - x), x * (28.0 - z) - y, x * y - 8.0 / 3.0 * z])


def test_exponents_of_lorenz_and_of_a_linear_system(x64, ledger):
    system = analysis.system(Lorenz(), y0=jnp.array([1.0, 1.0, 20.0]))
    found = np.asarray(analysis.lyapunov_spectrum(system, 1500.0, 0.01, transient=20.0))
    # Sprott 2003. Averages over 1,500 units of time spread by some hundredths over the square root of 10.
    error = np.abs(found - [0.9056, 0.0, -14.5723])
    ledger("analysis.lyapunov_spectrum", "Sprott (2003)", "exponents of Lorenz's system", error.max(), 0.02)
    ledger("analysis.lyapunov_spectrum", "divergence", "their sum", abs(found.sum() + 41.0 / 3.0), 2e-4)
    matrix = jnp.array([[-0.1, 0.5, 0.0], [-0.5, -0.1, 0.0], [0.3, 0.2, -0.7]])
    linear = analysis.system(eqx.Partial(jnp.matmul, matrix), y0=jnp.ones(3))
    found = analysis.lyapunov_spectrum(linear, 2000.0, 0.05, transient=100.0, count=2, every=5)
    np.testing.assert_allclose(found, [-0.1, -0.1], atol=1e-4)
    with pytest.raises(ValueError, match="`every` = 3 must divide"):
        analysis.lyapunov_spectrum(linear, 1.0, 0.1, every=3)
    with pytest.raises(ValueError, match="from 1 to 3, got 4"):
        analysis.lyapunov_spectrum(linear, 1.0, 0.1, count=4)
