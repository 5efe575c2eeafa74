"""Cells made of channels against NEURON, and against the package's own Hodgkin-Huxley neuron."""

from pathlib import Path

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import channels
from neuroeqx.testing import check_order
from spike_times import largest_difference, ours


NEURON = np.load(Path(__file__).parents[1] / "data" / "neuron_channels" / "reference.npz")
CURRENTS = [5.0, 10.0, 20.0]
REST = -64.99637933119206


def squid(g_na=120.0, g_k=36.0, g_l=0.3, **options):
    parts = {"na": channels.na_hh1952(g_na), "k": channels.k_hh1952(g_k), "leak": channels.leak(g_l, -54.387)}
    return channels.PointCell(parts, **({"v_start": REST} | options))


def soma(**options):
    """The channels of layer 5 with conductances of the soma of Hay et al. (2011), in mS/cm2."""
    c = channels
    parts = {
        "na_ts2": c.na_ts2(983.955), "na_p": c.na_p(1.7), "k_v3_1": c.k_v3_1(303.472), "k_t": c.k_t(8.9259), "k_p": c.k_p(2.2),
        "k_im": c.k_im(0.1), "h": c.h_kole(0.2), "ca_hva": c.ca_hva(0.555), "ca_lva": c.ca_lva(0.557), "k_sk": c.k_sk(9.9839),
        "leak": c.leak(0.0338, -90.0),
    }  # fmt: skip
    pool = c.CalciumPool(depth=0.1, tau=210.485291, rest=1e-4, gamma=0.000609, celsius=34.0)
    return c.PointCell(parts, {"ca": pool}, v_start=-75.0, **options)


def test_spikes_are_those_of_neuron(x64, ledger):
    found, _ = ours(squid(v_start=-65.0, stepper=nex.RK4()), CURRENTS, 100.0, 0.01)
    for x, times in zip(CURRENTS, found, strict=True):
        error = largest_difference(times, NEURON[f"hh {x:g}"])
        ledger("PointCell", "NEURON, hh by CVode", "spike times over 100 ms, ms", error, 1e-3)


def test_a_cell_of_layer_5_is_that_of_neuron(x64, ledger):
    """All channels, with the calcium that comes in and opens one of them and changes the reversal potential of two."""
    cell = nex.Population(soma(stepper=nex.RK4()), 3)
    recorders = {"v": nex.voltage(), "spikes": nex.spikes()}
    dt = 0.0025  # 1 S/cm2 of sodium channels moves a voltage within microseconds
    solution = nex.simulate(cell, 200.0, dt, jnp.asarray(CURRENTS), record=recorders)
    v, spikes = np.asarray(solution.records["v"].values), solution.records["spikes"]
    for i, x in enumerate(CURRENTS):
        steps = np.asarray(spikes.steps)[np.asarray(spikes.neurons) == i]
        times = (steps + v[steps - 1, i] / (v[steps - 1, i] - v[steps, i])) * dt
        error = largest_difference(times, NEURON[f"soma {x:g}"])
        ledger("PointCell", "NEURON, channels of layer 5 by CVode", "spike times over 200 ms, ms", error, 1e-3)
    error = abs(solution.state.cell.ions["ca"][2] / NEURON["soma calcium"] - 1.0)
    ledger("PointCell", "NEURON, CaDynamics_E2", "calcium after 15 spikes, relative", error, 1e-6)


def test_it_is_the_hodgkin_huxley_neuron(x64, ledger):
    """The same equations, so the same voltages to rounding; and to the order of each method."""
    currents, dt = jnp.asarray([0.0, 6.5, 20.0]), 0.02

    def trace(cell, dt=dt):
        step = lambda y, _: (cell.step(y, currents, dt=dt)[0],) * 2
        return jax.lax.scan(step, cell.init((3,)), None, length=round(30.0 / dt))[1].v

    steppers = {"RK4": nex.RK4(), "Heun": nex.FromDiffrax(diffrax.Heun()), "Strang": nex.Strang()}
    cells = {name: (nex.HodgkinHuxley(stepper=x), squid(stepper=x)) for name, x in steppers.items()}
    found, own = eqx.filter_jit(
        lambda cells: ({name: [trace(x) for x in pair] for name, pair in cells.items()}, trace(squid(), 0.0025))
    )(cells)
    for name, (expected, v) in found.items():
        error = np.abs(np.asarray(v) - np.asarray(expected)).max()
        ledger("PointCell", f"HodgkinHuxley, {name}", "voltage over 30 ms, mV", error, 1e-9)
        assert np.ptp(expected[:, 2]) > 80.0
    # The default stepper has order 1: an eighth of the step, and at rest and far from spikes.
    exact = np.asarray(found["RK4"][0])
    assert np.abs(np.asarray(own)[7::8, 0] - exact[:, 0]).max() < 1e-6


def test_the_default_stepper_has_its_order(x64, ledger):
    slope = check_order(squid(), current=2.0, t1=4.0, steps=80)
    ledger("Staggered", "nominal order", "order with PointCell, below 1 by", max(1.0 - slope, 0.0), 0.1)
    # Gates at a constant voltage are exact, for what `ExpEuler` takes a derivative for each of them.
    cell = nex.HodgkinHuxley(c=1e12, stepper=nex.steppers.Staggered())
    squid_cell = squid(c=1e12)
    start = eqx.tree_at(lambda y: y.v, squid_cell.init(()), jnp.asarray(-20.0))
    after = squid_cell.step(start, 0.0, dt=3.0)[0]
    own = eqx.tree_at(lambda y: y.v, cell.init(()), jnp.asarray(-20.0))
    expected = eqx.tree_at(lambda c: c.stepper, cell, nex.ExpEuler()).step(own, 0.0, dt=3.0)[0]
    found = [after.gates["na"]["m"], after.gates["na"]["h"], after.gates["k"]["n"]]
    np.testing.assert_allclose(found, [expected.m, expected.h, expected.n], rtol=1e-9)


def test_derivatives_are_central_differences(x64, ledger):
    """Of a loss of the voltages by three conductances, through spikes, in native code too."""

    def loss(g):
        population = nex.Population(squid(*g), 2)
        run = nex.simulate(population, 12.0, 0.025, jnp.asarray([8.0, 15.0]), record={"v": nex.voltage()})
        return jnp.mean((run.records["v"].values + 60.0) ** 2)

    g = jnp.asarray([120.0, 36.0, 0.3])
    value, slopes = jax.jit(jax.value_and_grad(loss))(g)
    run = jax.jit(loss)
    assert abs(run(g) / value - 1.0) < 1e-9
    for i, h in enumerate((1e-3, 1e-3, 1e-5)):
        difference = (run(g.at[i].add(h)) - run(g.at[i].add(-h))) / (2.0 * h)
        error = abs(slopes[i] / difference - 1.0)
        ledger("PointCell", "central differences", "derivatives by conductances, relative", error, 1e-6)


def test_networks_areas_and_training_through_spikes():
    """In a network inputs are in pA where there is an area; everything runs in native code."""
    cell = squid(area=1000.0)
    receptor = nex.Receptor(nex.Expon(2.0), nex.COBA(0.0))
    net = nex.Network(
        {"E": nex.Population(cell, 4, {"ampa": receptor})},
        [nex.Projection("E", "E", "ampa", nex.connect.all_to_all(5.0), delay=1.0)],
        key=jax.random.key(0),
    )
    # 10 uA/cm2 over 1000 um2 is 100 pA.
    drive = {"E": jnp.asarray([100.0, 0.0, 0.0, 0.0])}
    counted = nex.simulate(net, 40.0, 0.025, drive, record={"s": nex.spikes("E")}).records["s"]
    steps = np.asarray(counted.steps)
    alone = nex.simulate(nex.Population(squid(), 1), 40.0, 0.025, 10.0, record={"s": nex.spikes()}).records["s"]
    assert steps[0] == np.asarray(alone.steps)[0]
    assert set(np.asarray(counted.neurons)) == {0, 1, 2, 3}
    assert "native call" in str(nex.explain(nex.Population(soma(), 4), record={"v": nex.voltage()}))

    def spike(g_na):
        rising = eqx.tree_at(
            lambda y: (y.v, y.gates["na"]["m"]), squid().init(()), (jnp.asarray(-1.0), jnp.asarray(0.9))
        )
        return squid(g_na).step(rising, 10.0, dt=0.05)[1]

    value, slope = jax.jit(jax.value_and_grad(spike))(jnp.asarray(120.0))
    assert value == 1.0
    assert slope > 0.0
    with pytest.raises(ValueError, match="`c` must be positive, got -1"):
        squid(c=-1.0)
