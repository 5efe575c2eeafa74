"""Branches of equilibria, folds and Hopf points, against closed forms and SciPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from jaxtyping import Array
from neuroeqx import analysis
from scipy import optimize


class CuspAndHopf(eqx.Module):
    """x' = p + a x - x^3, whose branch folds twice, and a Hopf normal form in y and z whose parameter is x - c."""

    p: Array
    a: Array
    c: float = 1.2
    omega: float = 0.7

    def __call__(self, u):
        x, y, z = u
        mu, r2 = x - self.c, y * y + z * z
        return jnp.stack([self.p + self.a * x - x**3, (mu - r2) * y - self.omega * z, (mu - r2) * z + self.omega * y])


def normal_form(a, p):
    return analysis.system(CuspAndHopf(p, a), y0=jnp.array([-1.5, 0.0, 0.0], p.dtype))


def test_normal_forms_and_their_derivatives(x64, ledger):
    a = jnp.asarray(1.5)
    branch = analysis.continuation(eqx.Partial(normal_form, a), (-3.0, 3.0), max_step=0.05)
    assert branch.p[0] == -3.0 and branch.p[-1] == 3.0
    x = branch.x[:, 0]
    np.testing.assert_allclose(branch.p + 1.5 * x - x**3, 0.0, atol=1e-9)
    growing = (3.0 * x**2 < 1.5).astype(int) + 2 * (x > 1.2)
    assert np.array_equal(np.sum(branch.eigenvalues.real > 0.0, axis=1), growing)
    assert not branch.crossings
    # Folds at x = -+ sqrt(a / 3) with p = +- 2 (a / 3)^(3/2), of which the derivative by a is +- sqrt(a / 3).
    root = np.sqrt(0.5)
    assert [float(f.p) for f in branch.folds] == pytest.approx([2.0 * root**3, -2.0 * root**3], abs=1e-10)
    (hopf,) = branch.hopfs
    error = max(abs(float(hopf.p) - (1.2**3 - 1.5 * 1.2)), abs(float(hopf.omega) - 0.7))
    ledger("analysis.hopf", "Hopf normal form", "parameter and angular frequency", error, 1e-10)
    error = max(abs(float(f.p) - s * 2.0 * root**3) for f, s in zip(branch.folds, (1, -1), strict=True))
    ledger("analysis.fold", "cusp normal form", "parameters of both folds", error, 1e-10)
    slope = jax.grad(lambda a: analysis.fold(eqx.Partial(normal_form, a), branch.folds[0].x, branch.folds[0].p).p)
    assert float(slope(a)) == pytest.approx(root, abs=1e-9)
    slope = jax.grad(lambda a: analysis.hopf(eqx.Partial(normal_form, a), hopf.x, hopf.p).p)
    assert float(slope(a)) == pytest.approx(-1.2, abs=1e-9)


@pytest.mark.thorough
def test_a_pitchfork_is_a_crossing_and_no_fold(x64):
    family = lambda p: analysis.system(lambda x: p * x - x**3, y0=jnp.zeros(1))
    branch = analysis.continuation(family, (-1.0, 1.0))
    assert not branch.folds and not branch.hopfs
    (at,) = branch.crossings
    assert abs(at) < 0.06


def test_hopf_points_of_hodgkin_huxley(x64, ledger):
    family = lambda g: eqx.Partial(analysis.system, nex.HodgkinHuxley(g_na=g))
    branch = analysis.continuation(family(120.0), (0.0, 200.0))
    low, high = branch.hopfs
    assert not branch.folds and not branch.crossings
    error = max(abs(float(low.p) - 9.7754), abs(float(high.p) - 154.522))
    ledger(
        "analysis.continuation",
        "eigenvalues by SciPy",
        "Hopf points of HodgkinHuxley, uA/cm2",
        error,
        5e-4,
    )
    assert abs(float(low.p) - 9.7754) < 1e-4
    between = (branch.p > low.p) & (branch.p < high.p)
    assert np.array_equal(branch.is_stable, ~between)
    point = lambda g: analysis.hopf(family(g), low.x, low.p).p
    grad = jax.grad(point)(120.0)
    difference = (point(120.0 + 1e-2) - point(120.0 - 1e-2)) / 2e-2
    error = abs(float(grad / difference) - 1.0)
    ledger("analysis.hopf", "central differences", "d I_Hopf / d g_na of HodgkinHuxley, relative", error, 1e-5)


@pytest.mark.thorough
def test_hopf_points_of_fitzhugh_nagumo(x64, ledger):
    branch = analysis.continuation(eqx.Partial(analysis.system, nex.FitzHughNagumo()), (-1.0, 3.0), max_step=0.1)
    assert not branch.folds and not branch.crossings and len(branch.hopfs) == 2
    # The trace is 1 - v^2 - b / tau, the determinant then 1 / tau - (b / tau)^2.
    a, b, tau = 0.7, 0.8, 12.5
    error = 0.0
    for hopf, sign in zip(branch.hopfs, (-1.0, 1.0), strict=True):
        v = sign * np.sqrt(1.0 - b / tau)
        known = np.array([(v + a) / b - v + v**3 / 3.0, np.sqrt(1.0 / tau - (b / tau) ** 2)])
        error = max(error, np.abs(np.array([float(hopf.p), float(hopf.omega)]) - known).max())
    ledger("analysis.hopf", "closed form", "current and angular frequency of FitzHughNagumo", error, 1e-8)


@pytest.mark.thorough
def test_folds_of_wilson_cowan_meet_in_a_cusp(x64, ledger):
    """Without inhibition, and all ready to respond, e is a logistic function of w e, which folds where a w is above 4."""
    family = lambda w: eqx.Partial(analysis.system, nex.rates.WilsonCowan(w_ee=w, w_ei=0.0, r_e=0.0))
    a, theta = 1.3, 4.0
    error = 0.0
    for w in (3.0, 3.2, 16.0):
        branch = analysis.continuation(family(w), (-15.0, 8.0), max_step=0.05)
        assert not branch.hopfs and not branch.crossings
        inner = 1.0 - 4.0 / (a * w)
        assert len(branch.folds) == (2 if inner > 0.0 else 0)
        for fold, sign in zip(branch.folds, (-1.0, 1.0), strict=False):
            at = 0.5 * (1.0 + sign * np.sqrt(inner))
            e = at - 1.0 / (1.0 + np.exp(a * theta))
            error = max(error, abs(float(fold.p) - (np.log(at / (1.0 - at)) / a + theta - w * e)))
    ledger("analysis.fold", "closed form", "inputs of the folds of WilsonCowan, also near to the cusp", error, 1e-8)


@pytest.mark.thorough
def test_morris_lecar_of_class_1(x64, ledger):
    cell = nex.MorrisLecar(g_ca=4.0, v_3=12.0, v_4=17.4, phi=1.0 / 15.0)
    branch = analysis.continuation(eqx.Partial(analysis.system, cell), (-20.0, 150.0))
    m, w = (lambda v, a=a, b=b: 0.5 * (1.0 + np.tanh((v - a) / b)) for a, b in ((-1.2, 18.0), (12.0, 17.4)))
    steady = lambda v: 2.0 * (v + 60.0) + 4.0 * m(v) * (v - 120.0) + 8.0 * w(v) * (v + 84.0)
    top = optimize.minimize_scalar(
        lambda v: -steady(v), bounds=(-45.0, -20.0), method="bounded", options={"xatol": 1e-10}
    )
    low = optimize.minimize_scalar(steady, bounds=(-25.0, 0.0), method="bounded", options={"xatol": 1e-10})

    def trace(v):
        slope = 4.0 * (m(v) - (120.0 - v) * (1.0 - np.tanh((v + 1.2) / 18.0) ** 2) / 36.0) + 8.0 * w(v) + 2.0
        return -slope / 20.0 - np.cosh((v - 12.0) / 34.8) / 15.0

    at = optimize.brentq(trace, 5.0, 15.0, xtol=1e-12)
    found = [*(float(f.p) for f in branch.folds), *(float(h.p) for h in branch.hopfs)]
    error = np.abs(np.array(found) - [steady(top.x), steady(low.x), steady(at)]).max()
    ledger("analysis.continuation", "SciPy", "folds and Hopf point of MorrisLecar, class 1, uA/cm2", error, 1e-8)


@pytest.mark.thorough
def test_branches_in_single_precision_and_the_errors():
    family = eqx.Partial(normal_form, jnp.asarray(1.5))
    branch = analysis.continuation(family, (-3.0, 3.0), max_step=0.05)
    assert branch.p.dtype == np.float32 and branch.p[-1] == 3.0
    assert [float(f.p) for f in branch.folds] == pytest.approx([0.7071068, -0.7071068], abs=1e-4)
    assert [float(h.p) for h in branch.hopfs] == pytest.approx([-0.072], abs=1e-4)
    for change, message in (
        (dict(p=(1.0, 1.0)), "two different numbers"),
        (dict(max_step=1e-9), "0 < min_step <= max_step"),
        (dict(max_points=1), "`max_points` must be at least 2"),
    ):
        with pytest.raises(ValueError, match=message):
            analysis.continuation(family, **({"p": (-3.0, 3.0)} | change))
