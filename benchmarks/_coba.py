"""What the two balanced-network benchmarks share: the command line, the timing, the comparison."""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "reference"))

DT = 0.1


def arguments(description: str, methods: tuple[str, ...]) -> argparse.Namespace:
    """Parse the command line, and confine the process to its threads: before JAX starts, which counts them once."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--scale", type=int, default=1, help="size in multiples of 4,000 neurons")
    parser.add_argument("--duration", type=float, default=500.0, help="ms")
    parser.add_argument("--connectivity", choices=("fixed80", "p02"), default="fixed80")
    parser.add_argument("--stepper", choices=methods, default=methods[0])
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs, after one that compiles")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--peers",
        nargs="?",
        const=sys.executable,
        metavar="PYTHON",
        help="also run the peers installed for this Python",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON and nothing else")
    parsed = parser.parse_args()
    if parsed.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: parsed.threads])
    return parsed


def draw(args: argparse.Namespace, model: str, **options: Any) -> dict | None:
    """The network and the time of the C++ loop, or `None` where there is no compiler."""
    import cpp

    if not cpp.available():
        return None
    steps = round(args.duration / DT)
    return cpp.run(
        model, scale=args.scale, steps=steps, repeats=args.repeats, seed=args.seed, conn=args.connectivity,
        network=True, spike_counts=True, **options,
    )  # fmt: skip


def timed(net, state, drive, args: argparse.Namespace) -> tuple[dict, object]:
    """Run a network from one state several times; the record of spikes is part of the run."""
    import jax
    import neuroeqx as nex

    def once():
        began = time.perf_counter()
        sol = nex.simulate(net, args.duration, DT, drive, state=state, record={"spikes": nex.spikes("N")})
        jax.block_until_ready(sol.state)
        return time.perf_counter() - began, sol

    first, _ = once()
    runs = [once() for _ in range(args.repeats)]
    seconds = statistics.median(duration for duration, _ in runs)
    spikes = runs[0][1].records["spikes"]
    return {
        "compile_s": round(max(first - seconds, 0.0), 3),
        "run_s": round(seconds, 5),
        "us_per_step": round(seconds / round(args.duration / DT) * 1e6, 3),
        "rate_hz": round(spikes.rate, 3),
        "cv_isi": round(spikes.isi_cv(), 3),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "backend": jax.default_backend(),
        "threads": len(os.sched_getaffinity(0)),
    }, spikes


def csr(arrays: dict, n: int, bounds: tuple[int, int], weight: float):
    """The rows `first` to `last - 1` of a network as a connectivity."""
    from neuroeqx import connect

    first, last = bounds
    pointers = arrays["indptr"][first : last + 1]
    return connect.CSR(weight, arrays["indices"][pointers[0] : pointers[-1]], pointers - pointers[0], n)


def fixed_or_bernoulli(args: argparse.Namespace, weight: float):
    from neuroeqx import connect

    return connect.fixed_out_degree(80, weight) if args.connectivity == "fixed80" else connect.bernoulli(0.02, weight)


def report(result: dict, reference: dict | None, args: argparse.Namespace, model: str) -> None:
    """Compare the rates, and only then the times; print."""
    if reference is not None:
        result["reference_us_per_step"] = round(reference["us_per_step"], 3)
        result["reference_rate_hz"] = round(reference["rate_hz"], 3)
        if abs(result["rate_hz"] - reference["rate_hz"]) <= 0.05 * max(reference["rate_hz"], 1.0):
            result["ratio"] = round(result["us_per_step"] / reference["us_per_step"], 2)
        else:
            result["ratio"] = None
            print("The rates differ, so no ratio is given.", file=sys.stderr)
    print(json.dumps(result))
    if args.peers:
        for script in sorted((HERE / "peers").glob("*_coba.py")):
            print(json.dumps(run_peer(script, result, args, model)))


def run_peer(script: Path, ours: dict, args: argparse.Namespace, model: str) -> dict:
    """What a peer measured, with the ratio of its time to ours where the rates agree."""
    command = [
        args.peers, str(script), "--model", model, "--conn", args.connectivity, "--scale", str(args.scale),
        "--steps", str(round(args.duration / DT)), "--seed", str(args.seed),
    ]  # fmt: skip
    out = subprocess.run(command, capture_output=True, text=True)
    if out.returncode or not out.stdout.strip():
        return {"peer": script.stem, "error": out.stderr.strip()[-300:]}
    peer = json.loads(out.stdout.strip().splitlines()[-1])
    # The peers draw a network of their own, whose rate differs by a few per cent from draw to draw.
    if peer.get("available") and abs(peer["rate_hz"] - ours["rate_hz"]) <= 0.15 * max(ours["rate_hz"], 1.0):
        peer["ratio_to_neuroeqx"] = round(peer["us_per_step"] / ours["us_per_step"], 2)
    return peer
