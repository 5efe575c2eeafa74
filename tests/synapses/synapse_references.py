"""What tests of synapses share: networks that bring the same spikes to a kernel in every way, and kinetics solved by SciPy."""

import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
from jax import lax
from scipy.integrate import solve_ivp


DT, STEPS, PRE, POST = 0.1, 400, 6, 5


def largest(found, expected):
    """The largest difference, relative to the largest value that is expected."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    assert np.abs(expected).max() > 0.0
    return np.abs(found - expected).max() / np.abs(expected).max()


def per_synapse(matrix, kernel, steps, neurons, lag):
    """The conductance of every target at the end of every step: a sum over synapses and spikes of their kernels.

    What a source puts out in step n arrives in step n + lag, at its end.
    """
    g = np.zeros((STEPS, matrix.shape[1]))
    for pre, post in np.argwhere(matrix):
        for step in steps[neurons == pre]:
            first = step + lag
            g[first:, post] += matrix[pre, post] * kernel(DT * np.arange(STEPS - first))
    return g


def aligned(syn, kernel):
    """The largest errors of a linear kernel that is shared by two projections, kept once for each, and kept at the source.

    The reference is a sum over synapses.
    """
    rng = np.random.default_rng(0)
    rules = [rng.uniform(0.1, 1.0, (PRE, POST)) * (rng.random((PRE, POST)) < 0.6) for _ in range(2)]
    steps = np.sort(rng.choice(STEPS, 30, replace=False))
    neurons = rng.integers(0, PRE, steps.size)
    lags = (1, 7)
    one = lambda syn: nex.Receptor(syn, nex.CUBA())
    populations = {
        "s": nex.SpikeTimes(DT * steps + 1e-9, neurons, PRE),
        "shared": nex.Population(nex.Leaky(), POST, {"in": one(syn)}),
        "apart": nex.Population(nex.Leaky(), POST, {"0": one(syn), "1": one(syn)}),
        "pre": nex.Population(nex.Leaky(), POST, {"in": one(nex.Instant())}),
    }
    projections = []
    for i, (matrix, lag) in enumerate(zip(rules, lags, strict=True)):
        w, delay = nex.connect.from_dense(matrix), lag * DT
        projections += [nex.Projection("s", "shared", "in", w, delay=delay)]
        projections += [nex.Projection("s", "apart", str(i), w, delay=delay)]
        projections += [nex.Projection("s", "pre", "in", w, delay=delay, release=syn)]
    net = nex.Network(populations, projections)
    assert nex.explain(net, DT).kept == []
    record = {
        "shared": nex.state(lambda s: syn.output(s.populations["shared"].receptors["in"])),
        "apart": nex.state(lambda s: sum(syn.output(x) for x in s.populations["apart"].receptors.values())),
        "pre": nex.state(lambda s: s.populations["pre"].receptors["in"]),
    }
    sol = nex.simulate(net, STEPS * DT, DT, record=record)
    expected = sum(per_synapse(w, kernel, steps, neurons, lag) for w, lag in zip(rules, lags, strict=True))
    return {way: largest(sol.records[way].values, expected) for way in record}


def hold(ledger, name, syn, kernel, tolerance=1e-12, departures=""):
    """Notes and asserts what `aligned` finds of a kernel."""
    ways = {"shared": "shared by two projections", "apart": "one receptor for each", "pre": "as `release`"}
    for way, error in aligned(syn, kernel).items():
        reference = "closed form of the kernel, summed over synapses and spikes in NumPy"
        ledger(name, reference, f"conductance, {ways[way]}, relative", error, tolerance, departures)


def train(steps=300, rate=0.04):
    """Spikes of one source: random, and some of them in neighbouring steps."""
    spikes = (np.random.default_rng(1).random(steps) < rate).astype(float)
    spikes[[5, 6, 20, 22]] = 1.0
    return spikes


def driven(cell, spikes, dt):
    """The output of a cell in every step."""
    _, outputs = lax.scan(lambda s, x: cell.step(s, x, dt=dt), cell.init((1,)), jnp.asarray(spikes)[:, None])
    return np.asarray(outputs)[:, 0]


def solved(rates, arrive, size, spikes, dt, pulse=0.0):
    """A kinetic scheme in SciPy, from zeros: its variables at the end of every step, `[steps, size]`.

    **Arguments:**

    - `rates`: from variables, and whether there is transmitter, to their derivatives.
    - `arrive`: what a spike does to the variables.
    - `pulse`: how long transmitter lasts after a spike.
    """
    ends = dt * np.arange(1, spikes.size + 1)
    arrivals = ends[spikes > 0.0]
    stops = np.unique(np.round(np.concatenate([ends, arrivals + pulse]), 9))
    y, now, found = np.zeros(size), 0.0, []
    for stop in stops[stops < ends[-1] + 1e-6]:
        middle = 0.5 * (now + stop)
        present = bool(np.any((arrivals < middle) & (middle < arrivals + pulse)))
        field = lambda t, y, present=present: rates(y, present)
        y = solve_ivp(field, (now, stop), y, method="DOP853", rtol=1e-12, atol=1e-14).y[:, -1]
        now = stop
        if np.any(np.abs(ends - now) < 1e-6):
            found.append(y)
        if np.any(np.abs(arrivals - now) < 1e-6):
            y = arrive(y)
    return np.array(found)


def with_release(cell, n=8):
    """A small recurrent network of neurons whose synapses have these kinetics."""
    receptors = {"in": nex.Receptor(nex.Instant(), nex.COBA(0.0))}
    neuron = nex.LIF(v_rest=-60.0, v_th=-50.0, v_reset=-60.0)
    rule = nex.connect.all_to_all(0.1)
    return nex.Network(
        {"E": nex.Population(neuron, n, receptors)}, [nex.Projection("E", "E", "in", rule, release=cell)]
    )


def native(cell):
    """Whether a network with these kinetics runs in one native call."""
    return nex.explain(with_release(cell), DT, {"E": 20.0}).kept == []
