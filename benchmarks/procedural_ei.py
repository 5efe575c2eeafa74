"""How large can a balanced network become when its connections are drawn again at every spike?

The network of `coba_lif.py` with 80 targets per neuron, from 4,000 neurons (scale 1) to 1,000,000 (scale 250) and beyond.
Its 320,000,000 synapses at scale 1000 take no memory; stored (`--matrix fanout`) they take 4 or 8 bytes each.

    python benchmarks/procedural_ei.py --scale 250 --threads 1 --json
"""

import argparse
import json
import os
import resource
import statistics
import time


DT = 0.1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--scale", type=int, default=1, help="size in multiples of 4,000 neurons")
    parser.add_argument("--duration", type=float, default=100.0, help="ms")
    parser.add_argument("--matrix", choices=("procedural", "fanout"), default="procedural")
    parser.add_argument("--law", choices=("fixed", "bernoulli"), default="fixed", help="80 targets, or 80 on average")
    parser.add_argument("--weights", choices=("constant", "uniform", "normal"), default="constant")
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs, after one that compiles")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one line of JSON and nothing else")
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
    return parsed


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def network(args: argparse.Namespace):
    import jax.random as jr
    import neuroeqx as nex

    n, n_exc = 4000 * args.scale, 3200 * args.scale
    connect = nex.connect
    weight = {
        "constant": lambda w: w,
        "uniform": lambda w: connect.uniform(0.0, 2.0 * w),
        "normal": lambda w: connect.normal(w, 0.1 * w),
    }[args.weights]

    def rule(w):
        drawn = connect.fixed_out_degree(80, weight(w)) if args.law == "fixed" else connect.bernoulli(80 / n, weight(w))
        return connect.procedural(drawn) if args.matrix == "procedural" else drawn

    cell = nex.Refractory(nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0), 5.0)
    receptors = {
        "ampa": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0)),
        "gaba": nex.Receptor(nex.Expon(10.0), nex.COBA(-80.0)),
    }
    v0 = lambda key, shape: -55.0 + 2.0 * jr.normal(key, shape)
    return nex.Network(
        {"N": nex.Population(cell, n, receptors, v0=v0)},
        [
            nex.Projection(nex.part("N", 0, n_exc), "N", "ampa", rule(0.6)),
            nex.Projection(nex.part("N", n_exc, n), "N", "gaba", rule(6.7)),
        ],
        key=jr.key(args.seed),
    )


def main() -> None:
    args = arguments()
    import jax
    import jax.random as jr
    import neuroeqx as nex

    n, steps = 4000 * args.scale, round(args.duration / DT)
    before = peak_mb()
    began = time.perf_counter()
    net = network(args)
    state = net.init(dt=DT, key=jr.key(args.seed))
    jax.block_until_ready(state)
    built = time.perf_counter() - began

    def once():
        began = time.perf_counter()
        sol = nex.simulate(net, args.duration, DT, {"N": 20.0}, state=state, record={"s": nex.spikes("N")})
        jax.block_until_ready(sol.state)
        return time.perf_counter() - began, sol.records["s"]

    first, record = once()
    seconds = statistics.median(once()[0] for _ in range(args.repeats))
    result = {
        "model": f"coba_lif {args.matrix} {args.law} {args.weights}",
        "neurons": n,
        "synapses": 80 * n,
        "matrix_bytes": sum(getattr(p.comm, "nbytes", 0) for p in net.projections.values()),
        "dt_ms": DT,
        "duration_ms": args.duration,
        "build_s": round(built, 3),
        "compile_s": round(max(first - seconds, 0.0), 3),
        "run_s": round(seconds, 4),
        "us_per_step": round(seconds / steps * 1e6, 2),
        "spikes": record.count,
        "rate_hz": round(record.rate, 3),
        "us_per_spike": round(seconds / max(record.count, 1) * 1e6, 3),
        "ns_per_neuron_and_step": round(seconds / steps / n * 1e9, 3),
        "peak_rss_mb": round(peak_mb()),
        "bytes_per_neuron": round((peak_mb() - before) * 2**20 / n),
        "threads": len(os.sched_getaffinity(0)),
        "backend": jax.default_backend(),
    }
    print(json.dumps(result))


main()
