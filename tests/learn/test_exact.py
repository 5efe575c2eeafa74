"""Exact gradients of spike times: against central differences, and times against an independent integration."""

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from learn.test_grad import at_end, DT, T1, TARGETS
from neuroeqx.learn._located import _search as search, Arrivals, Membrane
from scipy.integrate import solve_ivp


WEIGHTS = np.array([[0.0, 1.1, -0.6], [0.9, 0.0, 0.8], [-0.5, 0.7, 0.0]])
DRIVE = np.array([1.9, 1.5, 1.2])
TAU, TAU_SYN = np.array([8.0, 10.0, 12.0]), 3.0
# Of each synapse, in steps.
DELAYS = np.array([[1, 3, 2], [4, 1, 2], [5, 3, 1]])


def network(weights=WEIGHTS, drive=DRIVE, *, t_ref=0.0, delays=False):
    cell = nex.LIF(tau=TAU)
    cell = nex.Refractory(cell, t_ref) if t_ref else cell
    receptor = {"in": nex.Receptor(nex.Expon(tau=TAU_SYN), nex.CUBA())}
    slow = {"in": nex.Receptor(nex.Expon(tau=6.0), nex.CUBA())}
    comm = nex.connect.Dense(weights)
    if delays:
        comm = nex.connect.CSR(
            jnp.reshape(weights, -1), np.tile(np.arange(3), 3), [0, 3, 6, 9], 3, delays=DELAYS.ravel()
        )
    out = nex.connect.Dense(np.array([[1.0, -0.5], [0.3, 0.8], [-0.7, 0.4]]))
    return nex.Network(
        {"N": nex.Population(cell, 3, receptor, i0=drive), "R": nex.Population(nex.Leaky(tau=5.0), 2, slow)},
        {
            "into": nex.Projection("N", "N", "in", comm, delay=None if delays else 2.0),
            "out": nex.Projection("N", "R", "in", out, delay=1.0),
        },
    )


def integrated(delays, t_ref):
    """Voltages of the readout at the ends of steps, from spike to spike and arrival to arrival by SciPy."""
    out, reads = np.array([[1.0, -0.5], [0.3, 0.8], [-0.7, 0.4]]), []
    lag = DELAYS.astype(float) if delays else np.full((3, 3), 2.0)
    y = np.zeros(10)  # voltages and currents of neurons, then of readouts
    t, queue, free_at = 0.0, [(k * DT, "read", 0) for k in range(1, int(T1 / DT) + 1)], np.zeros(3)

    def field(t, y):
        v, i, u, j = y[:3], y[3:6], y[6:8], y[8:]
        dv = np.where(t >= free_at - 1e-12, (-v + DRIVE + i) / TAU, 0.0)
        return np.concatenate([dv, -i / TAU_SYN, (-u + j) / 5.0, -j / 6.0])

    crossings = [lambda t, y, k=k: y[k] - 1.0 for k in range(3)]
    for event in crossings:
        event.terminal, event.direction = True, 1.0
    spikes = 0
    while queue:
        queue.sort(key=lambda x: x[0])
        upto = min([queue[0][0], *(x for x in free_at if x > t + 1e-12)])
        sol = solve_ivp(field, (t, upto), y, "DOP853", rtol=1e-12, atol=1e-13, events=crossings)
        t, y = sol.t[-1], sol.y[:, -1].copy()
        fired = [k for k in range(3) if sol.t_events[k].size]
        for k in fired:
            y[k], free_at[k] = 0.0, t + t_ref
            spikes += 1
            queue += [(t + lag[k, j], "into", (k, j)) for j in range(3)] + [(t + 1.0, "out", k)]
        while not fired and queue and queue[0][0] <= t + 1e-12:
            _, kind, which = queue.pop(0)
            if kind == "read":
                reads.append(y[6:8].copy())
            elif kind == "into":
                y[3 + which[1]] += WEIGHTS[which]
            else:
                y[8:] += out[which]
        queue = [x for x in queue if x[0] <= T1]
    return np.array(reads), spikes


@pytest.mark.parametrize("delays, t_ref", [(False, 0.0), (True, 2.0)])
def test_times_of_spikes(delays, t_ref, x64):
    """Of readouts to 1e-9 in steps of 1 ms: nothing depends on the step."""
    reads, spikes = integrated(delays, t_ref)
    assert spikes > 8
    net = network(t_ref=t_ref, delays=delays)
    outputs = eqx.filter_jit(nex.learn.exact_outputs)(net, T1, DT)
    assert outputs["N"].sum() == spikes
    np.testing.assert_allclose(outputs["R"], reads, atol=1e-9)


@pytest.mark.parametrize("delays, t_ref, checkpoint", [(False, 0.0, None), (True, 2.0, 5)])
def test_gradients_against_central_differences(delays, t_ref, checkpoint, x64):
    """By weights, drives, time constants, thresholds: a recurrent network of three neurons."""
    loss = lambda outputs, targets: jnp.sum((jax.nn.logsumexp(outputs["R"], 0) - targets[0]) ** 2)
    step = eqx.filter_jit(nex.learn.value_and_grad(loss, "exact", t1=T1, dt=DT, checkpoint=checkpoint))
    net = network(t_ref=t_ref, delays=delays)
    value, slopes = step(net, None, jnp.asarray(TARGETS))
    cell = (lambda n: n.populations["N"].cell.cell) if t_ref else (lambda n: n.populations["N"].cell)
    parts = [
        lambda n: n.projections["into"].comm.weight,
        lambda n: n.projections["out"].comm.weight,
        lambda n: n.populations["N"].i0,
        lambda n: cell(n).tau,
        lambda n: cell(n).v_th,
        lambda n: cell(n).v_reset,
        lambda n: n.populations["N"].receptors["in"].syn.tau,
        lambda n: n.populations["R"].cell.tau,
    ]
    rng = np.random.default_rng(0)
    for part in parts:
        direction = rng.normal(size=part(net).shape)
        at = lambda h, part=part, d=direction: float(
            step(eqx.tree_at(part, net, part(net) + h * d), None, jnp.asarray(TARGETS))[0]
        )
        # Beyond, a spike reaches the readout in another step.
        difference = (at(1e-5) - at(-1e-5)) / 2e-5
        np.testing.assert_allclose(
            np.sum(np.asarray(part(slopes)) * direction), difference, rtol=1e-6, atol=1e-9 * value
        )


def test_spikes_that_are_given_have_their_own_times(x64):
    """Voltages of a leaky integrator are those of the difference of two exponentials for each spike."""
    times, sources, weights = [2.345, 0.1, 3.75, 9.999], [1, 0, 0, 0], np.array([0.7, -1.2])
    net = nex.Network(
        {
            "in": nex.SpikeTimes(times, sources, 2),
            "R": nex.Population(nex.Leaky(tau=5.0), 1, network().populations["N"].receptors),
        },
        [nex.Projection("in", "R", "in", nex.connect.Dense(weights[:, None]), delay=2.0)],
    )
    run = eqx.filter_jit(lambda net: nex.learn.exact_outputs(net, 20.0, 2.0))
    found = run(net)
    since = np.maximum(np.arange(2.0, 22.0, 2.0)[:, None] - np.array(times) - 2.0, 0.0)
    rise = TAU_SYN / (5.0 - TAU_SYN) * (np.exp(-since / 5.0) - np.exp(-since / TAU_SYN))
    np.testing.assert_allclose(found["R"][:, 0], rise @ weights[sources], atol=1e-12)
    assert found["in"].sum() == 4.0
    with pytest.raises(RuntimeError, match="a source spikes twice within a step"):
        run(eqx.tree_at(lambda n: n.populations["in"].indices, net, jnp.zeros(4, jnp.int32)))


def test_it_takes_the_same_network_as_other_methods(x64):
    """And goes the same way downhill."""
    call = lambda method: eqx.filter_jit(nex.learn.value_and_grad(at_end, method, t1=T1, dt=0.25))
    net = network()
    found = [call(method)(net, None, jnp.asarray(TARGETS)) for method in ("surrogate", "exact")]
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=0.3)
    assert jax.tree.structure(found[0][1]) == jax.tree.structure(found[1][1])
    a, b = (np.asarray(slopes.projections["out"].comm.weight).ravel() for _, slopes in found)
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.9


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (lambda: nex.Population(nex.LIF(), 3), TypeError, "must be a Network"),
        (lambda: nex.Network({"N": nex.Population(nex.AdEx(), 3)}), TypeError, "must be LIF"),
        (lambda: nex.Network({"N": nex.Population(nex.LIF(resetting=nex.SoftReset()), 3)}), TypeError, "HardReset"),
        (
            lambda: nex.Network({"N": nex.Population(nex.LIF(), 3, {"a": nex.Receptor(nex.Expon(), nex.COBA(0.0))})}),
            TypeError,
            r"must be Receptor\(Expon",
        ),
        (lambda: network(drive=np.array([60.0, 1.0, 1.0])), RuntimeError, "spikes twice within a step"),
    ],
)
def test_errors_name_the_model(model, error, message):
    with pytest.raises(error, match=message):
        nex.learn.grad(at_end, "exact", t1=T1, dt=DT)(model(), None, jnp.asarray(TARGETS, jnp.float32))


@pytest.mark.parametrize("method", ["exact", "d_rtrl"])
def test_times_and_inputs_are_checked(method):
    loss = nex.learn.each_step(lambda outputs, targets: jnp.sum(outputs["R"]))
    with pytest.raises(ValueError, match="`Samples` over time must have one entry for each of the 40 steps"):
        nex.learn.grad(loss, method, t1=T1, dt=DT)(network(), {"N": nex.Samples(np.ones((7, 3)))})
    with pytest.raises(ValueError, match="is not a whole number of steps"):
        nex.learn.grad(loss, method, t1=10.5, dt=DT)(network())
    with pytest.raises(ValueError, match="t_ref"):
        nex.learn.grad(loss, method, t1=T1, dt=DT)(network(t_ref=1.5))


@pytest.mark.parametrize("tau_syn", [20.0, 19.99, 5.0, 0.05])
def test_crossings_are_found(tau_syn, dtype):
    """Where the first search is exact, and where its exponentials are those of other time constants, or overflow."""
    rng, n, dt = np.random.default_rng(0), 400, 8.0
    of = lambda low, high, shape: jnp.asarray(rng.uniform(low, high, shape), dtype)
    tau = jnp.full(n, 20.0, dtype)
    weight, at = of(-0.5, 40.0 / tau_syn**0.7, (6, n)), of(0.0, dt, 6)
    arrivals = Arrivals(weight, at, jnp.full(n, tau_syn, dtype), of(0.0, 3.0, n))
    membrane = Membrane(of(0.0, 0.9, n), of(0.0, 1.5, n), jnp.ones(n, dtype), tau, [arrivals])
    zero, v_th = jnp.zeros(n, dtype), jnp.ones(n, dtype)
    crossed, found = jax.jit(lambda membrane: search(membrane, zero, v_th, zero, jnp.zeros(n, bool), dt))(membrane)
    assert crossed.sum() > 50
    v = membrane.free(found)
    late = np.asarray((v - v_th) / membrane.slope(found, v))[np.asarray(crossed)]
    assert np.abs(late).max() < (1e-4 if dtype == "float32" else 1e-12) * dt
