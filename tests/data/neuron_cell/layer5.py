"""Writes `layer5.json` with NEURON, in the folder of the compiled mechanisms of layer 5 (see README.md).

python layer5.py Nr5a1_471087815_m.swc layer5.json
"""

import json
import sys

import numpy as np
from neuron import h  # pyright: ignore[reportMissingImports]


AMPLITUDE = 0.6  # nA
REGIONS = {"dend": "basal", "apic": "apical"}
CM = {"soma": 1.0, "axon": 1.0, "basal": 2.0, "apical": 2.0}
LEAK = {"soma": 0.0338, "axon": 0.0325, "apical": 0.0589, "basal": 0.0467}
DENSITIES = {  # mS/cm2
    "NaTa_t": {"axon": 3137.968},
    "NaTs2_t": {"soma": 983.955, "apical": 21.3},
    "Nap_Et2": {"soma": 1.7, "axon": 6.827},
    "SKv3_1": {"soma": 303.472, "axon": 1021.945, "apical": 0.261},
    "K_Tst": {"soma": 8.93, "axon": 89.259},
    "K_Pst": {"soma": 2.23, "axon": 973.538},
    "Im": {"apical": 0.0675},
    "SK_E2": {"soma": 9.984, "axon": 7.104, "apical": 1.2},
    "Ca_HVA": {"soma": 0.555, "axon": 0.99, "apical": 0.0555},
    "Ca_LVAst": {"soma": 0.557, "axon": 8.752, "apical": 0.187},
}
RECORDED = 0.5  # ms


def region(section):
    name = section.name().split("[")[0]
    return REGIONS.get(name, name)


def end(section):
    """The region, and where the section ends."""
    last = section.n3d() - 1
    return [region(section), *(round(x(last), 4) for x in (section.x3d, section.y3d, section.z3d))]


def passive(sections):
    """The d-lambda rule of NEURON's library, and a leak."""
    for s in sections:
        s.Ra, s.cm, s.nseg = 100.0, CM[region(s)], 1
        s.nseg = int((s.L / (0.1 * h.lambda_f(100, sec=s)) + 0.9) / 2) * 2 + 1
        s.insert("pas")
        for segment in s:
            segment.pas.g, segment.pas.e = LEAK[region(s)] * 1e-3, -90.0


def impedances(soma, places):
    """Into the places, and from the soma to them, Mohm, steady and at 100 Hz."""
    h.finitialize(-90.0)
    z = h.Impedance()
    z.loc(soma(0.5))
    found = {}
    for frequency in (0, 100):
        z.compute(frequency)
        found[f"transfer {frequency}"] = [z.transfer(s(0.5)) for s in places]
    z.compute(0)
    found["input"] = [z.input(s(0.5)) for s in places]
    return found


def active(sections, soma):
    h.distance(0, soma(0.5))
    h.cai0_ca_ion, h.cao0_ca_ion = 1e-4, 2.0
    for s in sections:
        for name, densities in DENSITIES.items():
            if region(s) in densities:
                s.insert(name)
                for segment in s:
                    setattr(getattr(segment, name), f"g{name}bar", densities[region(s)] * 1e-3)
        s.insert("Ih")
        for segment in s:
            segment.Ih.gIhbar = 0.2e-3 * (-0.8696 + 2.087 * np.exp(min(h.distance(segment), 400.0) / 323.0))
        if region(s) != "basal":
            s.insert("CaDynamics_E2")
            for segment in s:
                segment.CaDynamics_E2.gamma, segment.CaDynamics_E2.decay = 0.0006, 300.0
            s.ek = -85.0
            s.ena = 50.0


def run(soma, places, until, dt, order, v_start):
    """Voltages of places every half ms, and times of the soma's spikes."""
    h.secondorder, h.dt, h.steps_per_ms, h.v_init, h.tstop = order, dt, 1.0 / dt, v_start, until
    times = h.Vector()
    counter = h.NetCon(soma(0.5)._ref_v, None, sec=soma)
    counter.threshold = 0.0
    counter.record(times)
    records = [h.Vector().record(s(0.5)._ref_v) for s in places]
    h.run()
    every = round(RECORDED / dt)
    return [[round(v, 6) for v in list(x)[every::every]] for x in records], [round(t, 5) for t in times]


def main(path, out):
    h.load_file("stdrun.hoc")
    h.load_file("import3d.hoc")
    reader = h.Import3d_SWC_read()
    reader.input(path)
    h.Import3d_GUI(reader, 0).instantiate(None)
    h.celsius = 34.0
    sections = list(h.allsec())
    soma = next(s for s in sections if region(s) == "soma")
    passive(sections)
    near = sorted(sections, key=lambda s: h.distance(soma(0.5), s(0.5)))
    places = [soma, near[-1], near[len(near) // 2]]
    found = {"sections": [[*end(s), s.nseg] for s in sections], "places": [end(s) for s in places]}
    found |= impedances(soma, places)
    # A synapse of 1 nS and 3 ms on the farthest dendrite, from 5 ms on.
    synapse = h.ExpSyn(places[1](0.5))
    synapse.tau, synapse.e = 3.0, 0.0
    source = h.NetStim()
    source.start, source.number, source.noise = 5.0, 1, 0
    connection = h.NetCon(source, synapse)
    connection.weight[0], connection.delay = 0.001, 0.0
    found["synapse"] = run(soma, places, 30.0, 0.00625, 2, -90.0)[0]
    connection.weight[0] = 0.0
    active(sections, soma)
    clamp = h.IClamp(soma(0.5))
    clamp.delay, clamp.dur, clamp.amp = 50.0, 1e9, AMPLITUDE
    for order in (0, 2):
        found[f"voltages {order}"], found[f"spikes {order}"] = run(soma, places, 120.0, 0.0125, order, -75.0)
    with open(out, "w") as file:
        json.dump(found, file)
        file.write("\n")
    print(len(sections), found["input"], found["spikes 0"], found["spikes 2"])


if __name__ == "__main__":
    main(*sys.argv[1:])
