"""How long do products with spikes, procedural matrices and a network take on this GPU? One line of JSON per case.

Every case is a compiled loop over several vectors of spikes whose products are added to one carried vector, as in the steps
of a network. `floor_us` is the time that the bytes of the kernel's floor (see `ops/_triton_rows.py`) take at
`--bandwidth`; atomic additions have a floor of their own, unknown here, so `events_per_s` is given, too. This
has not been run on a GPU yet: the kernels have been interpreted and compiled, not yet executed on hardware.

    python benchmarks/gpu/run.py > gpu.jsonl
    python benchmarks/gpu/run.py --only network --scales 1 10 100
    python benchmarks/gpu/run.py --allow-cpu --quick      # checks this script where there is no GPU
"""

import argparse
import functools
import importlib.metadata
import itertools
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
from jax import lax
from neuroeqx.ops import csr, fanout


VECTORS = 8  # different vectors of spikes
CASES = ("csr", "fanout", "procedural", "network")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", choices=CASES, nargs="+", default=CASES)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="rows and columns")
    parser.add_argument("--degree", type=int, default=100, help="synapses of a row")
    parser.add_argument("--activities", type=float, nargs="+", default=[0.0, 0.0001, 0.001, 0.01, 0.1])
    parser.add_argument("--scales", type=int, nargs="+", default=[1, 10, 100], help="of a network of 4,000 neurons")
    parser.add_argument("--steps", type=int, default=1000, help="products or steps in a timed call")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--bandwidth", type=float, default=3.35e12, help="bytes a second; by default those of an H100 SXM"
    )
    parser.add_argument("--allow-cpu", action="store_true")
    parser.add_argument("--quick", action="store_true", help="small cases only")
    args = parser.parse_args()
    if args.quick:
        args.sizes, args.activities, args.scales, args.steps, args.repeats = [1000], [0.01], [1], 20, 2
    return args


def timed(function: Callable[[], Any], repeats: int, per: int) -> dict[str, float]:
    """Microseconds per product or step: median and least of several calls, after one that compiles."""
    began = time.perf_counter()
    jax.block_until_ready(function())
    first, samples = time.perf_counter() - began, []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(function())
        samples.append((time.perf_counter() - began) / per * 1e6)
    return {"us": statistics.median(samples), "least_us": min(samples), "first_call_s": first}


class Matrix(NamedTuple):
    """Arrays, a function of them that adds a product to a vector, and the bytes that this must read per event."""

    operands: Any
    add: Callable[[Any, Any, Any], Any]
    per_event: int


def accumulate(matrix: Matrix, spikes: Any, n: int, steps: int) -> Callable[[], Any]:
    """A compiled loop of `steps` times `out = decay * out + product`."""

    def run(operands, spikes):
        def step(out, i):
            return matrix.add(operands, 0.5 * out, spikes[i % VECTORS]), None

        return lax.scan(step, jnp.zeros(n), jnp.arange(steps))[0]

    compiled = jax.jit(run)
    return lambda: compiled(matrix.operands, spikes)


def products(args: argparse.Namespace, kind: str) -> Iterator[dict[str, Any]]:
    for n, shared in itertools.product(args.sizes, (True, False)):
        k, rng = args.degree, np.random.default_rng(0)
        matrix = draw(kind, n, k, shared, rng)
        for activity in args.activities:
            spikes = jnp.asarray(rng.random((VECTORS, n)) < activity, jnp.float32)
            times = timed(accumulate(matrix, spikes, n, args.steps), args.repeats, args.steps)
            events = float(jnp.mean(jnp.sum(spikes, axis=1))) * k
            floor = (4 * n + matrix.per_event * events) / args.bandwidth * 1e6
            yield {
                "case": kind, "n": n, "degree": k, "weights": "one" if shared else "drawn" if kind == "procedural" else "own",
                "activity": activity, "events": events, **times, "floor_us": floor,
                "events_per_s": events / times["us"] * 1e6,
            }  # fmt: skip


def draw(kind: str, n: int, k: int, shared: bool, rng: np.random.Generator) -> Matrix:
    if kind == "procedural":
        weight = 0.1 if shared else nex.connect.normal(0.1, 0.02)
        rule = nex.connect.procedural(nex.connect.bernoulli(p=k / n, weight=weight))
        return Matrix(rule(n, n, key=jr.key(0)), lambda connectivity, out, x: connectivity.add_to(out, x), 0)
    per_event = 4 if shared else 8
    weight = jnp.asarray(0.1 if shared else rng.normal(size=(n, k)), jnp.float32)
    indices = jnp.asarray(rng.integers(0, n, (n, k), dtype=np.int32))
    if kind == "fanout":
        return Matrix((weight, indices), add_fanout, per_event)
    flat = weight if shared else weight.reshape(-1)
    return Matrix((flat, indices.reshape(-1), jnp.arange(0, n * k + 1, k, dtype=jnp.int32)), add_csr, per_event)


def add_fanout(operands: Any, out: Any, x: Any) -> Any:
    weight, indices = operands
    return fanout.add_matvec(out, weight, indices, x)


def add_csr(operands: Any, out: Any, x: Any) -> Any:
    weight, indices, pointers = operands
    return csr.add_matvec(out, weight, indices, pointers, x)


def networks(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """COBA of Brette et al. (2007) with 80 synapses per neuron, stored and procedural."""
    for scale, procedural in itertools.product(args.scales, (False, True)):
        n, n_exc = 4000 * scale, 3200 * scale
        cell = nex.Refractory(nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0), 5.0)
        receptors = {
            "ampa": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0)),
            "gaba": nex.Receptor(nex.Expon(10.0), nex.COBA(-80.0)),
        }
        excite, inhibit = (nex.connect.bernoulli(p=80 / n, weight=weight) for weight in (0.6, 6.7))
        if procedural:
            excite, inhibit = nex.connect.procedural(excite), nex.connect.procedural(inhibit)
        projections = [
            nex.Projection(nex.part("N", 0, n_exc), "N", "ampa", excite, delay=0.1),
            nex.Projection(nex.part("N", n_exc, n), "N", "gaba", inhibit, delay=0.1),
        ]
        net = nex.Network({"N": nex.Population(cell, n, receptors)}, projections, key=jr.key(0))
        simulate = lambda net: nex.simulate(net, args.steps * 0.1, 0.1, inputs={"N": 20.0}, record={}).state
        run = functools.partial(eqx.filter_jit(simulate), net)
        yield {"case": "network", "n": n, "procedural": procedural, **timed(run, args.repeats, args.steps)}


def main() -> None:
    args = arguments()
    if jax.default_backend() != "gpu" and not args.allow_cpu:
        raise SystemExit("run.py: JAX finds no GPU; --allow-cpu to try the script on CPU")
    packages = ("jax", "jaxlib", "neuroeqx", "jax-triton", "triton")
    installed = {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    versions = {name: importlib.metadata.version(name) for name in packages if name in installed}
    machine = {"device": jax.devices()[0].device_kind, "python": platform.python_version(), **versions}
    print(json.dumps(machine), flush=True)
    for kind in args.only:
        for line in networks(args) if kind == "network" else products(args, kind):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
