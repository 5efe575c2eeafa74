"""What does a gradient through Hodgkin-Huxley neurons take?

Cells of their own currents, 100 ms in steps of 0.025 ms; the loss is of all voltages of all steps, its derivatives are by the
conductances of sodium, potassium and leak. One line of JSON: seconds of compiling, and the least of the runs; memory is the
process's peak.

    python benchmarks/hh_gradient.py --cells 1000 --threads 1
"""

import argparse
import json
import os
import resource
import statistics
import time


STEPS, DT = 4000, 0.025


def arguments(description: str | None) -> argparse.Namespace:
    """The command line. Sets the threads, so it comes before JAX is imported."""
    parser = argparse.ArgumentParser(description=str(description).splitlines()[0])
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--model", choices=("HodgkinHuxley", "PointCell"), default="PointCell")
    parser.add_argument("--xla", action="store_true", help="no native code")
    parser.add_argument("--checkpoint", type=int, help="states to keep at a time; all by default")
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parser.add_argument("--repeats", type=int, default=5)
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    return parsed


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def measured(compiled, operand, repeats: int) -> dict:
    import jax

    times, busy = [], []
    for _ in range(repeats):
        began = time.perf_counter(), time.process_time()
        jax.block_until_ready(compiled(operand))
        times.append(time.perf_counter() - began[0])
        busy.append(time.process_time() - began[1])
    # The time of the processor tells the same on a machine that has other work to do.
    found = {
        "s": min(times),
        "median_s": statistics.median(times),
        "cpu_s": min(busy),
        "median_cpu_s": statistics.median(busy),
    }
    return {name: round(value, 5) for name, value in found.items()}


def main(args: argparse.Namespace) -> None:
    import jax
    import jax.numpy as jnp
    import neuroeqx as nex
    from neuroeqx import channels

    def cell(g):
        if args.model == "HodgkinHuxley":
            return nex.HodgkinHuxley(g_na=g[0], g_k=g[1], g_l=g[2])
        parts = {"na": channels.na_hh1952(g[0]), "k": channels.k_hh1952(g[1]), "leak": channels.leak(g[2], -54.387)}
        return channels.PointCell(parts)

    currents = jnp.linspace(5.0, 20.0, args.cells)

    def loss(g):
        run = nex.simulate(
            nex.Population(cell(g), args.cells),
            STEPS * DT,
            DT,
            currents,
            record={"v": nex.voltage()},
            checkpoint=args.checkpoint,
            fused=not args.xla,
        )
        return jnp.mean((run.records["v"].values + 60.0) ** 2)

    g = jnp.array([120.0, 36.0, 0.3])
    line = {"model": args.model, "cells": args.cells, "native": not args.xla, "checkpoint": args.checkpoint}
    for name, function in (("forward", loss), ("gradient", jax.value_and_grad(loss))):
        began = time.perf_counter()
        compiled = jax.jit(function).lower(g).compile()
        jax.block_until_ready(compiled(g))
        line[name] = {"compile_s": round(time.perf_counter() - began, 2), **measured(compiled, g, args.repeats)}
        if (memory := compiled.memory_analysis()) is not None:
            line[name]["memory_mb"] = round(memory.temp_size_in_bytes / 2**20, 1)
        line[name]["peak_mb"] = round(peak_mb())
    value, slopes = compiled(g)
    print(json.dumps({**line, "loss": float(value), "slopes": [float(x) for x in slopes]}))


if __name__ == "__main__":
    main(arguments(__doc__))
