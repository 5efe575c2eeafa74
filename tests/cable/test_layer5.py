"""A reconstructed cell with the channels of layer 5."""

from pathlib import Path

import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
from neuroeqx import cable, channels


SWC = Path(__file__).parents[1] / "data" / "neuron_cell" / "Nr5a1_471087815_m.swc"


def layer5(parts):
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
        method=cable.CrankNicolson(),
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
