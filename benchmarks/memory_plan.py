"""What does a gradient within a given memory cost? A recurrent network of LIF neurons, or several one after
the other, learns a slow sine over 10,000 steps.

python benchmarks/memory_plan.py --memory 256MiB --threads 1
"""

import argparse
import itertools
import json
import os
import resource
import time


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--memory", help="as in value_and_grad; no limit by default")
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument(
        "--layers", type=int, default=1, help="of as many cells, each recurrent and driven by the one before"
    )
    parser.add_argument("--steps", type=int, default=10_000, help="of a run, of 1 ms")
    parser.add_argument("--updates", type=int, default=5, help="of the weights")
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
    return parsed


def main(args: argparse.Namespace) -> None:
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import jax.random as jr
    import neuroeqx as nex
    import optax

    n, t1 = args.cells, float(args.steps)
    receptor = {"in": nex.Receptor(nex.Expon(5.0), nex.CUBA())}
    cell = nex.Refractory(nex.LIF(tau=20.0, surrogate=nex.SuperSpike(10.0)), 2.0)
    layers = [f"N{i}" for i in range(args.layers)]
    some = nex.connect.fixed_out_degree(n // 10, nex.connect.normal(0.0, 0.1))
    every = nex.connect.all_to_all(nex.connect.normal(0.0, 0.1))
    net = nex.Network(
        {name: nex.Population(cell, n, receptor) for name in layers}
        | {"R": nex.Population(nex.Leaky(tau=50.0), 1, receptor)},
        [
            *(nex.Projection(name, name, "in", some, delay=5.0) for name in layers),
            *(nex.Projection(pre, post, "in", some, delay=1.0) for pre, post in itertools.pairwise(layers)),
            nex.Projection(layers[-1], "R", "in", every, delay=1.0),
        ],
        key=jr.key(0),
    )
    trained = lambda net: [p.comm.weight for p in net.projections.values()]
    inputs = {name: nex.Samples(1.5 + 0.5 * jr.normal(jr.key(1), (args.steps, 1))) for name in layers}
    targets = jnp.sin(jnp.linspace(0.0, 40.0, args.steps))[:, None]
    gradient = nex.learn.value_and_grad(
        lambda outputs, targets: jnp.mean((outputs["R"] - targets) ** 2),
        t1=t1, dt=1.0, memory=args.memory, where=trained,
    )  # fmt: skip
    optim = optax.adam(3e-3)

    @eqx.filter_jit
    def update(net, state):
        value, slopes = gradient(net, inputs, targets)
        changes, state = optim.update(slopes, state)
        return eqx.apply_updates(net, changes), state, value

    began = time.perf_counter()
    plan = gradient.plan(net, inputs, targets)
    planned = time.perf_counter() - began
    state = optim.init(eqx.filter(net, nex.trainable(net, trained)))
    times, losses = [], []
    for _ in range(args.updates + 1):
        began = time.perf_counter()
        net, state, value = jax.block_until_ready(update(net, state))
        times.append(time.perf_counter() - began)
        losses.append(float(value))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        json.dumps(
            {
                "benchmark": "memory_plan", "cells": n, "layers": args.layers,
                "synapses": n * (n // 10) * (2 * args.layers - 1), "steps": args.steps, "memory": args.memory,
                "method": plan.method, "checkpoint": plan.checkpoint, "predicted_MiB": round(plan.predicted / 2**20, 1),
                "measured_MiB": round(plan.measured / 2**20, 1), "plan_s": round(planned, 2), "first_s": round(times[0], 2),
                "update_s": round(min(times[1:]), 3), "losses": [round(x, 4) for x in losses],
                "peak_rss_MB": round(peak / 1e6), "threads": args.threads,
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    main(arguments())
