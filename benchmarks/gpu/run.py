"""How long do products with spikes, procedural matrices, a network and a layer of cells take on this GPU? One line of JSON
per case.

Every case of products is a compiled loop over several vectors of spikes whose products are added to one carried vector,
as in the steps of a network. `floor_us` is the time that the bytes of the kernel's floor (see `ops/_triton_rows.py`) take at
`--bandwidth`; atomic additions have a floor of their own, unknown here, so `events_per_s` is given, too. `us_xla`
is the same with what XLA makes of pure JAX, on the same device, and `ratio` that of ours to it.

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
from neuroeqx import fuse
from neuroeqx.ops import csr, fanout


VECTORS = 8  # different vectors of spikes
CASES = ("scan", "csr", "fanout", "procedural", "network")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", choices=CASES, nargs="+", default=CASES)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="rows and columns")
    parser.add_argument("--degree", type=int, default=100, help="synapses of a row")
    parser.add_argument("--activities", type=float, nargs="+", default=[0.0, 0.0001, 0.001, 0.01, 0.1])
    parser.add_argument("--scales", type=int, nargs="+", default=[1, 10, 100], help="of a network of 4,000 neurons")
    parser.add_argument("--lanes", type=int, nargs="+", default=[32_768, 1_048_576], help="cells of a layer")
    parser.add_argument("--scan-steps", type=int, nargs="+", default=[100, 1000], help="steps of a layer")
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
        args.lanes, args.scan_steps = [1000], [20]
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


def beside_xla(ours: dict[str, float], xla: dict[str, float]) -> dict[str, float]:
    return {**ours, "us_xla": xla["us"], "ratio": ours["us"] / xla["us"]}


class Matrix(NamedTuple):
    """Arrays, a function of them that adds a product to a vector, and the bytes that this must read per event.

    `add` takes a backend where there is one to choose.
    """

    operands: Any
    add: Callable[..., Any]
    per_event: int


def accumulate(matrix: Matrix, spikes: Any, n: int, steps: int, **choice: Any) -> Callable[[], Any]:
    """A compiled loop of `steps` times `out = decay * out + product`."""

    def run(operands, spikes):
        def step(out, i):
            return matrix.add(operands, 0.5 * out, spikes[i % VECTORS], **choice), None

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
            if kind != "procedural":
                pure = accumulate(matrix, spikes, n, args.steps, backend="reference")
                times = beside_xla(times, timed(pure, args.repeats, args.steps))
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


def add_fanout(operands: Any, out: Any, x: Any, **choice: Any) -> Any:
    weight, indices = operands
    return fanout.add_matvec(out, weight, indices, x, **choice)


def add_csr(operands: Any, out: Any, x: Any, **choice: Any) -> Any:
    weight, indices, pointers = operands
    return csr.add_matvec(out, weight, indices, pointers, x, **choice)


def scans(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A layer of LIF cells under constant currents, all steps in one call: with the spikes of all steps, and without."""
    for n, steps, kept in itertools.product(args.lanes, args.scan_steps, (True, False)):
        ours, xla = (timed(layer(scan, n, steps, kept), args.repeats, steps) for scan in (fuse.scan, lax.scan))
        # Voltages and currents are read once, voltages written once, spikes in every step.
        floor = (12 * n / steps + 4 * n * kept) / args.bandwidth * 1e6
        yield {"case": "scan", "n": n, "steps": steps, "spikes": kept, **beside_xla(ours, xla), "floor_us": floor}


def layer(scan: Any, n: int, steps: int, kept: bool) -> Callable[[], Any]:
    cell = nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0)
    start, current = cell.init((n,)), jr.uniform(jr.key(0), (n,), minval=5.0, maxval=40.0)

    def run(v, current):
        def step(v, _):
            v, spikes = cell.step(v, current, dt=0.1)
            return v, spikes if kept else None

        return scan(step, v, None, steps)

    return functools.partial(jax.jit(run), start, current)


class ByXLA(nex.AbstractConnectivity):
    """A stored matrix whose products are those of pure JAX."""

    matrix: nex.connect.CSR

    @property
    def shape(self) -> tuple[int, int]:
        return self.matrix.shape

    @property
    def nnz(self) -> int:
        return self.matrix.nnz

    def __call__(self, x: Any) -> Any:
        return self.add_to(jnp.zeros(self.shape[1], x.dtype), x)

    def add_to(self, out: Any, x: Any) -> Any:
        m = self.matrix
        return csr.add_matvec(out, m.weight, m.indices, m.indptr, x, backend="reference")

    @property
    def T(self) -> Any:
        return self.matrix.T

    def todense(self) -> Any:
        return self.matrix.todense()

    def to_csr(self) -> nex.connect.CSR:
        return self.matrix

    def row(self, i: int) -> Any:
        return self.matrix.row(i)


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
        times = timed(functools.partial(eqx.filter_jit(simulate), net), args.repeats, args.steps)
        if not procedural:
            plain = functools.partial(eqx.filter_jit(simulate), by_xla(net))
            times = beside_xla(times, timed(plain, args.repeats, args.steps))
        yield {"case": "network", "n": n, "procedural": procedural, **times}


def by_xla(net: nex.Network) -> nex.Network:
    is_matrix = lambda x: isinstance(x, nex.connect.CSR)
    return jax.tree.map(lambda x: ByXLA(x) if is_matrix(x) else x, net, is_leaf=is_matrix)


def main() -> None:
    args = arguments()
    if jax.default_backend() != "gpu" and not args.allow_cpu:
        raise SystemExit("run.py: JAX finds no GPU; --allow-cpu to try the script on CPU")
    packages = ("jax", "jaxlib", "neuroeqx", "jax-triton", "triton")
    installed = {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    versions = {name: importlib.metadata.version(name) for name in packages if name in installed}
    machine = {"device": jax.devices()[0].device_kind, "python": platform.python_version(), **versions}
    print(json.dumps(machine), flush=True)
    others = {"scan": scans, "network": networks}
    for kind in args.only:
        for line in others[kind](args) if kind in others else products(args, kind):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
