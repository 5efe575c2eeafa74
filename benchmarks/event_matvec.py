"""How long does the product of a sparse matrix with a vector of spikes take, compared with a plain loop in C++?

Inside a compiled loop the products with several vectors of spikes are added to one carried vector, as in the step of a
network: nothing can be moved out of the loop, and the sum is made in place. The C++ loop (`reference/`) reads the same
arrays in the same process; both are timed in turn.

    python benchmarks/event_matvec.py --n 50000 --p 0.01 --activity 0.01 --weights per-synapse --json
    python benchmarks/event_matvec.py --sweep
"""

import argparse
import ctypes
import importlib.util
import itertools
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np


HERE = pathlib.Path(__file__).parent
SWEEP = {"n": (10_000, 50_000, 100_000), "p": (0.001, 0.01), "activity": (0.001, 0.01, 0.1)}
WEIGHTS = ("scalar", "per-synapse")
MEMORY_LIMIT = 6e9  # bytes, of a case of the sweep
TOLERANCE = 1e-4  # of the largest value: sums of float32 in another order


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--n", type=int, default=10_000, help="rows and columns")
    parser.add_argument("--p", type=float, default=0.01, help="probability of a synapse")
    parser.add_argument("--activity", type=float, default=0.01, help="fraction of the rows that spike in a call")
    parser.add_argument("--weights", choices=WEIGHTS, default="scalar")
    parser.add_argument("--matrix", choices=("csr", "fanout"), default="csr", help="fanout: n p synapses in every row")
    parser.add_argument("--backend", choices=("reference", "native"), help="by default what the package chooses")
    parser.add_argument("--listed", action="store_true", help="the active rows are listed beforehand, outside the time")
    parser.add_argument("--vectors", type=int, default=8, help="different vectors of spikes")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.05, help="of each repeat, about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--contenders", action="store_true", help="also the other libraries that this Python has")
    parser.add_argument("--peers", metavar="PYTHON", help="also the libraries that another Python has")
    parser.add_argument("--sweep", action="store_true", help="all sizes, probabilities, activities and weights")
    parser.add_argument("--json", action="store_true", help="for symmetry with the other benchmarks; always printed")
    return parser.parse_args()


def sweep() -> None:
    """Every case in a process of its own, for the memory that it needs and the time to compile it."""
    for n, p, activity in itertools.product(*SWEEP.values()):
        for weights in WEIGHTS:
            needed = 4 * n * n * p * (2 if weights == "scalar" else 4)  # matrix, and as much to draw it
            if needed > MEMORY_LIMIT:
                continue
            case = ["--n", str(n), "--p", str(p), "--activity", str(activity), "--weights", weights]
            options = [option for option in sys.argv[1:] if option != "--sweep"]
            subprocess.run([sys.executable, __file__, *options, *case], check=True)


def draw(args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row pointers, columns (ascending in a row), weights and vectors of spikes."""
    rng, n = np.random.default_rng(args.seed), args.n
    if args.matrix == "fanout":
        k = round(n * args.p)
        degrees = np.full(n, k)
        indices = np.empty((n, k), np.int32)
        for first in range(0, n, 1000):
            rows = indices[first : first + 1000]
            rows[:] = np.sort(rng.integers(0, n, rows.shape, dtype=np.int32), axis=1)
        indices = indices.reshape(-1)
    else:
        parts, degrees = [], np.empty(n, np.int64)
        for first in range(0, n, 1000):
            places = _successes(rng, args.p, n * min(1000, n - first))
            degrees[first : first + 1000] = np.bincount(places // n, minlength=min(1000, n - first))
            parts.append((places % n).astype(np.int32))
        indices = np.concatenate(parts)
    indptr = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int32)
    if args.weights == "scalar":
        weight = np.array(0.5, np.float32)
    else:
        weight = rng.random(indices.size, dtype=np.float32)
    spikes = (rng.random((args.vectors, n), dtype=np.float32) < args.activity).astype(np.float32)
    return indptr, indices, weight, spikes


def _successes(rng: np.random.Generator, p: float, trials: int) -> np.ndarray:
    """The places of the successes among so many trials: geometric gaps."""
    places = np.empty(0, np.int64)
    while not places.size or places[-1] < trials:
        last = places[-1] if places.size else -1
        gaps = rng.geometric(p, int(trials * p * 1.01) + 100)
        places = np.concatenate([places, last + np.cumsum(gaps)])
    return places[: np.searchsorted(places, trials)]


def peers_module() -> Any:
    """`peers/event_matvec.py`, which has the name of this file."""
    spec = importlib.util.spec_from_file_location("event_matvec_peers", HERE / "peers" / "event_matvec.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compile_reference(folder: pathlib.Path) -> Any:
    """The C++ loop, or `None` where there is no compiler."""
    if shutil.which("g++") is None:
        return None
    library = folder / "event_matvec.so"
    flags = ("-std=c++17", "-O3", "-march=native", "-shared", "-fPIC")
    subprocess.run(["g++", *flags, str(HERE / "reference" / "event_matvec.cpp"), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def reference_loop(library: Any, indptr: Any, indices: Any, weight: Any, spikes: list, listed: bool) -> Callable:
    """A function of a number of rounds, as `contenders` in `peers/event_matvec.py`; row pointers or a number for all."""
    n, room = spikes[0].size, len(spikes) if listed else 1
    lists, counts = np.zeros((room, n), np.int32), np.zeros(len(spikes), np.int64)
    pointers = (ctypes.c_void_p * len(spikes))(*(x.ctypes.data for x in spikes))

    def address(array: np.ndarray) -> ctypes.c_void_p:
        return ctypes.c_void_p(array.ctypes.data)

    fixed = isinstance(indptr, int)
    rows = (None, ctypes.c_int64(indptr)) if fixed else (address(indptr), ctypes.c_int64(0))
    matrix = (address(weight), int(weight.ndim == 0), address(indices), *rows, ctypes.c_int64(n), pointers, len(spikes))
    if listed:
        library.list_active(ctypes.c_int64(n), pointers, len(spikes), address(lists), address(counts))

    def run(rounds: int) -> np.ndarray:
        out = np.zeros(n, np.float32)
        library.add_matvec(address(out), *matrix, address(lists), address(counts) if listed else None, rounds)
        return out

    return run


def our_loop(peers: Any, args: argparse.Namespace, structure: tuple, weight: Any, vectors: list) -> Callable:
    from neuroeqx.ops import csr, events, fanout

    add: Any = csr.add_matvec if args.matrix == "csr" else fanout.add_matvec
    inputs = [(x, events.compact(x, backend=args.backend) if args.listed else None) for x in vectors]

    def product(out, x, weight, *structure):
        x, active = x
        return add(out, weight, *structure, x, active=active, backend=args.backend)

    return peers.in_loop(product, inputs, (weight, *structure), args.n)


def clock(run: Callable, rounds: int) -> float:
    began = time.perf_counter()
    run(rounds)
    return (time.perf_counter() - began) / rounds


def timed(runs: dict[str, Callable], peers: Any, args: argparse.Namespace) -> dict[str, list[float]]:
    """Microseconds per call of every repeat. One loop after the other, and this again for every repeat."""
    rounds = {name: peers.rounds_for(args.seconds, clock(run, 1)) for name, run in runs.items()}
    rounds = {name: peers.rounds_for(args.seconds, clock(run, rounds[name])) for name, run in runs.items()}
    times = {name: [] for name in runs}
    for _ in range(args.repeats):
        for name, run in runs.items():
            times[name].append(1e6 * clock(run, rounds[name]) / args.vectors)
    return times


def measure(args: argparse.Namespace, folder: pathlib.Path) -> dict:
    peers = peers_module()
    import jax.numpy as jnp

    # From here on the arrays of JAX, which NumPy and C++ read where they are.
    indptr, indices, weight, spikes = (jnp.asarray(array) for array in draw(args))
    degree = indices.size // args.n if args.matrix == "fanout" else None
    vectors = [jnp.array(x) for x in spikes]
    silent = [jnp.zeros_like(x) for x in vectors]
    structure = (indices, indptr) if degree is None else (indices.reshape(args.n, degree),)
    own = weight.reshape(structure[0].shape) if weight.ndim else weight
    runs = {
        "ours": our_loop(peers, args, structure, own, vectors),
        "silent": our_loop(peers, args, structure, own, silent),
        "empty": peers.in_loop(lambda out, x: out, vectors, (), args.n),
    }
    began = time.perf_counter()
    total = runs["ours"](1)
    compile_s = time.perf_counter() - began
    compile_s -= clock(runs["ours"], 1)
    for name in ("silent", "empty"):
        runs[name](1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    library = compile_reference(folder)
    case = peers.Case(*(np.asarray(array) for array in (indptr, indices, weight, spikes)))
    if library is not None:
        matrix = case.indptr if degree is None else degree, case.indices, case.weight
        for name, x in {"reference": vectors, "reference_silent": silent}.items():
            runs[name] = reference_loop(library, *matrix, [np.asarray(v) for v in x], args.listed)
    runs |= peers.contenders(case) if args.contenders else {}
    for name in [name for name in runs if name not in ("ours", "silent", "empty", "reference_silent")]:
        found = peers.difference(runs[name](1), total)
        if not found <= TOLERANCE:  # nor NaN
            print(f"{name} differs by {found:.1e} of the largest value, and is not timed.", file=sys.stderr)
            del runs[name]
    times = timed(runs, peers, args)
    events = float(np.mean(np.diff(case.indptr)[None] @ (case.spikes != 0).T))
    described = {
        "n": args.n, "p": args.p, "activity": args.activity, "weights": args.weights, "matrix": args.matrix,
        "backend": args.backend or "default", "listed": args.listed, "nnz": indices.size,
        "events_per_call": round(events),
    }  # fmt: skip
    result = described | summary(times, events)
    result |= {"compile_s": round(max(compile_s, 0.0), 3), "peak_rss_mb": round(peak)}
    return result | (other_python(args, case, total, folder) if args.peers else {})


def summary(times: dict[str, list[float]], events: float) -> dict:
    """Medians, ratios of neighbours in time and, as other work only ever slows a loop down, the ratio of the least."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    ours = times["ours"]
    result: dict[str, Any] = {"us_per_call": medians["ours"], "us_per_call_min": min(ours)}
    if "reference" in times:
        reference = times["reference"]
        result |= {
            "reference_us": medians["reference"],
            "reference_us_min": min(reference),
            "ratio": statistics.median(a / b for a, b in zip(ours, reference, strict=True)),
            "ratio_min": min(ours) / min(reference),
        }
    result["overhead_us"] = min(times["silent"]) - min(times["empty"])
    if "reference_silent" in times:
        result["reference_silent_us"] = min(times["reference_silent"])
    result["ns_per_event"] = 1e3 * medians["ours"] / max(events, 1.0)
    rest = [name for name in times if name not in ("ours", "silent", "empty", "reference", "reference_silent")]
    result |= {f"{name}_us": medians[name] for name in rest}
    return {name: float(f"{value:.4g}") for name, value in result.items()}


def other_python(args: argparse.Namespace, case: Any, total: np.ndarray, folder: pathlib.Path) -> dict:
    """What the contenders of another environment measure on these arrays, after ours and not in turn with it."""
    for name, array in {**case._asdict(), "total": total}.items():
        np.save(folder / f"{name}.npy", array)
    command = [args.peers, str(HERE / "peers" / "event_matvec.py"), str(folder), "--seconds", str(args.seconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"peers_error": done.stderr.strip()[-300:]}
    return {"peers": json.loads(done.stdout.strip().splitlines()[-1])}


def main() -> None:
    args = arguments()
    # Before JAX starts, which counts the processors once.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if args.sweep:
        sweep()
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(args, pathlib.Path(folder))), flush=True)


main()
