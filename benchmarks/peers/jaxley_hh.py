"""Jaxley on the cells of `../hh_gradient.py`: `python jaxley_hh.py --cells 1000 --threads 1`.

One cell under `jax.vmap` over its current, or with `--network` cells that are a `Network` of Jaxley's, which takes it longer.
"""

import json
import sys
import time
from pathlib import Path


sys.path.insert(0, str(Path(__file__).parents[1]))
from hh_gradient import arguments, DT, measured, peak_mb, STEPS  # noqa: E402


as_network = "--network" in sys.argv
sys.argv = [word for word in sys.argv if word != "--network"]
args = arguments(__doc__)

try:
    import jaxley as jx  # pyright: ignore[reportMissingImports]
    from jaxley.channels import HH  # pyright: ignore[reportMissingImports]
except ImportError:
    print(json.dumps({"peer": "jaxley", "available": False}))
    sys.exit()

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402


one = lambda: jx.Cell(jx.Branch(jx.Compartment(), 1), [-1])
model = jx.Network([one() for _ in range(args.cells)]) if as_network else one()
model.insert(HH())
# uA/cm2 times the area of a cylinder, in nA.
area = 2.0 * np.pi * 10.0 * 20.0
currents = jnp.asarray(np.linspace(5.0, 20.0, args.cells) * area * 1e-5)
for name, value in (("radius", 10.0), ("length", 20.0), ("capacitance", 1.0), ("v", -65.0)):
    model.set(name, value)
for name, value in (("HH_eNa", 50.0), ("HH_eK", -77.0), ("HH_eLeak", -54.387)):
    model.set(name, value)
model.init_states(DT)
place = (model.cell("all") if as_network else model).branch(0).loc(0.0)
place.record("v", verbose=False)
if as_network:
    place.stimulate(jnp.repeat(currents[:, None], STEPS, 1), verbose=False)


def loss(g):
    state = None
    for name, value in zip(("HH_gNa", "HH_gK", "HH_gLeak"), g * 1e-3, strict=True):
        state = model.data_set(name, value, state)

    def run(current):
        stimuli = place.data_stimulate(jnp.full(STEPS, current), None)
        return jx.integrate(model, param_state=state, data_stimuli=stimuli, delta_t=DT)

    v = jx.integrate(model, param_state=state, delta_t=DT) if as_network else jax.vmap(run)(currents)
    return jnp.mean((v + 60.0) ** 2)


g = jnp.array([120.0, 36.0, 0.3])
line: dict = {"peer": "jaxley", "version": jx.__version__, "cells": args.cells, "network": as_network}
result = None
for name, function in (("forward", loss), ("gradient", jax.value_and_grad(loss))):
    began = time.perf_counter()
    compiled = jax.jit(function).lower(g).compile()
    result = jax.block_until_ready(compiled(g))
    line[name] = {"compile_s": round(time.perf_counter() - began, 2), **measured(compiled, g, args.repeats)}
    line[name]["peak_mb"] = round(peak_mb())
value, slopes = result
print(json.dumps({**line, "loss": float(value), "slopes": [float(x) for x in slopes]}))
