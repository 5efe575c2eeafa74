"""Cells integrated with error control within the steps of a network."""

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax


DT, END, TAU, DELAY, E_SYN = 0.1, 30.0, 3.0, 0.5, 10.0


class Counted(nex.AbstractNeuron):
    """A neuron that says when its equations are evaluated."""

    cell: nex.HodgkinHuxley
    stepper: nex.AbstractStepper = nex.Euler()
    surrogate: nex.AbstractSurrogate = eqx.field(default_factory=nex.SuperSpike)
    calls: list = eqx.field(static=True, default_factory=list)

    fires_on_crossing = True

    def init(self, shape, *, key=None):
        return self.cell.init(shape)

    def vector_field(self, t, y, current):
        jax.debug.callback(lambda: self.calls.append(1))
        return self.cell.vector_field(t, y, current)

    def threshold(self, y):
        return self.cell.threshold(y)

    def reset(self, y, spike):
        return y


def network(cell, weight):
    """Six LIF cells, which go by the clock, and one that does not."""
    return nex.Network(
        {
            "lif": nex.Population(nex.LIF(tau=10.0), 6),
            "hh": nex.Population(cell, 1, {"ampa": nex.Receptor(nex.Expon(TAU), nex.COBA(E_SYN))}),
        },
        [nex.Projection("lif", "hh", "ampa", nex.connect.Dense(weight), delay=DELAY)],
    )


DRIVE = {"lif": np.linspace(1.3, 2.2, 6)}
WEIGHT = np.full((6, 1), 0.1)


def rk4(arrivals, weight, dt):
    """The equations of Hodgkin & Huxley under the sum of exponentials, and the times at which 0 mV is crossed upwards."""

    def rates(v):
        a = 0.1 * (v + 40.0) / (1.0 - jnp.exp(-(v + 40.0) / 10.0))
        b = 0.01 * (v + 55.0) / (1.0 - jnp.exp(-(v + 55.0) / 10.0))
        alpha = jnp.stack([a, 0.07 * jnp.exp(-(v + 65.0) / 20.0), b])
        down = [4.0 * jnp.exp(-(v + 65.0) / 18.0), 1.0 / (1.0 + jnp.exp(-(v + 35.0) / 10.0))]
        return alpha, jnp.stack([*down, 0.125 * jnp.exp(-(v + 65.0) / 80.0)])

    def field(t, y, begun):
        v, (m, h, n) = y[0], y[1:]
        g = jnp.sum(jnp.where(begun, weight * jnp.exp(-(t - arrivals) / TAU), 0.0))
        ions = 120.0 * m**3 * h * (50.0 - v) + 36.0 * n**4 * (-77.0 - v) + 0.3 * (-54.387 - v) + g * (E_SYN - v)
        alpha, beta = rates(v)
        return jnp.concatenate([ions[None], alpha * (1.0 - y[1:]) - beta * y[1:]])

    def step(y, i):
        t = i.astype(float) * dt
        begun = arrivals < t + 0.5 * dt
        a = field(t, y, begun)
        b = field(t + dt / 2, y + dt / 2 * a, begun)
        c = field(t + dt / 2, y + dt / 2 * b, begun)
        d = field(t + dt, y + dt * c, begun)
        after = y + dt / 6 * (a + 2 * b + 2 * c + d)
        crossing = t + dt * (0.0 - y[0]) / (after[0] - y[0])
        return after, jnp.where((y[0] < 0.0) & (after[0] >= 0.0), crossing, jnp.inf)

    alpha, beta = rates(-64.99637933119206)
    start = jnp.concatenate([jnp.array([-64.99637933119206]), alpha / (alpha + beta)])
    found = jax.jit(lambda: lax.scan(step, start, jnp.arange(round(END / dt)))[1])()
    return np.sort(np.asarray(found)[np.isfinite(found)])


def test_a_population_by_the_clock_drives_one_with_error_control(ledger, x64):
    cell = Counted(nex.HodgkinHuxley())
    net = network(nex.Adaptive(cell, rtol=1e-7, atol=1e-7), jnp.asarray(WEIGHT))
    record = {
        "lif": nex.spikes("lif"),
        "hh": nex.spikes("hh"),
        "since": nex.state(lambda s: s.populations["hh"].cell.since),
    }
    sol = nex.simulate(net, END, DT, DRIVE, record=record, fused=False)
    evaluations = len(cell.calls)
    since = np.asarray(sol.records["since"].values).reshape(-1)
    steps = np.asarray(sol.records["hh"].steps)
    times = (steps + 1) * DT - since[steps]
    arrivals = np.asarray(sol.records["lif"].steps) * DT + DELAY
    true = rk4(jnp.asarray(arrivals), 0.1, 1e-4)
    assert len(times) == len(true) >= 2
    reference = "Runge-Kutta of order 4 at 0.1 us, equations written out"
    ledger("Adaptive", reference, "spike times driven by clocked LIF cells, ms", np.abs(times - true).max(), 1e-6)
    assert 0 < evaluations * 10 < 4 * END / 1e-4, evaluations


@pytest.mark.thorough
def test_one_gradient_through_both(x64):
    """From a spike time, between steps, and a voltage of the cell with error control to weights, its own conductances, and
    through surrogates to the drive of the cells by the clock."""

    @eqx.filter_jit
    @eqx.filter_value_and_grad
    def loss(parts):
        weight, g_na, tau = parts
        cell = eqx.tree_at(lambda c: c.g_na, nex.HodgkinHuxley(), g_na)
        net = network(nex.Adaptive(cell, rtol=1e-9, atol=1e-9), weight)
        net = eqx.tree_at(lambda n: n.populations["hh"].receptors["ampa"].syn.tau, net, tau)
        state = nex.simulate(net, 12.0, DT, DRIVE, fused=False).state.populations["hh"].cell
        return jnp.sum(12.0 - state.since) + 0.01 * jnp.sum(state.v)

    parts = jnp.asarray(WEIGHT), jnp.asarray(120.0), jnp.asarray(TAU)
    value, found = loss(parts)
    assert np.isfinite(value)
    directions = [(jnp.zeros((6, 1)).at[5].set(1e-4), 0.0, 0.0), (0.0, 1e-2, 0.0), (0.0, 0.0, 1e-4)]
    for direction in directions:
        ends = [float(loss(tuple(p + s * d for p, d in zip(parts, direction, strict=True)))[0]) for s in (1.0, -1.0)]
        along = sum(float(jnp.sum(g * d)) for g, d in zip(found, direction, strict=True))
        np.testing.assert_allclose(along, (ends[0] - ends[1]) / 2.0, rtol=1e-5)
        assert abs(along) > 1e-7


def test_errors_say_what_to_change():
    with pytest.raises(TypeError, match="`cell` must be a neuron"):
        nex.Adaptive(nex.Graded())
    with pytest.raises(ValueError, match="noise"):
        nex.Adaptive(nex.LIF(stepper=nex.EulerMaruyama(0.1)))
    with pytest.raises(ValueError, match="`rtol` must be positive"):
        nex.Adaptive(nex.LIF(), rtol=-1.0)
    cell = nex.Adaptive(nex.LIF(tau=2.0))
    state, spike = eqx.filter_jit(cell.step)(cell.init((2,)), jnp.array([0.5, 2.0]), dt=2.0)
    assert spike.tolist() == [0.0, 1.0]
    # The voltages since the start and since the spike, at 2 ln 2 ms.
    v = [0.5 * (1.0 - np.exp(-1.0)), 2.0 * (1.0 - 2.0 * np.exp(-1.0))]
    np.testing.assert_allclose(state.v, v, atol=1e-5)
    np.testing.assert_allclose(state.since, [np.inf, 2.0 - 2.0 * np.log(2.0)], atol=1e-5)
    with pytest.raises(Exception, match="fired twice in a step"):
        jax.block_until_ready(eqx.filter_jit(cell.step)(cell.init((2,)), jnp.array([0.5, 20.0]), dt=2.0)[1])
    with pytest.raises(TypeError, match=r"Adaptive\(Refractory"):
        outer = nex.Refractory(cell, 2.0)
        outer.step(outer.init((2,)), 0.0, dt=2.0)
