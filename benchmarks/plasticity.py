"""What does learning cost? A recurrent network of LIF neurons with pair STDP, and the same one without.

python benchmarks/plasticity.py --threads 1
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
    parser.add_argument("--sizes", type=int, nargs="+", default=(400, 2000))
    parser.add_argument(
        "--matrices", nargs="+", default=("CSR", "FanOut", "Dense"), help="CSR and FanOut hold 10 %% of pairs"
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
    return parsed


def main(args: argparse.Namespace) -> None:
    import jax
    import jax.numpy as jnp
    import neuroeqx as nex
    from neuroeqx import connect

    def network(matrix: str, n: int, rule):
        weight = connect.uniform(0.0, 2.0 / n)
        comms = {
            "CSR": lambda: connect.bernoulli(0.1, weight),
            "FanOut": lambda: connect.fixed_out_degree(n // 10, weight),
            "Dense": lambda: connect.Dense(weight(jax.random.key(0), (n, n))),
        }
        cell = nex.Refractory(nex.LIF(), 2.0)
        cells = nex.Population(cell, n, {"e": nex.Receptor(nex.Expon(5.0), nex.CUBA())}, v0=connect.uniform(0.0, 1.0))
        projection = nex.Projection("E", "E", "e", comms[matrix](), plasticity=rule)
        return nex.Network({"E": cells}, [projection], key=jax.random.key(0))

    def timed(net, n: int) -> tuple[float, float, float]:
        drive = {"E": jnp.linspace(1.1, 3.0, n)}
        state = net.init(dt=DT, key=jax.random.key(1))

        def once():
            began = time.perf_counter()
            sol = nex.simulate(net, args.steps * DT, DT, drive, state=state, record={"s": nex.spikes("E")})
            jax.block_until_ready(sol.state)
            return time.perf_counter() - began, sol.records["s"].count

        first, count = once()
        seconds = statistics.median(once()[0] for _ in range(args.repeats))
        return seconds / args.steps * 1e6, max(first - seconds, 0.0), count / args.steps

    for n in args.sizes:
        for matrix in args.matrices:
            plastic = network(matrix, n, nex.plasticity.STDP(w_max=4.0 / n))
            us, compile_s, spikes = timed(plastic, n)
            plain, _, _ = timed(network(matrix, n, None), n)
            line = {
                "matrix": matrix, "neurons": n, "synapses": plastic.projections["E->E:e"].synapses,
                "spikes_per_step": round(spikes, 2), "us_per_step": round(us, 1), "us_without": round(plain, 2),
                "compile_s": round(compile_s, 2),
                "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "threads": len(os.sched_getaffinity(0)),
            }  # fmt: skip
            print(json.dumps(line), flush=True)


main(arguments())
