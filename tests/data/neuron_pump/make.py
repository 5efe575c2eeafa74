"""Writes `reference.json` with NEURON, in the folder of the compiled mechanisms (see README.md)."""

import json

from neuron import h  # pyright: ignore[reportMissingImports]


h.usetable_hh, h.celsius = 0, 6.3
s = h.Section()
s.L = s.diam = 20.0
s.cm = 1.0
for name in ("hh", "nakpump", "nakpool", "pas"):
    s.insert(name)
s.gnabar_hh, s.gkbar_hh, s.gl_hh, s.g_pas, s.e_pas = 0.12, 0.036, 0.0, 0.0003, -60.0
h.nai0_na_ion, h.nao0_na_ion, h.ki0_k_ion, h.ko0_k_ion = 12.0, 120.0, 110.0, 5.0
stimulus = h.IClamp(s(0.5))
stimulus.delay, stimulus.dur, stimulus.amp = 0.0, 1e9, 10.0 * s(0.5).area() * 1e-5
variables = [s(0.5)._ref_v, s(0.5)._ref_nai, s(0.5)._ref_ki, s(0.5)._ref_ko]
solver = h.CVode()
solver.active(True)
solver.atol(1e-11)
solver.rtol(1e-11)
h.finitialize(-70.0)
found = []
for i in range(60):
    solver.solve(i + 1.0)
    found.append([x[0] for x in variables])
with open("reference.json", "w") as file:
    json.dump(found, file)
print(found[0], found[-1], max(x[0] for x in found))
