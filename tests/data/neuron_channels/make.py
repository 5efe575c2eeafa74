"""Makes `reference.npz` of this folder with NEURON, run in the folder of its compiled mechanisms; see README.md."""

from pathlib import Path

import numpy as np
from neuron import h  # pyright: ignore[reportMissingImports]


HOLD = -80.0
STEPS = np.arange(-100.0, 41.0, 20.0)
TIMES = np.array([0.5, 2.0, 10.0, 50.0])
DT = 0.025
CELSIUS = 34.0
# suffix -> (celsius, gates with their powers). Open fractions are the products of these.
CLAMPED = {
    "hh:na": ("hh", 6.3, {"m": 3, "h": 1}),
    "hh:k": ("hh", 6.3, {"n": 4}),
    "hh:na, 16.3": ("hh", 16.3, {"m": 3, "h": 1}),
    "NaTa_t": ("NaTa_t", CELSIUS, {"m": 3, "h": 1}),
    "NaTs2_t": ("NaTs2_t", CELSIUS, {"m": 3, "h": 1}),
    "Nap_Et2": ("Nap_Et2", CELSIUS, {"m": 3, "h": 1}),
    "SKv3_1": ("SKv3_1", CELSIUS, {"m": 1}),
    "K_Tst": ("K_Tst", CELSIUS, {"m": 4, "h": 1}),
    "K_Pst": ("K_Pst", CELSIUS, {"m": 2, "h": 1}),
    "Im": ("Im", CELSIUS, {"m": 1}),
    "Ih": ("Ih", CELSIUS, {"m": 1}),
    "Ca_HVA": ("Ca_HVA", CELSIUS, {"m": 2, "h": 1}),
    "Ca_LVAst": ("Ca_LVAst", CELSIUS, {"m": 2, "h": 1}),
    "TC_iA:1": ("TC_iA", CELSIUS, {"m1": 4, "h1": 1}),
    "TC_iA:2": ("TC_iA", CELSIUS, {"m2": 4, "h2": 1}),
    "TC_HH:na": ("TC_HH", CELSIUS, {"m": 3, "h": 1}),
    "TC_HH:k": ("TC_HH", CELSIUS, {"n": 4}),
}
SOMA = {  # S/cm2
    "NaTs2_t": 0.983955, "Nap_Et2": 0.0017, "SKv3_1": 0.303472, "K_Tst": 0.0089259, "K_Pst": 0.0022, "Im": 0.0001,
    "Ih": 0.0002, "Ca_HVA": 0.000555, "Ca_LVAst": 0.000557, "SK_E2": 0.0099839,
}  # fmt: skip
CURRENTS = [5.0, 10.0, 20.0]  # uA/cm2


def section(mechanisms):
    s = h.Section()
    s.L = s.diam = 20.0
    for name in mechanisms:
        s.insert(name)
    return s


def clamp(suffix, celsius, gates):
    """Open fractions `[step, time]`. With this capacitance the voltage stays where it is put, and `cnexp` is exact."""
    h.celsius = celsius
    s = section([suffix])
    s.cm = 1e12
    found = []
    for target in STEPS:
        h.dt = DT
        if suffix == "TC_HH":  # begins with closed gates: let them come to rest
            h.finitialize(HOLD)
            h.dt = 1e6
            h.fadvance()
            h.dt = DT
            h.t = 0.0
        else:
            h.finitialize(HOLD)
        s(0.5).v = target
        row = []
        for i in range(round(TIMES[-1] / DT)):
            h.fadvance()
            if np.any(np.isclose((i + 1) * DT, TIMES)):
                row.append(np.prod([getattr(getattr(s(0.5), suffix), x) ** n for x, n in gates.items()]))
        found.append(row)
    assert abs(s(0.5).v - STEPS[-1]) < 1e-6
    return np.array(found)


def goldman():
    """The current of the T channel with equations of Goldman, Hodgkin and Katz, inward, uA/cm2, `[step, time]`."""
    h.celsius = CELSIUS
    s = section(["TC_iT_Des98"])
    s.cm = 1e12
    s.cai, s.cao = 2.4e-4, 2.0
    found = []
    for target in STEPS:
        h.dt = DT
        h.finitialize(HOLD)
        s(0.5).v = target
        row = []
        for i in range(round(TIMES[-1] / DT)):
            h.fadvance()
            if np.any(np.isclose((i + 1) * DT, TIMES)):
                h.fcurrent()  # that of a step is of the gates before it
                row.append(-1000.0 * s(0.5).TC_iT_Des98.ica)
        found.append(row)
    return np.array(found)


def spikes(s, current, until, v_start):
    stimulus = h.IClamp(s(0.5))
    stimulus.delay, stimulus.dur = 0.0, 1e9
    stimulus.amp = current * s(0.5).area() * 1e-5  # uA/cm2 times um2, in nA
    times = h.Vector()
    counter = h.NetCon(s(0.5)._ref_v, None, sec=s)
    counter.threshold = 0.0
    counter.record(times)
    solver = h.CVode()
    solver.active(True)
    solver.atol(1e-10)
    solver.rtol(1e-10)
    solver.condition_order(2)
    h.finitialize(v_start)
    solver.solve(until)
    found = np.array(times)
    solver.active(False)
    return found


def hodgkin_huxley():
    h.celsius = 6.3
    s = section(["hh"])
    s.ena, s.ek = 50.0, -77.0
    s.cm = 1.0
    s.el_hh = -54.387
    return [spikes(s, x, 100.0, -65.0) for x in CURRENTS]


def soma():
    """Of all channels of layer 5, with the calcium that comes in: times of spikes, and the concentration at the end."""
    h.celsius = CELSIUS
    s = section([*SOMA, "CaDynamics_E2", "pas"])
    s.cm, s.ena, s.ek = 1.0, 50.0, -85.0
    s.g_pas, s.e_pas = 3.38e-5, -90.0
    for name, g in SOMA.items():
        setattr(s, f"g{name}bar_{name}", g)
    s.gamma_CaDynamics_E2, s.decay_CaDynamics_E2 = 0.000609, 210.485291
    # Concentrations at rest. They give the reversal potential, at every moment.
    h.cai0_ca_ion, h.cao0_ca_ion = 1e-4, 2.0
    found = [spikes(s, x, 200.0, -75.0) for x in CURRENTS]
    return found, s(0.5).cai


if __name__ == "__main__":
    h.usetable_hh = 0
    results = {f"clamp {name}": clamp(*x) for name, x in CLAMPED.items()}
    results["ghk"] = goldman()
    results |= {f"hh {x:g}": times for x, times in zip(CURRENTS, hodgkin_huxley(), strict=True)}
    times, calcium = soma()
    results |= {f"soma {x:g}": found for x, found in zip(CURRENTS, times, strict=True)}
    results["soma calcium"] = np.array(calcium)
    for name, x in results.items():
        print(name, x.shape, x.ravel()[:6])
    np.savez_compressed(Path(__file__).parent / "reference.npz", **results)
