"""Jaxley on the cells of `../hh_gradient.py`: `python jaxley_hh.py --cells 1000 --threads 1`."""

import json
import sys
import time
from pathlib import Path


sys.path.insert(0, str(Path(__file__).parents[1]))
from hh_gradient import arguments, DT, measured, peak_mb, STEPS  # noqa: E402


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


network = jx.Network([jx.Cell(jx.Branch(jx.Compartment(), 1), [-1]) for _ in range(args.cells)])
network.insert(HH())
network.set("radius", 10.0)
network.set("length", 20.0)
network.set("capacitance", 1.0)
network.set("v", -65.0)
# uA/cm2 times the area of a cylinder, in nA.
area = 2.0 * np.pi * 10.0 * 20.0
currents = np.repeat(np.linspace(5.0, 20.0, args.cells)[:, None] * area * 1e-5, STEPS, 1)
for name, value in (("HH_eNa", 50.0), ("HH_eK", -77.0), ("HH_eLeak", -54.387)):
    network.set(name, value)
network.init_states(DT)
network.cell("all").branch(0).loc(0.0).record("v", verbose=False)
network.cell("all").branch(0).loc(0.0).stimulate(jnp.asarray(currents), verbose=False)


def loss(g):
    state = None
    for name, value in zip(("HH_gNa", "HH_gK", "HH_gLeak"), g * 1e-3, strict=True):
        state = network.data_set(name, value, state)
    v = jx.integrate(network, param_state=state, delta_t=DT)
    return jnp.mean((v + 60.0) ** 2)


g = jnp.array([120.0, 36.0, 0.3])
line: dict = {"peer": "jaxley", "version": jx.__version__, "cells": args.cells}
value, slopes = None, None
for name, function in (("forward", loss), ("gradient", jax.value_and_grad(loss))):
    began = time.perf_counter()
    compiled = jax.jit(function).lower(g).compile()
    result = jax.block_until_ready(compiled(g))
    line[name] = {"compile_s": round(time.perf_counter() - began, 2), **measured(compiled, g, args.repeats)}
    line[name]["peak_mb"] = round(peak_mb())
value, slopes = result
print(json.dumps({**line, "loss": float(value), "slopes": [float(x) for x in slopes]}))
