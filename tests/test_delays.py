"""Delays: a spike of step n first acts in step n + d, whatever else reads the line."""

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax


DT = 0.1
RECEPTOR = nex.Receptor(nex.Instant(), nex.CUBA())


def relay(lags, spike_step=3, steps=60):
    """One source that spikes once, read at several lags at once, each by a target of its own.

    Each target's receptor keeps what arrives for one step, so its state is the arrival itself.
    """
    source = nex.SpikeTimes([spike_step * DT + 1e-9], [0], 1)
    receptor = {"in": RECEPTOR}
    populations = {"source": source}
    projections = []
    for d in lags:
        populations[f"t{d}"] = nex.Population(nex.Leaky(), 1, receptor)
        projections.append(nex.Projection("source", f"t{d}", "in", nex.connect.one_to_one(1.0), delay=d * DT))
    net = nex.Network(populations, projections)
    record = {str(d): nex.state(lambda s, d=d: s.populations[f"t{d}"].receptors["in"]) for d in lags}
    sol = nex.simulate(net, steps * DT, DT, record=record)
    return {d: np.flatnonzero(sol.records[str(d)].values[:, 0]) for d in lags}


@pytest.mark.parametrize("d", [1, 2, 3, 19, 20])
def test_a_single_delay_is_exact(d):
    assert list(relay([d])[d]) == [3 + d]


@pytest.mark.parametrize("lags", [(1, 2), (1, 10), (10, 9), (20, 1, 7), (5, 6, 7, 8), (2, 3, 19, 20), (20, 19)])
def test_taps_on_one_line_do_not_disturb_each_other(lags):
    found = relay(lags)
    assert {d: list(steps) for d, steps in found.items()} == {d: [3 + d] for d in lags}


def test_the_first_step_is_not_lost_and_nothing_arrives_twice():
    found = relay([1, 4, 20], spike_step=0)
    assert {d: list(steps) for d, steps in found.items()} == {1: [1], 4: [4], 20: [20]}


def test_a_delay_of_all_of_a_busy_source(x64):
    """The whole output of a source, graded and different in each step, arrives d steps later."""
    rng = np.random.default_rng(0)
    drive = rng.normal(size=(50, 3))
    receptor = {"in": nex.Receptor(nex.Instant(), nex.CUBA())}
    lags = (1, 2, 5, 13)
    populations = {"s": nex.Population(nex.Leaky(tau=1e-3, r=1.0), 3)}
    populations |= {f"t{d}": nex.Population(nex.Leaky(), 3, receptor) for d in lags}
    projections = [nex.Projection("s", f"t{d}", "in", nex.connect.one_to_one(1.0), delay=d * DT) for d in lags]
    net = nex.Network(populations, projections)
    record = {f"t{d}": nex.state(lambda s, d=d: s.populations[f"t{d}"].receptors["in"]) for d in lags}
    record["s"] = nex.output("s")
    sol = nex.simulate(net, 5.0, DT, {"s": nex.Samples(drive)}, record=record)
    sent = np.asarray(sol.records["s"].values)
    np.testing.assert_allclose(sent, drive, atol=1e-12)
    for d in lags:
        np.testing.assert_array_equal(sol.records[f"t{d}"].values[d:], sent[:-d])
        np.testing.assert_array_equal(sol.records[f"t{d}"].values[:d], 0.0)


@pytest.mark.parametrize(("delay", "choices"), [(0.25, "0.2 and 0.3"), (0.05, "0.1 and 0.2"), (1.234, "1.2 and 1.3")])
def test_a_delay_that_is_no_whole_number_of_steps_is_refused(delay, choices):
    population = {"E": nex.Population(nex.LIF(), 1, {"in": nex.Receptor(nex.Instant(), nex.CUBA())})}
    net = nex.Network(population, [nex.Projection("E", "E", "in", nex.connect.one_to_one(1.0), delay=delay)])
    with pytest.raises(ValueError, match=f"E->E:in: a delay of .* nearest choices are {choices} ms"):
        nex.simulate(net, 1.0, DT)


@pytest.mark.parametrize("delay", [0.0, -0.1, np.nan, np.inf])
def test_impossible_delays_are_refused(delay):
    with pytest.raises(ValueError, match="`delay` must be positive and finite"):
        nex.Projection("E", "E", "in", nex.connect.one_to_one(1.0), delay=delay)


@pytest.mark.parametrize("delay", [0.1 * d for d in range(1, 200)])
def test_every_multiple_of_dt_is_counted_right(delay):
    projection = nex.Projection("E", "E", "in", nex.connect.one_to_one(1.0), delay=delay)
    assert projection.steps(0.1) == round(delay * 10)


def test_gradients_pass_a_delay(x64):
    receptor = {"in": nex.Receptor(nex.Instant(), nex.CUBA())}
    net = nex.Network(
        {"a": nex.Population(nex.Leaky(tau=5.0), 1), "b": nex.Population(nex.Leaky(tau=5.0), 1, receptor)},
        [nex.Projection("a", "b", "in", nex.connect.one_to_one(0.7), delay=0.4)],
    )

    def final(drive):
        samples = nex.Samples(drive[:, None])
        return nex.simulate(net, 1.0, DT, {"a": samples}).state.populations["b"].cell[0]

    x = jnp.asarray(np.random.default_rng(1).normal(size=10))
    gradient = jax.jit(jax.grad(final))(x)
    h = 1e-6
    numeric = [(final(x.at[i].add(h)) - final(x.at[i].add(-h))) / (2 * h) for i in range(10)]
    np.testing.assert_allclose(gradient, numeric, atol=1e-9)
    assert np.all(np.asarray(gradient[:6]) > 0.0)
    np.testing.assert_array_equal(gradient[6:], 0.0)  # too late to arrive


def test_the_ring_is_not_copied_in_the_loop():
    """The compiled loop updates the ring in place: its size must not appear in a copy inside the loop's body."""
    receptor = {"in": nex.Receptor(nex.Expon(), nex.CUBA())}
    net = nex.Network(
        {"E": nex.Population(nex.LIF(), 1000, receptor)},
        [nex.Projection("E", "E", "in", nex.connect.one_to_one(0.1), delay=d) for d in (0.1, 1.5)],
    )
    from neuroeqx._loop import COMPILER_OPTIONS

    def loop(net, state, n):
        return lax.fori_loop(0, n, lambda i, s: net.step(s, {"E": 20.0}, dt=DT)[0], state)

    state = net.init(dt=DT)
    assert state.histories["E"].ring.shape == (15, 1000)
    arrays, static = eqx.partition(net, eqx.is_array)
    jitted = jax.jit(lambda a, s, n: loop(eqx.combine(a, static), s, n), donate_argnums=1)
    text = jitted.lower(arrays, state, jnp.int32(5)).compile(compiler_options=COMPILER_OPTIONS).as_text()
    assert "f32[15,1000]" in text
    assert not [line for line in text.splitlines() if " copy(" in line and "= f32[15,1000]" in line]


@pytest.mark.parametrize("first", [False, True])
def test_precision_can_change_within_a_process(first):
    """What is remembered of a network in one precision is not taken for the other."""
    net = nex.Network(
        {"source": nex.SpikeTimes([0.5], [0], 5), "t": nex.Population(nex.Leaky(), 5, {"in": RECEPTOR})},
        [nex.Projection("source", "t", "in", nex.connect.one_to_one(1.0), delay=2 * DT)],
    )
    for x64 in (first, not first):
        with jax.enable_x64(x64):
            sent = net.init(dt=DT).histories["source"].last
            assert sent.dtype == (jnp.float64 if x64 else jnp.float32)
