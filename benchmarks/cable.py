"""How long does a cell with an extent take, and its gradient?

An SWC cell with the channels of Hodgkin and Huxley everywhere, driven by a current into its soma, at dt 0.025 ms; the gradient
is that of the mean voltage of the soma towards the densities of sodium, potassium and leak, one each. Writes one line of JSON.

    python benchmarks/cable.py --threads 1
    python benchmarks/cable.py --threads 1 --compartments 1 --ms 100
    python benchmarks/cable.py --peer jaxley      # in an environment with jaxley, the same cell
"""

import argparse
import json
import os
import resource
import statistics
import time
from pathlib import Path


CELL = Path(__file__).parents[1] / "tests" / "data" / "neuron_cell" / "Nr5a1_471087815_m.swc"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--swc", type=Path, default=CELL)
    parser.add_argument("--compartments", type=int, default=1, help="of each branch")
    parser.add_argument("--cells", type=int, default=1, help="copies of the cell")
    parser.add_argument("--ms", type=float, default=100.0)
    parser.add_argument("--current", type=float, default=1.0, help="nA")
    parser.add_argument("--method", default="bwd_euler", choices=["bwd_euler", "crank_nicolson"])
    parser.add_argument("--checkpoint", type=int, help="states to keep, of neuroeqx")
    parser.add_argument("--no-gradient", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parser.add_argument("--peer", choices=["jaxley"])
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-parsed.threads :])
    return parsed


DT = 0.025


def ours(args: argparse.Namespace):
    """(size, forward, gradient, spikes): two functions of three densities."""
    import equinox as eqx
    import jax.numpy as jnp
    import neuroeqx as nex

    parts = nex.cable.Compartments(nex.cable.read_swc(args.swc), args.compartments)
    methods = {"bwd_euler": nex.cable.BackwardEuler(), "crank_nicolson": nex.cable.CrankNicolson()}
    membrane = {"na": nex.channels.na_hh1952(), "k": nex.channels.k_hh1952(), "leak": nex.channels.leak(0.3, -54.3)}
    cell = nex.cable.Cell(parts, membrane, method=methods[args.method])
    current = cell.density(args.current, [0])
    record = {"v": nex.voltage(indices=[0])}
    shape = (cell.size,) if args.cells == 1 else (args.cells, cell.size)

    def run(densities, **options):
        where = lambda c: [c.membrane.channels[name].g for name in ("na", "k", "leak")]
        population = nex.Population(eqx.tree_at(where, cell, list(densities)), shape)
        return nex.simulate(population, args.ms, DT, current, record=record, **options).records["v"].values[:, 0]

    loss = eqx.filter_jit(eqx.filter_value_and_grad(lambda x: jnp.mean(run(x, checkpoint=args.checkpoint))))
    return cell.size, eqx.filter_jit(run), loss, [jnp.asarray(g) for g in (120.0, 36.0, 0.3)]


def jaxley(args: argparse.Namespace):
    import jax
    import jax.numpy as jnp
    import jaxley as jx  # pyright: ignore[reportMissingImports]
    from jaxley.channels import HH  # pyright: ignore[reportMissingImports]

    cell = jx.read_swc(str(args.swc), ncomp=args.compartments)
    cell.insert(HH())
    cell.set("axial_resistivity", 100.0)
    cell.branch(0).loc(0.5).record(verbose=False)
    current = args.current * jnp.ones(round(args.ms / DT))
    cell.branch(0).loc(0.5).stimulate(current, verbose=False)
    names = ("HH_gNa", "HH_gK", "HH_gLeak")
    for name in names:
        cell.make_trainable(name, verbose=False)

    def run(densities):
        params = [{name: jnp.reshape(g, (1,))} for name, g in zip(names, densities, strict=True)]
        return jx.integrate(cell, params=params, delta_t=DT, solver=args.method)[0]

    densities = [jnp.asarray(g) for g in (0.12, 0.036, 0.0003)]
    return len(cell.nodes), jax.jit(run), jax.jit(jax.value_and_grad(lambda x: jnp.mean(run(x)))), densities


def main(args: argparse.Namespace) -> None:
    import jax

    size, forward, gradient, densities = jaxley(args) if args.peer else ours(args)
    line: dict = {"package": args.peer or "neuroeqx", "cell": args.swc.name, "compartments": size, "cells": args.cells}
    line |= {"ms": args.ms, "method": args.method}
    for name, function in (("run", forward), ("gradient", gradient))[: 1 if args.no_gradient else 2]:
        began = time.perf_counter()
        found = jax.block_until_ready(function(densities))
        line[f"{name}_first_s"] = round(time.perf_counter() - began, 3)
        times, busy = [], []
        for _ in range(args.rounds):
            began = time.perf_counter(), time.process_time()
            jax.block_until_ready(function(densities))
            times.append(time.perf_counter() - began[0])
            busy.append(time.process_time() - began[1])
        # The time of the processor tells the same on a machine that has other work to do.
        line[f"{name}_s"], line[f"{name}_cpu_s"] = round(statistics.median(times), 5), round(statistics.median(busy), 5)
        line[f"{name}_peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if name == "run":
            line["spikes"] = int(((found[1:] > 0.0) & (found[:-1] <= 0.0)).sum())
        else:
            line["gradients"] = [float(x) for x in found[1]]
    print(json.dumps(line))


if __name__ == "__main__":
    main(arguments())
