"""A reconstructed cell with the channels of layer 5."""

import json
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import cable, channels


DATA = Path(__file__).parents[1] / "data" / "neuron_cell"
SWC = DATA / "Nr5a1_471087815_m.swc"


def layer5(parts, method=None):
    """Densities of Hay et al. (2011), those of the axon of Markram et al. (2015), in mS/cm2."""
    c, at = channels, lambda **regions: parts.values(regions, default=0.0)
    membrane = {
        "na_ta": c.na_ta(at(axon=3137.968)),
        "na_ts2": c.na_ts2(at(soma=983.955, apical=21.3)),
        "na_p": c.na_p(at(soma=1.7, axon=6.827)),
        "k_v3_1": c.k_v3_1(at(soma=303.472, axon=1021.945, apical=0.261)),
        "k_t": c.k_t(at(soma=8.93, axon=89.259)),
        "k_p": c.k_p(at(soma=2.23, axon=973.538)),
        "k_im": c.k_im(at(apical=0.0675)),
        "k_sk": c.k_sk(at(soma=9.984, axon=7.104, apical=1.2)),
        "ca_hva": c.ca_hva(at(soma=0.555, axon=0.99, apical=0.0555)),
        "ca_lva": c.ca_lva(at(soma=0.557, axon=8.752, apical=0.187)),
        "h": c.h_kole(parts.values(lambda d: 0.2 * (-0.8696 + 2.087 * np.exp(np.minimum(d, 400.0) / 323.0)))),
        "leak": c.leak(at(soma=0.0338, axon=0.0325, apical=0.0589, basal=0.0467), -90.0),
    }
    pool = c.CalciumPool(depth=0.1, tau=300.0, rest=1e-4, gamma=0.0006, celsius=34.0)
    return cable.Cell(
        parts, membrane, {"ca": pool}, cm=at(soma=1.0, axon=1.0, apical=2.0, basal=2.0), v_start=-75.0,
        method=cable.CrankNicolson() if method is None else method,
    )  # fmt: skip


def test_a_cell_of_layer_5_fires(x64):
    """From rest, the more often the larger the current, with spikes that fade on their way into the dendrite; halves of the
    step and of the compartments change the times of spikes by little."""
    found = []
    for length, dt in ((50.0, 0.025), (25.0, 0.0125)):
        parts = cable.Compartments(cable.read_swc(SWC), cable.MaxLength(length))
        cell, apical = layer5(parts), parts.at("apical")
        soma = int(parts.at("soma")[0])
        places = [soma, int(apical[np.argmax(parts.distance[apical])])]
        places += [place + cell.size for place in places]
        population = nex.Population(cell, (2, cell.size))
        record = {"v": nex.voltage(indices=places), "s": nex.spikes(indices=[places[0], places[2]])}
        assert not nex.explain(population, record=record).kept
        current = jnp.stack([cell.density(amplitude, [soma]) for amplitude in (0.3, 0.6)])
        run = nex.simulate(population, 300.0, dt, nex.StepCurrent(current, 150.0), record=record)
        v, spikes = np.asarray(run.records["v"].values), run.records["s"]
        assert np.all(np.abs(v[round(149.0 / dt)] + 79.0) < 1.0)
        peaks = v.max(0)
        assert np.all(peaks[::2] > 20.0) and np.all(peaks[1::2] < peaks[::2] - 20.0)
        found.append([np.asarray(spikes.times)[np.asarray(spikes.neurons) == i] for i in range(2)])
        assert 5 <= len(found[-1][0]) < len(found[-1][1]) < 15
    for coarse, fine in zip(*found, strict=True):
        assert len(coarse) == len(fine)
        assert np.abs(coarse - fine)[0] < 0.2 and np.abs(coarse - fine).max() < 0.03 * (fine[-1] - 150.0)


def neuron():
    """What NEURON found, the compartments by the d-lambda rule, and the compartments where it recorded."""
    found = json.loads((DATA / "layer5.json").read_text())
    morphology = cable.read_swc(SWC)
    cm = {"soma": 1.0, "axon": 1.0, "basal": 2.0, "apical": 2.0}
    parts = cable.Compartments(morphology, cable.DLambda(cm=cm))
    # Sections by where they end; the soma, a sphere, has no direction.
    ends = {
        (b.region, *([] if b.region == "soma" else b.points[-1].round(3))): k for k, b in enumerate(morphology.branches)
    }
    branch = lambda region, *end: ends[(region, *([] if region == "soma" else np.round(end, 3)))]
    counts = {branch(*section[:4]): section[4] for section in found["sections"]}
    assert counts == {k: parts.at(branch=k).size for k in range(len(morphology.branches))}
    return found, parts, [int(parts.at(branch=branch(*place), x=0.5)[0]) for place in found["places"]]


def test_impedances_and_synapses_are_those_of_neuron(x64, ledger):
    known, parts, places = neuron()
    g = parts.values({"soma": 0.0338, "axon": 0.0325, "apical": 0.0589, "basal": 0.0467})
    leak, cm = channels.leak(g, -90.0), parts.values({"soma": 1.0, "axon": 1.0, "apical": 2.0, "basal": 2.0})
    cell = cable.Cell(parts, {"leak": leak}, cm=cm, v_start=-90.0, method=cable.CrankNicolson())
    # The inverse of the matrix of the tree, Mohm.
    half = 100.0 * np.concatenate([parts.inner, parts.outer, [0.0]])
    nodes = len(parts.tree)
    admittance = np.zeros((nodes, nodes))
    for k, p in enumerate(parts.tree.parent):
        if p >= 0:
            e = np.zeros(nodes)
            e[k], e[p] = 1.0, -1.0
            admittance += np.outer(e, e) * 1e2 / half[parts.halves[k]].sum()  # uS
    membrane = np.pad(1e-5 * parts.area * g, (0, nodes - parts.size))
    capacitance = np.pad(1e-5 * parts.area * cm, (0, nodes - parts.size))
    steady = np.linalg.inv(admittance + np.diag(membrane))
    fast = np.abs(np.linalg.inv(admittance + np.diag(membrane + 0.2j * np.pi * capacitance)))
    for quantity, found in (
        ("input", steady[places, places]), ("transfer 0", steady[places[0], places]), ("transfer 100", fast[places[0], places]),
    ):  # fmt: skip
        error = np.abs(found / known[quantity] - 1.0).max()
        ledger("Cell", "NEURON, Impedance", f"impedances of a reconstructed cell, relative, {quantity}", error, 1e-5)
    # What the cell itself does: a synapse of 1 nS far out.
    population = nex.Population(cell, (parts.size,), {"ampa": nex.Receptor(nex.Expon(3.0), nex.COBA(0.0))})
    state = population.init(dt=0.00625)
    # Receptors decay at the beginning of a step.
    conductance = cell.density(1e-3, [places[1]]) * np.exp(0.00625 / 3.0)
    state = eqx.tree_at(lambda s: s.receptors["ampa"], state, conductance)
    record = {"v": nex.voltage(indices=places, every=80)}
    v = nex.simulate(population, 25.0, 0.00625, state=state, record=record).records["v"].values
    after = np.asarray(known["synapse"]).T[10:]
    error = np.abs(v - after).max(0) / np.ptp(after, 0)
    ledger("Cell", "NEURON, ExpSyn", "voltage after a synapse on a dendrite, relative to its peak", error.max(), 1.5e-3)


@pytest.mark.parametrize("order", ["0", pytest.param("2", marks=pytest.mark.thorough)])
def test_channels_of_layer_5_on_a_reconstructed_cell_are_those_of_neuron(order, x64, ledger):
    known, parts, places = neuron()
    method = cable.BackwardEuler() if order == "0" else cable.CrankNicolson()
    cell = layer5(parts, method)
    population = nex.Population(cell, (parts.size,))
    record = {"v": nex.voltage(indices=places, every=40), "s": nex.spikes(indices=places[:1])}
    current = nex.StepCurrent(cell.density(0.6, places[:1]), 50.0)
    run = nex.simulate(population, 120.0, 0.0125, current, record=record)
    v, expected = np.asarray(run.records["v"].values), np.asarray(known[f"voltages {order}"]).T
    name = f"NEURON, {type(method).__name__}"
    error = np.abs(v - expected)[:99].max()
    ledger("Cell", name, "voltage at rest with channels of layer 5, mV", error, 1e-5)
    times = np.asarray(run.records["s"].times)
    assert len(times) == len(known[f"spikes {order}"]) == 8
    error = np.abs(times - known[f"spikes {order}"]).max()
    # In NEURON's second order concentrations are of another half step: its spikes move by that much with its step.
    ledger("Cell", name, "times of 8 spikes with channels of layer 5, ms", error, 1e-5 if order == "0" else 0.05)
