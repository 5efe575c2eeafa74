"""FORCE learning against the algorithm written out in NumPy, and by what it has learnt."""

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import connect
from neuroeqx.learn import Force, nrmse, RLS


CELLS, TAU, GAIN, DT = 200, 10.0, 1.5, 1.0


def chaotic(cells=CELLS, **v0):
    """Rate units whose random connections make them chaotic (Sompolinsky et al. 1988)."""
    rates = {"rate": nex.Receptor(nex.Instant(), nex.CUBA())}
    cell = nex.Graded(TAU, activation=jnp.tanh, stepper=nex.Euler())
    law = connect.procedural(connect.bernoulli(0.1, connect.normal(0.0, GAIN / np.sqrt(0.1 * cells))))
    population = nex.Population(cell, cells, rates, v0=connect.normal(0.0, 0.5))
    return nex.Network({"N": population}, [nex.Projection("N", "N", "rate", law)], key=jr.key(0))


def sines(steps, first=0):
    """Two sines with a common period of 120 ms."""
    t = DT * np.arange(first, first + steps)[:, None]
    return np.sin(2.0 * np.pi * t / 120.0) + 0.5 * np.sin(2.0 * np.pi * t / 60.0)


def force(body, outputs=1, **options):
    feedback = np.random.default_rng(1).uniform(-1.0, 1.0, (outputs, CELLS))
    return Force(body, feedback, RLS(1.0), population="N", **options)


def by_numpy(network, feedback, v, target, every, drive):
    """Sussillo & Abbott's equations, Euler steps; the target of a step is that of its end."""
    w = np.asarray(network.projections["N->N:rate"].comm.todense(), np.float64)
    r, z = np.zeros(CELLS), np.zeros(target.shape[1])
    p, out, zs = np.eye(CELLS), np.zeros((CELLS, target.shape[1])), []
    for i, f in enumerate(target):
        v = v + DT / TAU * (-v + r @ w + z @ feedback + drive)
        r = np.tanh(v)
        z = r @ out
        if i % every == 0:
            k = p @ r / (1.0 + r @ p @ r)
            p = p - np.outer(k, r @ p)
            out = out - np.outer(k, z - f)
        zs.append(z)
    return np.array(zs), out


@pytest.mark.parametrize("every", [1, 3])
def test_the_algorithm(every, x64, ledger):
    """60 steps, over which rounding has not grown yet."""
    target = np.hstack([sines(60), np.cos(sines(60))])
    model = force(chaotic(), 2, every=every)
    inputs = {"target": nex.Samples(target), "body": {"N": 0.1}}
    begin = model.init(dt=DT, key=jr.key(3))
    sol = nex.simulate(model, 60.0, DT, inputs, state=begin, record={"z": nex.output("readout")})
    v = np.asarray(begin.body.populations["N"].v)
    z, weights = by_numpy(model.body, np.asarray(model.feedback), v, target, every, 0.1)
    for name, found, exact in (("readout", sol.records["z"].values, z), ("weights", sol.state.learnt.weights, weights)):
        error = np.abs(found - exact).max() / np.abs(exact).max()
        ledger("Force", "the algorithm in NumPy", f"{name} over 60 steps, relative", error, 1e-8)


def test_a_chaotic_network_learns_two_sines_and_goes_on_by_itself():
    model, learning, testing = force(chaotic()), 1200, 600
    sol = nex.simulate(model, learning * DT, DT, {"target": nex.Samples(sines(learning))}, key=jr.key(3))
    record = {"z": nex.output("readout"), "r": nex.output("N")}
    end = (learning + testing) * DT
    test = nex.simulate(model, end, DT, t0=learning * DT, state=sol.state, record=record)
    error = float(nrmse(jnp.asarray(test.records["z"].values), jnp.asarray(sines(testing, learning), float)))
    assert error < 0.1
    np.testing.assert_array_equal(test.state.learnt.weights, sol.state.learnt.weights)
    assert test.records["r"].values.shape == (testing, CELLS)


def test_spikes_are_read_through_a_filter_of_a_single_population(x64):
    """What the readout sees is what the synapse would pass on, and what is fed back drives the cells."""
    cells = nex.Population(nex.LIF(), 5)
    model = Force(cells, np.full((1, 5), 0.5), RLS(1.0), filter=nex.Expon(20.0))
    state = model.init(dt=DT, key=jr.key(0))
    weights = jr.normal(jr.key(1), (5, 1))
    state = eqx.tree_at(lambda s: s.learnt.weights, state, weights)
    drive = np.linspace(1.5, 3.0, 5)
    record = {"z": nex.output("readout"), "s": nex.output("body")}
    sol = nex.simulate(model, 80.0, DT, {"body": drive}, state=state, record=record)
    v, r, z = np.zeros(5), np.zeros(5), 0.0
    keep, tau = np.exp(-DT / 20.0), float(nex.LIF().tau)
    assert float(nex.LIF().r) == float(nex.LIF().v_th) == 1.0
    for step in range(80):
        decay = np.exp(-DT / tau)
        v = decay * v + (1.0 - decay) * (drive + 0.5 * z)
        s = (v >= 1.0).astype(float)
        v = v * (1.0 - s)
        r = keep * r + s
        z = float(r @ np.asarray(weights)[:, 0])
        np.testing.assert_array_equal(sol.records["s"].values[step], s)
        np.testing.assert_allclose(sol.records["z"].values[step], z, rtol=1e-9, atol=1e-12)
    assert sol.records["s"].values.sum() > 5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda net: Force(net, np.ones((1, CELLS)), RLS()),
            ValueError,
            r"`population` must be one of \['N'\], got None",
        ),
        (lambda net: Force(net, np.ones((1, 7)), RLS(), population="N"), ValueError, r"shape \(outputs, 200\)"),
        (
            lambda net: Force(net.populations["N"], np.ones((1, CELLS)), RLS(), population="N"),
            ValueError,
            "leave it out",
        ),
        (
            lambda net: Force(nex.Poisson(5.0, 3), np.ones((1, 3)), RLS()),
            TypeError,
            "must be a Network or a Population",
        ),
        (lambda net: force(net, every=0), ValueError, "`every` must be a whole number of steps"),
        (
            lambda net: nex.simulate(force(net), 5.0, DT, {"N": 1.0}, key=jr.key(0)),
            ValueError,
            "the inputs of a step are",
        ),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call(chaotic())
