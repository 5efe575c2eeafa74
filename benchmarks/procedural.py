"""How long does a product with a matrix that is drawn again at every use take, compared with a plain loop in C++?

Inside a compiled loop the products with several vectors of spikes are added to one carried vector, as in the step of a
network. The C++ loop (`reference/procedural.cpp`) draws the same synapses from the same words.

    python benchmarks/procedural.py --n 1000000 --law bernoulli --p 0.001 --activity 0.0001 --weights normal --json
"""

import argparse
import ctypes
import importlib.util
import json
import pathlib
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np


HERE = pathlib.Path(__file__).parent
THETA = {"constant": 0.5, "uniform": [0.0, 1.0], "normal": [0.6, 0.1]}
TOLERANCE = 1e-4  # of the largest value: sums of float32 in another order


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--n", type=int, default=100_000, help="rows and columns")
    parser.add_argument("--law", choices=("bernoulli", "fixed"), default="bernoulli")
    parser.add_argument("--p", type=float, default=0.001, help="probability of a synapse")
    parser.add_argument("--k", type=int, help="synapses of a row; n p by default")
    parser.add_argument("--activity", type=float, default=0.001, help="fraction of the rows that spike in a call")
    parser.add_argument("--weights", choices=tuple(THETA), default="constant")
    parser.add_argument(
        "--backend", choices=("reference", "native", "triton"), help="by default what the package chooses"
    )
    parser.add_argument("--gradient", action="store_true", help="also the derivatives by x and by the weights, once")
    parser.add_argument("--vectors", type=int, default=8, help="different vectors of spikes")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="for symmetry with the other benchmarks; always printed")
    parsed = parser.parse_args()
    parsed.k = round(parsed.n * parsed.p) if parsed.k is None else parsed.k
    return parsed


class Law(ctypes.Structure):
    _fields_ = [
        ("n_pre", ctypes.c_int64), ("n_post", ctypes.c_int64), ("degree", ctypes.c_int32), ("digits", ctypes.c_int32),
        ("weights", ctypes.c_int32), ("seed", ctypes.c_void_p), ("gaps", ctypes.c_void_p), ("normal", ctypes.c_void_p),
    ]  # fmt: skip


def reference_loop(law: Any, structure: Any, theta: Any, spikes: np.ndarray, out: np.ndarray) -> Callable | None:
    """The C++ loop over all vectors, or `None` where there is no compiler."""
    if shutil.which("g++") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        built = pathlib.Path(folder) / "procedural.so"
        flags = ("-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC")
        subprocess.run(["g++", *flags, str(HERE / "reference" / "procedural.cpp"), "-o", str(built)], check=True)
        library = ctypes.CDLL(str(built))
    kept = {name: np.ascontiguousarray(array) for name, array in zip(law.names, structure, strict=True)}
    address = lambda name: kept[name].ctypes.data if name in kept else None
    kinds = -1 if law.k is None else law.k, law.digits, list(THETA).index(law.weights)
    plain = Law(law.n_pre, law.n_post, *kinds, address("seed"), address("gaps"), address("normal"))
    parameters = np.zeros(2, np.float32)
    parameters[: np.size(theta)] = np.ravel(theta)
    pointers = (ctypes.c_void_p * len(spikes))(*(x.ctypes.data for x in spikes))

    def run() -> None:
        data = ctypes.c_void_p(out.ctypes.data), ctypes.c_void_p(parameters.ctypes.data)
        library.add_matvecs(ctypes.byref(plain), *data, pointers, ctypes.c_int64(len(spikes)))
        assert kept

    return run


def brainevent(args: argparse.Namespace, spikes: np.ndarray) -> float:
    """Seconds of the same products with the matrix of brainevent that is drawn again at every use, by rows."""
    import brainevent as be  # pyright: ignore[reportMissingImports]
    import jax
    import jax.numpy as jnp
    from jax import lax

    if args.weights == "constant":
        matrix = be.JITCScalarR((0.5, args.p, args.seed), shape=(args.n, args.n), corder=True)
    else:
        law = be.JITCNormalR if args.weights == "normal" else be.JITCUniformR
        matrix = law((*THETA[args.weights], args.p, args.seed), shape=(args.n, args.n), corder=True)
    step = lambda out, x: (out + be.BinaryArray(x) @ matrix, None)
    products = jax.jit(lambda xs: lax.scan(step, jnp.zeros(args.n), xs)[0])
    xs = jnp.asarray(spikes != 0)
    products(xs).block_until_ready()
    return timed(lambda: products(xs).block_until_ready(), args.repeats)


def timed(function: Callable[[], Any], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main() -> None:
    args = arguments()
    import jax
    import jax.numpy as jnp
    from jax import lax
    from neuroeqx.ops import procedural

    n, rng = args.n, np.random.default_rng(args.seed)
    tables = {"seed": jnp.array([args.seed, 7], jnp.uint32), "normal": jnp.asarray(procedural.normal_table())}
    if args.law == "bernoulli":
        tables["gaps"] = jnp.asarray(procedural.gap_table(args.p))
        law = procedural.Law(n, n, digits=tables["gaps"].shape[0], weights=args.weights)
    else:
        law = procedural.Law(n, n, k=args.k, weights=args.weights)
    structure = tuple(tables[name] for name in law.names)
    theta = jnp.asarray(THETA[args.weights], jnp.float32)
    spikes = (rng.random((args.vectors, n), dtype=np.float32) < args.activity).astype(np.float32)

    @jax.jit
    def products(theta, xs):
        def step(out, x):
            return procedural.add_matvec(out, theta, structure, x, law=law, backend=args.backend), None

        return lax.scan(step, jnp.zeros(n), xs)[0]

    xs, silent = jnp.asarray(spikes), jnp.zeros_like(spikes)
    began = time.perf_counter()
    found = np.asarray(products(theta, xs))
    first = time.perf_counter() - began
    seconds = timed(lambda: products(theta, xs).block_until_ready(), args.repeats)
    overhead = timed(lambda: products(theta, silent).block_until_ready(), args.repeats)
    events = int(spikes.sum()) * (args.k if args.law == "fixed" else n * args.p)
    result: dict[str, Any] = {
        "law": f"bernoulli p={args.p:g}" if args.law == "bernoulli" else f"fixed k={args.k}",
        "n": n,
        "activity": args.activity,
        "weights": args.weights,
        "events_per_call": round(events / args.vectors),
        "us_per_call": round(seconds / args.vectors * 1e6, 2),
        "overhead_us": round(overhead / args.vectors * 1e6, 2),
        "ns_per_event": round((seconds - overhead) / events * 1e9, 3),
    }
    out = np.zeros(n, np.float32)
    loop = reference_loop(law, structure, theta, spikes, out)
    if loop is not None:
        loop()
        agree = np.abs(found - out).max() <= TOLERANCE * np.abs(out).max()
        result["reference_us"] = round(timed(loop, args.repeats) / args.vectors * 1e6, 2)
        result["ratio"] = round(result["us_per_call"] / result["reference_us"], 2) if agree else None
    if args.gradient:
        loss = jax.jit(jax.grad(lambda theta, x: jnp.sum(jnp.sin(products(theta, x[None]))), (0, 1)))
        loss(theta, xs[0])[1].block_until_ready()
        result["gradient_s"] = round(timed(lambda: loss(theta, xs[0])[1].block_until_ready(), 1), 3)
    if args.law == "bernoulli" and importlib.util.find_spec("brainevent") is not None:
        result["brainevent_us"] = round(brainevent(args, spikes) / args.vectors * 1e6, 2)
    result |= {
        "compile_s": round(max(first - seconds, 0.0), 3),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "backend": args.backend or jax.default_backend(),
    }
    print(json.dumps(result))


main()
