"""Writes `voltages.json` with NEURON (see README.md)."""

import json

from neuron import h  # pyright: ignore[reportMissingImports]


h.load_file("stdrun.hoc")
h.load_file("import3d.hoc")
reader = h.Import3d_SWC_read()
reader.input("Nr5a1_471087815_m.swc")
h.Import3d_GUI(reader, 0).instantiate(None)
h.celsius, h.usetable_hh, h.dt, h.steps_per_ms, h.tstop, h.v_init = 6.3, 0, 0.025, 40, 20, -65
for section in h.allsec():
    section.nseg, section.Ra, section.cm = 3, 100, 1
    if "soma" in section.name() or "axon" in section.name():
        section.insert("hh")
    else:
        section.insert("pas")
        for segment in section:
            segment.pas.g, segment.pas.e = 0.0003, -65
soma = next(s for s in h.allsec() if "soma" in s.name())
far = max(h.allsec(), key=lambda s: h.distance(soma(0.5), s(0.5)))
clamp = h.IClamp(soma(0.5))
clamp.delay, clamp.dur, clamp.amp = 1, 1e9, 0.5
records = [h.Vector().record(place._ref_v) for place in (soma(0.5), far(0.5))]
found = {}
for order in (0, 2):
    h.secondorder = order
    h.finitialize(-65)
    h.run()
    found[order] = [[round(v, 7) for v in list(record)[10::10]] for record in records]
with open("voltages.json", "w") as file:
    json.dump(found, file)
