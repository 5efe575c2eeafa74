"""How long does an elementary function take for each number, in native code and in XLA?

Each is applied to a vector again and again inside of one compiled loop, with two sums and a product beside it, which are in the
times of both.

    python benchmarks/functions.py --threads 1
"""

import argparse
import json
import os
import statistics
import time


FUNCTIONS = (
    "exp exp2 expm1 log log1p logistic sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh cbrt erf erfc"
).split()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--size", type=int, default=10_000, help="numbers")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
    return parsed


def main(args: argparse.Namespace) -> None:
    import jax
    import jax.numpy as jnp
    from jax import lax
    from neuroeqx.fuse import while_loop

    jax.config.update("jax_enable_x64", True)

    def ns_per_number(function, x, loop) -> float:
        def again(carry):
            i, y = carry
            return i + 1, function(x + 1e-30 * y) + x

        run = jax.jit(lambda y: loop(lambda carry: carry[0] < args.rounds, again, (jnp.int32(0), y))[1])
        if loop is while_loop and "neuroeqx_fused" not in run.lower(x).as_text():
            raise RuntimeError("not native")
        times = []
        for _ in range(6):
            began = time.perf_counter()
            run(x).block_until_ready()
            times.append(time.perf_counter() - began)
        return statistics.median(times[1:]) / args.rounds / args.size * 1e9

    two = {"pow": lambda x: lax.pow(x, x), "atan2": lambda x: lax.atan2(x, x)}
    functions = {name: getattr(lax, name) for name in FUNCTIONS} | two
    for name, function in functions.items():
        low, high = {"acosh": (1.01, 9.0)}.get(name, (0.01, 0.99))
        line: dict = {"function": name, "size": args.size}
        for dtype in ("float32", "float64"):
            x = jnp.linspace(low, high, args.size, dtype=dtype)
            line[dtype] = {
                form: round(ns_per_number(function, x, loop), 3)
                for form, loop in (("native", while_loop), ("xla", lax.while_loop))
            }
        print(json.dumps(line), flush=True)


main(arguments())
