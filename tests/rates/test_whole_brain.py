"""Networks of areas: a connectome with delays of tracts, against each connection for itself, and gradients of a fit."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest


RECEPTORS = {"in": nex.Receptor(nex.Instant(), nex.CUBA())}


def test_synthetic_connectomes():
    c = nex.connect.synthetic_connectome(80, seed=0)
    w, d, x = c
    np.testing.assert_array_equal(w, w.T)
    assert np.all(np.diag(w) == 0.0)
    np.testing.assert_allclose(np.mean(w > 0) * 80 / 79, 0.3, atol=0.01)
    np.testing.assert_allclose(w.sum(0).mean(), 1.0)
    assert np.all(x[:40, 0] < 0.0)
    np.testing.assert_allclose(x[:40] * [-1.0, 1.0, 1.0], x[40:])
    straight = np.linalg.norm(x[:, None] - x[None], axis=2)
    assert np.all(d >= straight - 1e-9)  # no tract is shorter than the way
    # Nearer areas are connected more often, and more strongly.
    pairs = np.triu_indices(80, 1)
    near = d[pairs] < np.median(d[pairs])
    present = w[pairs] > 0
    assert present[near].mean() > 3.0 * present[~near].mean()
    slope = np.polyfit(d[pairs][present], np.log(w[pairs][present]), 1)[0]
    np.testing.assert_allclose(slope, -1.0 / 30.0, rtol=0.25)
    again, other = (nex.connect.synthetic_connectome(80, seed=k).weights for k in (0, 1))
    assert np.all(again == w) and not np.all(other == w)
    directed = nex.connect.synthetic_connectome(80, seed=0, symmetric=False).weights
    assert not np.all(directed == directed.T)


def test_areas_with_tracts(x64, ledger):
    """Six areas with a delay for each tract, by an Euler loop in NumPy."""
    w, d, _ = nex.connect.synthetic_connectome(6, seed=1, density=0.6, symmetric=False)
    dt, n = 0.5, 6
    rule = nex.connect.tracts(w, d, 8.0, dt)
    lags = np.maximum(np.rint(d / 8.0 / dt).astype(int), 1)
    assert len(set(lags[w > 0])) > 4
    cell = nex.rates.StuartLandau(0.1, 0.3, nex.Euler())
    start = np.linspace(-0.5, 0.5, n)
    net = nex.Network(
        {"areas": nex.Population(cell, n, RECEPTORS, v0=start)},
        [nex.Projection("areas", "areas", "in", rule, coupling=nex.GapJunction())],
    )
    x, y = [start] * (lags.max() + 1), np.zeros(n)
    for _ in range(120):
        input = np.zeros(n)
        for j, i in zip(*np.nonzero(w), strict=True):
            input[i] += w[j, i] * (x[-lags[j, i]][j] - x[-1][i])
        grow = 0.1 - x[-1] ** 2 - y**2
        now = x[-1] + dt * (grow * x[-1] - 0.3 * y + input)
        y = y + dt * (grow * y + 0.3 * x[-1])
        x.append(now)
    found = nex.simulate(net, 60.0, dt, record={"x": nex.voltage("areas")}).records["x"].values
    error = np.abs(np.asarray(found) - x[lags.max() + 1 :]).max()
    ledger("StuartLandau", "NumPy, tract by tract", "six areas with delays of tracts", error, 1e-12)


def test_gradients_of_a_fit(x64, ledger):
    """Of the distance of functional connectivities, towards global coupling and local excitation, with delays and noise."""
    n, dt = 6, 2.0
    w, d, _ = nex.connect.synthetic_connectome(n, seed=2, density=0.7)
    target = jnp.asarray(np.corrcoef(np.random.default_rng(0).normal(size=(n, 40)) + np.linspace(0.0, 1.0, 40)))

    cell = nex.rates.ReducedWongWang(stepper=nex.EulerMaruyama(0.002))
    tracts = nex.Projection("x", "x", "in", nex.connect.tracts(w, d, 5.0, dt))
    areas = nex.Network({"x": nex.Population(cell, n, RECEPTORS)}, [tracts])

    def loss(p):
        net = eqx.tree_at(lambda x: (x.populations["x"].cell.g, x.populations["x"].cell.w), areas, (p[0], p[1:]))
        s = nex.simulate(net, 600.0, dt, record={"s": nex.output("x")}, key=jr.key(0)).records["s"].values
        return jnp.mean((nex.measure.functional_connectivity(s[50:]) - target) ** 2)

    p, h = jnp.array([1.5, *np.linspace(0.5, 0.8, n)]), 1e-5
    value, slope = jax.jit(jax.value_and_grad(loss))(p)
    steps = jnp.eye(n + 1)[jnp.array([0, 1, 4])]
    losses = jax.jit(jax.vmap(loss))(jnp.concatenate([p[None] + h * steps, p[None] - h * steps]))
    numeric = (losses[:3] - losses[3:]) / (2 * h)
    assert np.all(np.abs(numeric) > 1e-5) and float(value) > 0.01
    error = np.abs(np.asarray(steps @ slope) / np.asarray(numeric) - 1.0).max()
    ledger("ReducedWongWang", "central differences in float64",
           "gradient of the distance of functional connectivities, relative", error, 1e-5)  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nex.connect.tracts(np.ones((3, 2)), np.ones((2, 3)), 1.0, 0.1), r"got \(3, 2\) and \(2, 3\)"),
        (lambda: nex.connect.tracts(np.ones((2, 2)), np.ones((2, 2)), 0.0, 0.1), "`speed` must be positive"),
        (lambda: nex.connect.tracts(np.ones((2, 2)), -np.ones((2, 2)), 1.0, 0.1), "`lengths` must be finite"),
        (lambda: nex.connect.synthetic_connectome(7, seed=0), "`regions` must be an even whole number"),
        (lambda: nex.connect.synthetic_connectome(8, seed=0, density=0.0), "`density` must be above 0"),
        (lambda: nex.connect.synthetic_connectome(8, seed=0, decay=0.0), "`decay` must be positive"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
