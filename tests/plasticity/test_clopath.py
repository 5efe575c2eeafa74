"""Voltage-based plasticity against a plain loop over the recorded voltages."""

import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from plasticity_references import source, trains


def test_weights_and_voltages(x64, ledger):
    """Exponential cells, driven up and down, in float64; depression and potentiation both matter."""
    rng = np.random.default_rng(5)
    dt, steps, lag = 0.1, 3000, 4
    pre = trains(rng, 8, steps, 0.01)
    rule = nex.plasticity.Clopath(v_spike=20.0, a_ltd=14e-4, a_ltp=8e-4)
    w = rng.uniform(0.3, 0.6, (8, 4))
    cell = nex.AdEx()
    net = nex.Network(
        {"pre": source(pre, dt), "post": nex.Population(cell, 4, {"x": nex.Receptor(nex.Expon(), nex.COBA(0.0))})},
        {"p": nex.Projection("pre", "post", "x", nex.connect.Dense(w), delay=lag * dt, plasticity=rule)},
    )
    drive = nex.Samples(
        jnp.asarray(np.where(np.arange(steps)[:, None] % 1000 < 600, [500.0, 900.0, 300.0, 700.0], 0.0))
    )
    record = {"v": nex.voltage("post"), "s": nex.output("post"), "w": nex.state(lambda state: state.weights["p"])}
    sol = nex.simulate(net, steps * dt, dt, inputs={"post": drive}, record=record)
    v, spikes = (np.asarray(sol.records[name].values) for name in "vs")
    assert spikes.sum() > 5
    u = np.where(spikes > 0, 20.0, v)
    start = float(net.init(dt=dt).populations["post"].v[0])
    minus, plus, x, plain = np.full(4, start), np.full(4, start), np.zeros(8), w.copy()
    down, up = np.zeros_like(w), np.zeros_like(w)
    for t in range(steps):
        arrived = pre[t - lag] if t >= lag else np.zeros(8)
        x = x * np.exp(-dt / 15.0)
        ltp = 8e-4 * x[:, None] * np.maximum(u[t] + 45.3, 0) * np.maximum(plus + 70.6, 0) * dt
        ltd = 14e-4 * arrived[:, None] * np.maximum(minus + 70.6, 0)
        plain = np.clip(np.clip(plain + ltp, None, 1.0) - ltd, 0.0, 1.0)
        up, down = up + ltp, down + ltd
        x = x + arrived / 15.0
        minus, plus = u[t] + (minus - u[t]) * np.exp(-dt / 10.0), u[t] + (plus - u[t]) * np.exp(-dt / 7.0)
    assert up.max() > 0.05 and down.max() > 0.05
    error = np.abs(sol.records["w"].values[-1] - plain).max()
    departure = "constant amplitude of depression; voltages at the ends of steps"
    ledger("Clopath", "a plain loop over the voltages", "weights after 300 ms", error, 1e-10, departure)


def test_it_needs_a_voltage():
    class Bare(nex.AbstractCell):
        def init(self, shape, *, key=None):
            return {"a": jnp.zeros(shape)}

        def step(self, state, input, *, dt, t=0.0, key=None):
            return state, state["a"]

    net = nex.Network(
        {"a": nex.Poisson(1.0, 3), "b": nex.Population(Bare(), 2, {"x": nex.Receptor(nex.Instant(), nex.CUBA())})},
        [nex.Projection("a", "b", "x", nex.connect.all_to_all(0.5), plasticity=nex.plasticity.Clopath())],
    )
    with pytest.raises(TypeError, match="has no voltage"):
        net.init(dt=0.1)
