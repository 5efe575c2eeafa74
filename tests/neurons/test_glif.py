"""The generalised leaky integrate-and-fire neurons against closed forms and a simulation in NumPy."""

import functools

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from scipy.optimize import brentq


DT, T1 = 0.02, 200.0
CURRENTS = np.array([300.0, 450.0, 700.0])  # pA; the least that makes level 1 spike is 256
TAU, G, C, E_L, HEIGHT = 58.72 / 9.43, 9.43, 58.72, -78.85, -51.68 + 78.85
K, R, A = np.array([0.03, 0.1]), np.array([1.0, 0.5]), np.array([-20.0, -150.0])
FRACTION, ADD = 0.2, 9.0
K_S, A_S = 0.04, 0.8
A_V, B_V = 0.005, 0.09

LEVELS = [1, 2, 3, 4, 5]


def parts(level):
    """Which parts a level has: the currents, the reset with its part of the threshold, the one that follows the voltage."""
    return level >= 3, level in (2, 4, 5), level == 5


def cell(level):
    own, resets, follows = parts(level)
    return nex.GLIF(
        [nex.SpikeCurrent(k, r, a) for k, r, a in zip(K, R, A, strict=True)] if own else (),
        nex.PartialReset(FRACTION, ADD) if resets else nex.HardReset(),
        nex.SpikeThreshold(K_S, A_S) if resets else None,
        nex.VoltageThreshold(A_V, B_V) if follows else None,
        # RK4 compiles faster, and has errors far below 1e-9 mV at this step.
        stepper=nex.Exact() if follows else nex.RK4(),
    )


def convolved(slow, fast):
    """The integral of e^(-slow s) e^(-fast (DT - s)) over a step."""
    return (np.exp(-slow * DT) - np.exp(-fast * DT)) / (fast - slow)


@functools.cache
def simulated():
    """Voltages, thresholds and spikes in NumPy, each `[steps, levels, currents]`; each level is the highest with some numbers
    at zero."""
    own, resets, follows = (np.array(x, float)[:, None] for x in zip(*map(parts, LEVELS), strict=True))
    rate = 1.0 / TAU
    u, theta_s, theta_v = np.zeros((3, len(LEVELS), CURRENTS.size))
    i = np.zeros((K.size, *u.shape))
    decay, to_u = np.exp(-K * DT)[:, None, None], (convolved(K, rate) / C)[:, None, None]
    # The voltage is a constant, an exponential of the membrane and one of each current; so is what follows it.
    steady = CURRENTS / G
    pull = (A_V * convolved(K, B_V))[:, None, None]
    voltages, thresholds, spikes = [], [], []
    for _ in range(round(T1 / DT)):
        by_current = i / (C * (rate - K))[:, None, None]
        by_membrane = u - steady - by_current.sum(0)
        theta_v = theta_v * np.exp(-B_V * DT) + follows * (
            A_V * steady * -np.expm1(-B_V * DT) / B_V
            + A_V * convolved(rate, B_V) * by_membrane
            + (pull * by_current).sum(0)
        )
        u = steady + (u - steady) * np.exp(-rate * DT) + (to_u * i).sum(0)
        i, theta_s = decay * i, np.exp(-K_S * DT) * theta_s
        spike = u >= HEIGHT + theta_s + theta_v
        u = np.where(spike, resets * (FRACTION * u + ADD), u)
        theta_s = theta_s + spike * resets * A_S
        i = np.where(spike, R[:, None, None] * i + own * A[:, None, None], i)
        voltages.append(u + E_L)
        thresholds.append(HEIGHT + theta_s + theta_v + E_L)
        spikes.append(spike)
    return np.array(voltages), np.array(thresholds), np.array(spikes)


def period(level, current):
    """The interval at which a cell of level 1 to 4 has adapted: what a spike adds balances what decays until the next."""
    own, resets, _ = parts(level)
    rate, steady = 1.0 / TAU, current / G

    def above(t):
        left = resets * A_S / np.expm1(K_S * t)  # what is left of the part of the threshold just before a spike
        top = HEIGHT + left
        start = resets * (FRACTION * top + ADD)
        first = own * A / (1.0 - R * np.exp(-K * t))
        pulled = (first / C * (np.exp(-K * t) - np.exp(-rate * t)) / (rate - K)).sum()
        return steady + (start - steady) * np.exp(-rate * t) + pulled - top

    return brentq(above, 0.1, 200.0)


@pytest.mark.parametrize("level", LEVELS)
def test_levels(level, ledger, x64):
    neuron = cell(level)
    above = lambda state: neuron.threshold(state.cell)
    record = {"s": nex.spikes(), "v": nex.voltage(every=1), "above": nex.state(above)}
    run = nex.simulate(nex.Population(neuron, CURRENTS.size), T1, DT, jnp.asarray(CURRENTS), record=record)
    v, thresholds, spikes = (x[:, level - 1] for x in simulated())
    events = run.records["s"]
    times = [(np.asarray(events.steps)[np.asarray(events.neurons) == j] + 1) * DT for j in range(CURRENTS.size)]
    assert [len(x) for x in times] == spikes.sum(0).tolist() and len(times[-1]) > 10
    error = max(
        np.abs(np.asarray(run.records["v"].values) - v).max(),
        np.abs(np.asarray(run.records["above"].values) - (v - thresholds)).max(),
    )
    reference = "NumPy, closed forms from step to step"
    departure = "what a spike adds decays from the spike on, in the paper from the end of the refractory period"
    ledger("GLIF", reference, "voltages, thresholds of levels 1 to 5 over 200 ms, mV", error, 1e-9, departure)
    if level < 5:
        intervals = [np.diff(x)[-5:].mean() for x in times[1:]]
        error = np.abs(np.array(intervals) - [period(level, current) for current in CURRENTS[1:]]).max()
        ledger("GLIF", "closed form of the adapted period", "intervals of levels 1 to 4, ms", error, DT)


def test_the_threshold_follows_the_voltage(x64):
    # Where nothing moves, below threshold.
    u = 150.0 / G
    rest = nex.neurons.GLIFState(jnp.asarray(E_L + u), (jnp.zeros(()),) * 2, jnp.zeros(()), jnp.asarray(A_V / B_V * u))
    slopes = cell(5).vector_field(0.0, rest, lambda v: jnp.asarray(150.0))
    np.testing.assert_allclose(jax.tree_util.tree_leaves(slopes), 0.0, atol=1e-12)
    np.testing.assert_allclose(cell(5).threshold(rest), u - (HEIGHT + A_V / B_V * u))


def test_partial_reset(dtype):
    reset = nex.PartialReset(0.25, 2.0)
    v, spike = jnp.asarray([-50.0, -50.0], dtype), jnp.asarray([1.0, 0.0], dtype)
    th, low = jnp.asarray(-51.0, dtype), jnp.asarray(-70.0, dtype)
    np.testing.assert_allclose(reset(v, spike, v_th=th, v_reset=low), [-70.0 + 5.0 + 2.0, -50.0], rtol=1e-6)
    # Without a part that is kept it is the hard one.
    hard = nex.PartialReset(0.0)(v, spike, v_th=th, v_reset=low)
    np.testing.assert_allclose(hard, nex.HardReset()(v, spike, v_th=th, v_reset=low))
    kept = jax.grad(lambda f: nex.PartialReset(f)(v, spike, v_th=th, v_reset=low).sum())(jnp.asarray(0.25, dtype))
    np.testing.assert_allclose(kept, 20.0)


def test_parts_are_checked():
    with pytest.raises(TypeError, match="GLIF: `currents` must be a sequence of SpikeCurrent, got 0.2"):
        nex.GLIF([0.2])
    with pytest.raises(ValueError, match="GLIF: `v_reset` must lie below `th_inf`"):
        nex.GLIF(v_reset=-50.0)
    with pytest.raises(ValueError, match="SpikeThreshold: `k` must be positive"):
        nex.SpikeThreshold(0.0, 1.0)
