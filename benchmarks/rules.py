"""How long does it take to draw eight million synapses?

python benchmarks/rules.py --json
"""

import argparse
import json
import time

import jax.random as jr
from neuroeqx import connect


RULES = {
    "bernoulli p=0.02": (connect.bernoulli(0.02), 20_000),
    "fixed_out_degree 80": (connect.fixed_out_degree(80), 100_000),
    "fixed_out_degree 80, no multapses": (connect.fixed_out_degree(80, multapses=False), 100_000),
    "fixed_in_degree 80": (connect.fixed_in_degree(80), 100_000),
    "fixed_total 8e6": (connect.fixed_total(8_000_000), 100_000),
    "bernoulli p=0.02, normal weights": (connect.bernoulli(0.02, connect.normal(0.0, 1.0)), 20_000),
}


def timed(rule, n: int, seed: int) -> tuple[float, int]:
    began = time.perf_counter()
    matrix = rule(n, n, key=jr.key(seed))
    matrix.indices.block_until_ready()
    return time.perf_counter() - began, matrix.nnz


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="for symmetry with the other benchmarks; always printed")
    args = parser.parse_args()
    for name, (rule, n) in RULES.items():
        runs = [timed(rule, n, seed) for seed in range(args.repeats)]
        seconds, synapses = min(runs)
        print(json.dumps({"rule": name, "neurons": n, "synapses": synapses, "build_s": round(seconds, 3)}))


main()
