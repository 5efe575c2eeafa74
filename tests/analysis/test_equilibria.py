"""Equilibria of cells, networks and functions, what eigenvalues say of them, and their derivatives."""

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import analysis


def test_rest_of_hodgkin_huxley_and_its_derivative(x64, ledger):
    # LSODA's rest, with relative tolerances of 1e-9.
    rest = analysis.steady_state(analysis.system(nex.HodgkinHuxley()))
    expected = [-64.99638, 0.0529551, 0.5959941, 0.3177324]
    error = np.abs([rest.v - expected[0], rest.m - expected[1], rest.h - expected[2], rest.n - expected[3]])
    ledger("analysis.steady_state", "SciPy's LSODA", "rest of HodgkinHuxley, mV", error[0], 1e-5)
    ledger("analysis.steady_state", "SciPy's LSODA", "gates of HodgkinHuxley at rest", error[1:].max(), 1e-7)

    v = lambda g: analysis.steady_state(analysis.system(nex.HodgkinHuxley(g_na=g), 5.0)).v
    grad, near = jax.grad(v)(120.0), jax.jit(v)
    assert float(grad) == pytest.approx(float(near(120.0 + 1e-2) - near(120.0 - 1e-2)) / 2e-2, rel=1e-6)
    with pytest.raises(Exception, match="no steady state near the start"):
        # x^2 + 1 has no zero, and its minimum is where the search ends.
        analysis.steady_state(analysis.system(lambda x: x * x + 1.0, y0=jnp.ones(1)))


def fitzhugh(current, b):
    """Fixed points, as the real roots of a cubic, and eigenvalues by the formula of two dimensions."""
    roots = np.roots([-1.0 / 3.0, 0.0, 1.0 - 1.0 / b, current - 0.7 / b])
    v = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
    trace, det = 1.0 - v * v - b / 12.5, (v * v - 1.0) * b / 12.5 + 1.0 / 12.5
    root = np.sqrt((trace**2 / 4.0 - det).astype(complex))
    return v, np.stack([trace / 2.0 + root, trace / 2.0 - root], axis=1)


def test_fixed_points_of_fitzhugh_nagumo(dtype, ledger):
    starts = jax.random.uniform(jax.random.key(0), (40, 2), minval=-2.5, maxval=2.5)
    expected = {
        (0.0, 0.8): ["stable focus"],
        (0.5, 0.8): ["unstable focus"],
        (0.3, 2.0): ["stable focus", "saddle", "stable focus"],
    }
    for (current, b), kinds in expected.items():
        found = analysis.fixed_points(analysis.system(nex.FitzHughNagumo(b=b), current), starts)
        v, values = fitzhugh(current, b)
        assert list(found.kinds) == kinds
        assert found.is_stable.tolist() == [kind.startswith("stable") for kind in kinds]
        tolerance = 1e-9 if dtype == "float64" else 2e-4
        error = max(np.abs(found.x[:, 0] - v).max(), np.abs(found.eigenvalues - values).max())
        quantity = f"fixed points and eigenvalues of FitzHughNagumo, {dtype}"
        ledger("analysis.fixed_points", "roots of a cubic", quantity, error, tolerance)


def test_slow_points_are_ghosts_of_fixed_points(x64):
    # Where two fixed points have just met: |f| is least at 0, and not zero.
    ghost = analysis.system(lambda x: jnp.stack([x[0] ** 2 + 0.01, -x[1]]), y0=jnp.zeros(2))
    starts = jax.random.uniform(jax.random.key(0), (10, 2), minval=-1.0, maxval=1.0)
    slow = analysis.slow_points(ghost, starts, apart=1e-2)
    spread = float(np.ptp(starts[:, 0]))
    assert len(slow) == 1
    np.testing.assert_allclose(slow.x, 0.0, atol=1e-2)
    np.testing.assert_allclose(slow.speed, 0.01 / spread, rtol=1e-3)
    assert len(analysis.fixed_points(ghost, starts)) == 0


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([-1, -2, -3], "stable node"),
        ([2, 1], "unstable node"),
        ([-1, -2 + 1j, -2 - 1j], "stable focus"),
        ([1 + 1j, 1 - 1j, 2], "unstable focus"),
        ([1, -1, -2], "saddle"),
        ([1, -2 + 1j, -2 - 1j], "saddle focus"),
        ([1j, -1j], "centre"),
        ([1j, -1j, -1], "non-hyperbolic"),
        ([0, -1], "non-hyperbolic"),
    ],
)
def test_kinds(values, kind):
    assert analysis.classify(np.array(values, complex)) == kind


def network(weights, junctions):
    receptors = {"rate": nex.Receptor(nex.Instant(), nex.CUBA()), "gap": nex.Receptor(nex.Instant(), nex.CUBA())}
    cell = nex.Graded(tau=5.0, bias=0.1, activation=jnp.tanh)
    return nex.Network(
        {"a": nex.Population(cell, 4, receptors), "b": nex.Population(nex.FitzHughNagumo(), 4, receptors)},
        [
            nex.Projection("a", "a", "rate", nex.connect.from_dense(weights)),
            nex.Projection("a", "b", "rate", nex.connect.from_dense(weights.T)),
            nex.Projection("b", "b", "gap", nex.connect.from_dense(junctions), coupling=nex.GapJunction()),
        ],
    )


def test_a_network_is_its_equations_and_its_simulation(x64):
    rng = np.random.default_rng(3)
    weights, junctions = rng.normal(0.0, 0.3, (4, 4)), rng.uniform(0.0, 0.1, (4, 4))
    net = network(weights, junctions)
    system = analysis.system(net, {"a": 0.2})
    assert system.names == tuple(f"a[{i}]" for i in range(4)) + tuple(f"b.{x}[{i}]" for x in "vw" for i in range(4))
    x = rng.normal(size=12)
    a, v, w = x[:4], x[4:8], x[8:]
    gap = v @ junctions - v * junctions.sum(0)
    expected = [
        (0.1 - a + 0.2 + np.tanh(a) @ weights) / 5.0,
        v - v**3 / 3.0 - w + np.tanh(a) @ weights.T + gap,
        (v + 0.7 - 0.8 * w) / 12.5,
    ]
    np.testing.assert_allclose(system(jnp.asarray(x)), np.concatenate(expected), rtol=1e-12)
    steady = analysis.steady_state(system)
    still = nex.simulate(net, 2000.0, 0.5, {"a": 0.2}).state.populations
    np.testing.assert_allclose(steady["a"], still["a"].cell, atol=1e-8)
    np.testing.assert_allclose(steady["b"].v, still["b"].cell.v, atol=1e-8)


def test_phase_plane_has_nullclines_on_the_curves(x64):
    system = analysis.system(nex.FitzHughNagumo(), 0.5)
    plane = analysis.phase_plane(system, ("v", -2.2, 2.2), ("w", -1.0, 2.0), points=30)
    assert plane.names == ("v", "w") and plane.du.shape == (30, 30)
    np.testing.assert_allclose(plane.dw, (plane.u[None] + 0.7 - 0.8 * plane.w[:, None]) / 12.5, atol=1e-12)
    (cubic,), (line,) = plane.u_nullclines, plane.w_nullclines
    np.testing.assert_allclose(cubic[:, 1], cubic[:, 0] - cubic[:, 0] ** 3 / 3.0 + 0.5, atol=1e-12)
    np.testing.assert_allclose(line[:, 1], (line[:, 0] + 0.7) / 0.8, atol=1e-12)
    assert np.ptp(cubic[:, 0]) > 4.2 and np.ptp(line[:, 1]) > 2.9


DELAYED = [nex.Projection("a", "a", "rate", nex.connect.all_to_all(1.0), delay=2.0)]
SPIKING = [nex.Projection("s", "a", "rate", nex.connect.all_to_all(1.0))]
LASTING = [nex.Projection("a", "a", "slow", nex.connect.all_to_all(1.0))]


def small(projections):
    receptors = {"rate": nex.Receptor(nex.Instant(), nex.CUBA()), "slow": nex.Receptor(nex.Expon(5.0), nex.CUBA())}
    populations = {"a": nex.Population(nex.Graded(), 2, receptors), "s": nex.Population(nex.LIF(), 2)}
    return nex.Network(populations, projections)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: analysis.system(small(DELAYED)), ValueError, "has a delay"),
        (lambda: analysis.system(small(SPIKING)), ValueError, "sends spikes"),
        (lambda: analysis.system(small(LASTING)), ValueError, "kinetics Expon"),
        (lambda: analysis.system(small([]), {"c": 1.0}), ValueError, "names \\['c'\\]"),
        (lambda: analysis.system(small([]), 1.0), TypeError, "a dictionary by population"),
        (lambda: analysis.system(lambda y: y), ValueError, "needs `y0`"),
        (lambda: analysis.system(lambda y: y, y0=jnp.arange(2)), TypeError, "floating-point"),
        (lambda: analysis.system(nex.Poisson(1.0, 2)), TypeError, "must be a neuron"),
        (
            lambda: analysis.fixed_points(analysis.system(nex.LIF()), jnp.zeros((3, 2))),
            ValueError,
            r"shape \[starts, 1\]",
        ),
        (
            lambda: analysis.phase_plane(analysis.system(nex.FitzHughNagumo()), ("v", 0.0, 1.0), ("x", 0.0, 1.0)),
            ValueError,
            "no variable 'x'",
        ),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_family_of_the_same_shapes_is_compiled_once(x64):
    traced = []

    def field(p, y):
        traced.append(1)
        return p - y

    find = lambda p: analysis.steady_state(analysis.system(eqx.Partial(field, jnp.asarray(p)), y0=jnp.zeros(1)))
    assert float(find(2.0)[0]) == pytest.approx(2.0)
    before = len(traced)
    assert float(find(3.0)[0]) == pytest.approx(3.0)
    assert len(traced) == before
