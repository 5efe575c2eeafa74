"""Active cells against NEURON, Rallpack 3, exact solutions in time and differences, and in networks."""

import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import cable, channels
from scipy.integrate import solve_ivp


DATA = Path(__file__).parents[1] / "data" / "neuron_cell"


def test_a_reconstructed_cell_is_neurons(ledger, x64):
    morphology = cable.read_swc(DATA / "Nr5a1_471087815_m.swc")
    assert morphology.regions == ("soma", "basal", "apical", "axon")
    parts = cable.Compartments(morphology, 3)
    squid = {"soma": 1.0, "axon": 1.0}
    membrane = {
        "na": channels.na_hh1952(120.0 * parts.values(squid, default=0.0)),
        "k": channels.k_hh1952(36.0 * parts.values(squid, default=0.0)),
        "leak": channels.leak(0.3 * parts.values(squid, default=0.0), -54.3),
        "pas": channels.leak(0.3 * (1.0 - parts.values(squid, default=0.0)), -65.0),
    }
    middles = np.flatnonzero(np.arange(parts.size) % 3 == 1)
    places = [int(parts.at(branch=0, x=0.5)[0]), int(middles[np.argmax(parts.distance[middles])])]
    for method, order in ((cable.BackwardEuler(), "0"), (cable.CrankNicolson(), "2")):
        cell = cable.Cell(parts, membrane, method=method)
        current = cell.density(0.5, places[:1])
        record = {"v": nex.voltage(indices=places, every=10)}
        population = nex.Population(cell, (cell.size,))
        assert order == "2" or not nex.explain(population, record=record).kept
        solution = nex.simulate(population, 20.0, 0.025, nex.StepCurrent(current, 1.0), record=record)
        known = np.asarray(json.loads((DATA / "voltages.json").read_text())[order]).T
        error = np.abs(solution.records["v"].values - known).max()
        assert (np.diff(np.sign(known[:, 0])) > 0).sum() == 1
        quantity = f"voltage of soma and farthest dendrite, largest difference over 20 ms, {type(method).__name__}, mV"
        ledger("Cell", "NEURON 9.0.2, a reconstructed cell", quantity, error, 5e-4)


def axon(n, **kwargs):
    parts = cable.Compartments(cable.Morphology([cable.Branch(1000.0, 1.0, region="axon")]), n)
    return cable.Cell(
        parts,
        {"na": channels.na_hh1952(), "k": channels.k_hh1952(), "leak": channels.leak(0.025, -65.0)},
        **{"method": cable.CrankNicolson()} | kwargs,
    )


def test_rallpack_3(ledger):
    # Spike times of NEURON at 1000 compartments (Bhalla, Bilitch & Bower 1992): at the driven end, and at the other one.
    known = [1.307, 16.008, 30.552, 45.088], [4.072, 18.691]
    cell = axon(120)
    record = {"v": nex.voltage(indices=[0, 119]), "s": nex.spikes(indices=[0, 119])}
    solution = nex.simulate(nex.Population(cell, (120,)), 46.0, 0.025, cell.density(0.1, [0]), record=record)
    v, ts = np.asarray(solution.records["v"].values, np.float64), solution.records["v"].ts
    errors = []
    for trace, train, times in zip(v.T, solution.records["s"].trains(), known, strict=True):
        k = np.flatnonzero((trace[:-1] < 0.0) & (trace[1:] >= 0.0))
        np.testing.assert_allclose(train, ts[k + 1])
        crossings = ts[k] - 0.025 * trace[k] / (trace[k + 1] - trace[k])
        errors.append(np.abs(crossings[: len(times)] - times).max())
    ledger("Cell", "Rallpack 3 (NEURON's data)", "spike times at both ends, ms", max(errors), 0.02)


def test_velocity_of_conduction(ledger):
    """The giant axon of the squid at 18.5 degC, for which Hodgkin and Huxley (1952) computed 18.8 m/s by hand."""
    n, length, dt = 120, 60_000.0, 0.005
    parts = cable.Compartments(cable.Morphology([cable.Branch(length, 476.0, region="axon")]), n)
    squid = {
        "na": channels.na_hh1952(celsius=18.5), "k": channels.k_hh1952(celsius=18.5), "leak": channels.leak(0.3, -54.387)
    }  # fmt: skip
    cell = cable.Cell(parts, squid, ra=35.4, method=cable.CrankNicolson())
    record, kick = {"v": nex.voltage(indices=[n // 3, 2 * n // 3])}, nex.StepCurrent(cell.density(2e4, [0]), 0.0, 0.5)
    v = nex.simulate(nex.Population(cell, (n,)), 3.0, dt, kick, record=record).records["v"].values
    first, last = (np.interp(0.0, trace[: trace.argmax() + 1], np.arange(trace.argmax() + 1)) * dt for trace in v.T)
    velocity = length / 3 / 1000.0 / (last - first)
    ledger(
        "Cell",
        "Hodgkin & Huxley (1952)",
        "velocity of a spike along an axon, relative",
        abs(velocity / 18.8 - 1.0),
        0.01,
    )


def test_orders_of_active_cells_in_time(x64):
    cells = [axon(4, method=method, ra=3000.0) for method in (cable.BackwardEuler(), cable.CrankNicolson())]
    cell = cells[0]
    start = cell.init((4,))
    flat, restore = jax.flatten_util.ravel_pytree(start)
    half = np.asarray(cell.inner)
    g = 1e7 / (3000.0 * 2.0 * half[0]) / float(cell.area[0])
    laplacian = g * (np.diag([-1.0, -2.0, -2.0, -1.0]) + np.diag(np.ones(3), 1) + np.diag(np.ones(3), -1))
    current = np.asarray(cell.density(0.1, [0]))

    @jax.jit
    def field(y):
        s = restore(y)
        total, rates = cell.membrane.derivative(channels.MembraneState(s.gates, s.ions), s.v)
        return jax.flatten_util.ravel_pytree(
            cable.CellState(total + laplacian @ s.v + current, rates.gates, rates.ions)
        )[0]

    exact = solve_ivp(lambda t, y: np.asarray(field(y)), (0.0, 3.0), np.asarray(flat), "LSODA", rtol=1e-10, atol=1e-10)
    exact = restore(jnp.asarray(exact.y[:, -1])).v
    assert np.ptp(exact) > 20.0
    for own in cells:
        errors = []
        for dt in (0.025, 0.0125):
            record = {"v": nex.voltage()}
            run = nex.simulate(nex.Population(own, (4,)), 3.0, dt, jnp.asarray(current), record=record, fused=False)
            errors.append(np.abs(run.records["v"].values[-1] - exact).max())
        assert abs(np.log2(errors[0] / errors[1]) - own.method.order) < 0.1, errors


def small():
    branches = [
        cable.Branch(15.0, 15.0, region="soma"),
        cable.Branch(120.0, [2.0, 1.0], region="apical", parent=0, at=0.5),
        cable.Branch(60.0, 0.8, region="apical", parent=1),
        cable.Branch(80.0, 0.6, region="apical", parent=1),
    ]
    return cable.Compartments(cable.Morphology(branches), cable.MaxLength(40.0))


def test_gradients_are_differences(x64):
    parts = small()
    membrane = {
        "na": channels.na_hh1952(parts.values({"soma": 120.0, "apical": 20.0})),
        "k": channels.k_hh1952(parts.values({"soma": 36.0, "apical": 6.0})),
        "leak": channels.leak(parts.values(0.3), -54.3),
    }
    cell = cable.Cell(parts, membrane, ra=parts.values(150.0), method=cable.CrankNicolson())
    current = cell.density(0.1, parts.at("soma"))

    @eqx.filter_jit
    def loss(cell):
        record = {"v": nex.voltage(indices=[0, parts.size - 1], every=4)}
        v = nex.simulate(nex.Population(cell, (cell.size,)), 4.0, 0.05, current, record=record).records["v"].values
        return jnp.mean(jnp.tanh(0.02 * v + 0.5))

    gradient = eqx.filter_jit(eqx.filter_grad(loss))(cell)
    where = lambda c: [c.membrane.channels["na"].g, c.membrane.channels["k"].g, c.ra, c.cm, c.area, c.inner, c.outer]
    moved = lambda i, x: eqx.tree_at(lambda c: where(c)[i], cell, x)
    for i, (x, dx) in enumerate(zip(where(cell), where(gradient), strict=True)):
        k = () if x.ndim == 0 else (0, 2, 1, 0, -1, 2, 1)[i]
        h = 1e-4 * float(x[k])
        sides = [float(loss(moved(i, x.at[k].add(s * h)))) for s in (1.0, -1.0)]
        slope = (sides[0] - sides[1]) / (2.0 * h)
        np.testing.assert_allclose(dx[k], slope, rtol=1e-6, err_msg=str(i))


def test_synapses_on_dendrites_in_a_network_with_point_neurons():
    parts = small()
    tip = int(parts.at(branch=3, x=1.0)[0])
    membrane = {
        "na": channels.na_hh1952(parts.values({"soma": 120.0}, default=0.0)),
        "k": channels.k_hh1952(parts.values({"soma": 36.0}, default=0.0)),
        "leak": channels.leak(0.3, parts.values({"soma": -54.387, "apical": -65.0})),
    }
    cell = cable.Cell(parts, membrane, emits=parts.at("soma"))
    n, cells = cell.size, 2
    receptors = {
        "ampa": nex.Receptor(nex.Expon(2.0), nex.COBA(0.0)),
        "nmda": nex.Receptor(nex.Expon(20.0), nex.MgBlock(0.0)),
    }
    # Into the tip of the second cell only, as a conductance in uS.
    weight = float(cell.density(0.02, [tip])[tip])
    places = [n + tip]
    network = nex.Network(
        {
            "in": nex.SpikeTimes([2.0], [0], 1),
            "L5": nex.Population(cell, (cells, n), receptors),
            "lif": nex.Population(nex.LIF(tau=10.0), 3, {"exc": nex.Receptor(nex.Instant(), nex.Delta())}),
        },
        [
            nex.Projection("in", "L5", "ampa", nex.connect.from_edges([0], places, weight, n_post=cells * n)),
            nex.Projection("in", "L5", "nmda", nex.connect.from_edges([0], places, 0.3 * weight, n_post=cells * n)),
            nex.Projection(nex.part("L5", n, n + 1), "lif", "exc", nex.connect.all_to_all(100.0), delay=1.0),
        ],
    )
    record = {
        "v": nex.voltage("L5", [0, n, n + tip]),
        "spikes": nex.spikes("L5"),
        "lif": nex.spikes("lif"),
        "dendrite": nex.spikes("L5", [n + tip]),
    }
    solution = nex.simulate(network, 12.0, 0.025, record=record)
    v = solution.records["v"].values
    other, soma, dendrite = v.T
    assert np.ptp(other) < 0.05 and soma.max() > 20.0 and dendrite.max() > -20.0
    assert np.argmax(dendrite > -60.0) < np.argmax(soma > -60.0)
    np.testing.assert_array_equal(solution.records["spikes"].indices, [n])
    assert solution.records["dendrite"].count == 0
    [time] = solution.records["spikes"].times
    np.testing.assert_allclose(solution.records["lif"].times, [time + 1.0] * 3, atol=1e-6)


def test_cells_of_a_batch_have_parameters_of_their_own(x64):
    parts = small()
    cell = cable.Cell(parts, {"leak": channels.leak(0.1, -65.0)})
    current = cell.density(0.05, [0])

    def far(ra):
        own = eqx.tree_at(lambda c: c.ra, cell, ra)
        run = nex.simulate(
            nex.Population(own, (cell.size,)), 5.0, 0.05, current, record={"v": nex.voltage(indices=[-1 + cell.size])}
        )
        return run.records["v"].values[-1, 0]

    ras = jnp.asarray([50.0, 100.0, 400.0])
    together = jax.jit(jax.vmap(far))(ras)
    assert np.all(np.diff(together) < 0.0)
    # Six of them are solved side by side.
    stacked = eqx.tree_at(lambda c: c.ra, cell, jnp.tile(ras, 2)[:, None])
    run = nex.simulate(nex.Population(stacked, (6, cell.size)), 5.0, 0.05, current, record={"v": nex.voltage()})
    np.testing.assert_allclose(run.records["v"].values[-1, :, -1], jnp.tile(together, 2), rtol=1e-10)
    np.testing.assert_allclose(far(ras[2]), together[2], rtol=1e-10)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"cm": 0.0}, ValueError, "`cm` must be positive"),
        ({"ra": -1.0}, ValueError, "`ra` must be positive"),
        ({"emits": [99]}, ValueError, "whole numbers from 0 to"),
    ],
)
def test_errors_name_the_argument(kwargs, error, message):
    with pytest.raises(error, match=message):
        axon(3, **kwargs)
