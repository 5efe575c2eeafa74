"""Would several steps in one pass over the neurons be faster? The most that could be gained, by cells without synapses.

All steps are run once with time outside (a loop over the neurons for each step, as a network has to) and once with time inside
(for each vector of neurons all steps, the state in registers).

    python benchmarks/time_inside.py --threads 1
"""

import argparse
import json
import os
import statistics
import time


DT = 0.1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=(4000, 40_000))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
    return parsed


def main(args: argparse.Namespace) -> None:
    import jax
    import neuroeqx as nex

    lif = nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0, stepper=nex.Euler())
    cells = {"Refractory LIF": (nex.Refractory(lif, 5.0), 20.0), "TraubMiles": (nex.TraubMiles(), 200.0)}

    def us_per_step(run) -> float:
        times = []
        for _ in range(8):
            began = time.perf_counter()
            jax.block_until_ready(run())
            times.append(time.perf_counter() - began)
        return round(statistics.median(times[1:]) / args.steps * 1e6, 3)

    def compare(cell, drive, n) -> dict:
        model = nex.Population(cell, n)
        state = model.init(dt=DT, key=jax.random.key(0))
        outside = lambda: nex.simulate(model, args.steps * DT, DT, drive, state=state).state
        inside = jax.jit(lambda state: nex.simulate(model, args.steps * DT, DT, drive, state=state).state)
        if "neuroeqx_fused_scan" not in inside.lower(state).as_text():
            raise RuntimeError("time is not inside")
        return {"outside_us": us_per_step(outside), "inside_us": us_per_step(lambda: inside(state))}

    for name, (cell, drive) in cells.items():
        for n in args.sizes:
            line = {"cell": name, "neurons": n, "steps": args.steps}
            print(json.dumps(line | compare(cell, drive, n)), flush=True)


main(arguments())
