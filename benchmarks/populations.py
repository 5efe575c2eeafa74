"""How long does a step of a single population take for each of its neurons, in native code and in XLA?

Every cell of the package with the steppers and wrappers that make sense for it, and one cell as a user would write it. The
time of a step is that of a long run less that of a short one, over the difference of their steps; what is left of the short
run is the cost of a call. Nothing is recorded, so a graded cell does not compute its output. Steps that are not native, which
`nex.explain` tells, are the same with `fused` and without, and are timed once.

    python benchmarks/populations.py --threads 1
    python benchmarks/populations.py --cells LIF TraubMiles --sizes 1000 100000 --dtype float64 --json
"""

import argparse
import ctypes
import gc
import json
import os
import pathlib
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any


DT = 0.1
SIZES = (1_000, 10_000, 100_000, 1_000_000)
FEWEST = 4  # steps of a long run


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--cells", nargs="+", help="names, or beginnings of names; all by default")
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="numbers of neurons")
    parser.add_argument("--drive", choices=("shared", "each"), default="shared", help="one current, or one per neuron")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--threads", type=int, help="processors to use; all by default")
    parser.add_argument("--seconds", type=float, default=0.3, help="of a long run, about")
    parser.add_argument(
        "--limit", type=float, default=1.0, help="seconds of four steps beyond which a size is left out"
    )
    parser.add_argument("--repeats", type=int, default=3, help="timed runs, after those that compile and calibrate")
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each row and nothing else")
    return parser.parse_args()


def user_cell() -> Any:
    """The adaptive exponential neuron, in the three methods that a user writes."""
    import equinox as eqx
    import jax.numpy as jnp
    import neuroeqx as nex

    class State(eqx.Module):
        v: Any
        w: Any

    class AdEx(nex.AbstractNeuron):
        stepper: nex.AbstractStepper = nex.ExpEuler()
        surrogate: nex.AbstractSurrogate = eqx.field(default_factory=nex.SuperSpike)

        def init(self, shape, *, key=None):
            return State(jnp.full(shape, -65.0), jnp.zeros(shape))

        def vector_field(self, t, y, current):
            slope = 2.0 * jnp.exp(jnp.minimum((y.v + 50.0) / 2.0, 5.0))
            return State((-65.0 - y.v + slope - y.w + current(y.v)) / 20.0, (0.1 * (y.v + 65.0) - y.w) / 100.0)

        def threshold(self, y):
            return y.v + 30.0

        def reset(self, y, spike):
            return State(y.v + spike * (-60.0 - y.v), y.w + 3.0 * spike)

    return AdEx


def cells() -> dict[str, tuple[Callable[[int], Any], float]]:
    """By name, a function from the number of neurons to the cell, and a current at which cells of its kind are active."""
    import diffrax
    import jax
    import neuroeqx as nex
    import numpy as np

    heun = nex.FromDiffrax(diffrax.Heun())
    steppers = {"Euler": nex.Euler(), "RK4": nex.RK4(), "Exact": nex.Exact(), "Heun": heun}
    adex = user_cell()
    found: dict[str, tuple[Callable[[int], Any], float]] = {}
    for name, cell, drive in (
        ("LIF", nex.LIF, 1.5), ("Leaky", nex.Leaky, 1.5), ("Graded", nex.Graded, 1.5), ("TraubMiles", nex.TraubMiles, 600.0),
        ("AdEx (user's)", adex, 30.0),
    ):  # fmt: skip
        found[name] = (lambda n, cell=cell: cell()), drive
        for method, stepper in steppers.items():
            found[f"{name} {method}"] = (lambda n, cell=cell, stepper=stepper: cell(stepper=stepper)), drive
    for name, cell, drive in (
        ("IF", nex.IF, 1.5), ("ALIF", nex.ALIF, 1.5), ("ExpIF", nex.ExpIF, 900.0), ("AdEx", nex.AdEx, 900.0),
        ("QIF", nex.QIF, 12.0), ("AdaptiveQIF", nex.AdaptiveQIF, 20.0), ("Izhikevich", nex.Izhikevich, 10.0),
        ("Izhikevich2007", nex.Izhikevich2007, 200.0), ("GIF", nex.GIF, 200.0), ("MAT2", nex.MAT2, 800.0),
        ("HodgkinHuxley", nex.HodgkinHuxley, 10.0), ("MorrisLecar", nex.MorrisLecar, 150.0),
        ("FitzHughNagumo", nex.FitzHughNagumo, 1.0), ("HindmarshRose", nex.HindmarshRose, 3.0),
    ):  # fmt: skip
        found[name] = (lambda n, cell=cell: cell()), drive
    found["EscapeRate"] = (lambda n: nex.EscapeRate(nex.LIF(), 0.2)), 1.5
    found["WangBuzsaki"] = (lambda n: nex.WangBuzsaki(c=2.0)), 2.0
    found["LIF soft reset"] = (lambda n: nex.LIF(resetting=nex.SoftReset())), 1.5
    found["LIF tau of each"] = (lambda n: nex.LIF(tau=np.linspace(10.0, 30.0, n))), 1.5
    found["TraubMiles v_t of each"] = (lambda n: nex.TraubMiles(v_t=np.linspace(-64.0, -62.0, n))), 600.0
    found["Graded tanh"] = (lambda n: nex.Graded(activation=jax.nn.tanh)), 1.5
    for name, cell, drive in (("LIF", nex.LIF, 1.5), ("TraubMiles", nex.TraubMiles, 600.0)):
        found[f"Refractory {name}"] = (lambda n, cell=cell: nex.Refractory(cell(), 2.0)), drive
        found[f"Every(4) {name}"] = (lambda n, cell=cell: nex.Every(cell(), 4)), drive
        found[f"Substeps(4) {name}"] = (lambda n, cell=cell: nex.Substeps(cell(), 4)), drive
    _tell_missing(found)
    return found


def _tell_missing(found: dict) -> None:
    import neuroeqx as nex

    synapse, cell = nex.AbstractLinearSynapse, nex.AbstractCell
    kinetics = vars(nex.synapses).values()  # of a synapse, which has no population of its own
    classes = [
        c for c in vars(nex).values()
        if isinstance(c, type) and issubclass(c, cell) and not issubclass(c, synapse) and c not in kinetics
    ]  # fmt: skip
    for missing in (c.__name__ for c in classes if not c.__name__.startswith("Abstract")):
        if not any(missing in name for name in found):
            print(f"{missing} is not among the cells of this benchmark.", file=sys.stderr)


def reset_peak() -> None:
    """Forget the most memory that this process has held, where the system can."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    except (AttributeError, OSError):
        pass


def peak_mb() -> int:
    try:
        status = pathlib.Path("/proc/self/status").read_text()
        return round(int(status.split("VmHWM:")[1].split()[0]) / 1024)
    except (OSError, IndexError):
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def key_of(model: Any) -> Any:
    """For spikes by chance."""
    import jax
    import neuroeqx as nex

    return jax.random.key(0) if isinstance(model.cell, nex.EscapeRate) else None


class Case:
    """One way to run one population."""

    def __init__(self, model: Any, drive: Any, fused: bool):

        self.model, self.drive, self.fused = model, drive, fused
        self.state = model.init(dt=DT)
        self.key = key_of(model)
        self.long, self.short = FEWEST, 1
        self.first, self.peak = 0.0, 0
        self.times: tuple[list[float], list[float]] = [], []

    def run(self, steps: int) -> float:
        import jax
        import neuroeqx as nex

        began = time.perf_counter()
        sol = nex.simulate(self.model, steps * DT, DT, self.drive, state=self.state, key=self.key, fused=self.fused)
        jax.block_until_ready(sol.state)
        return time.perf_counter() - began

    def prepare(self, seconds: float) -> None:
        """Compile, which takes most of the memory too, and find a number of steps that takes about so long."""
        reset_peak()
        self.first = self.run(FEWEST)
        self.peak = peak_mb()
        steps, took = FEWEST, self.run(FEWEST)
        while took < 0.3 * seconds and steps < 10**8:
            steps *= 4
            took = self.run(steps)
        self.long = max(FEWEST, int(steps * seconds / took))
        self.short = max(1, self.long // 100)

    def measure(self) -> None:
        for steps, times in zip((self.long, self.short), self.times, strict=True):
            times.append(self.run(steps))

    def result(self) -> dict[str, float]:
        """Of the least times, as other work only ever slows a run down."""
        long, short = map(min, self.times)
        step = (long - short) / (self.long - self.short)
        call = max(short - self.short * step, 0.0)
        return {
            "ns": float(f"{1e9 * step / self.model.size:.4g}"),
            "call_ms": round(1e3 * call, 3),
            "compile_s": round(max(self.first - call - FEWEST * step, 0.0), 3),
            "peak_rss_mb": self.peak,
            "steps": self.long,
        }


def measure(name: str, n: int, args: argparse.Namespace) -> tuple[dict, list[tuple[str, str]]]:
    """A row of the table, and what keeps the step in XLA."""
    import jax
    import neuroeqx as nex
    import numpy as np

    make, current = cells()[name]
    model = nex.Population(make(n), n)
    drive = current if args.drive == "shared" else current * np.linspace(0.8, 1.2, n)
    kept = nex.explain(model, DT, drive, key=key_of(model)).kept
    native = not kept
    cases = {kind: Case(model, drive, kind == "fused") for kind in (("fused", "unfused") if native else ("unfused",))}
    for case in cases.values():
        case.prepare(args.seconds)
    for _ in range(args.repeats):
        for case in cases.values():
            case.measure()
    row: dict[str, Any] = {"cell": name, "n": n, "dtype": args.dtype, "drive": args.drive, "native": native}
    for kind, case in cases.items():
        row |= {f"{kind}_{key}": value for key, value in case.result().items()}
    if native:
        row["ratio"] = float(f"{row['unfused_ns'] / row['fused_ns']:.3g}")
    jax.clear_caches()
    return row | {"threads": len(os.sched_getaffinity(0))}, kept


HEADER = (
    f"{'cell':24}{'n':>9}{'fused':>10}{'unfused':>10}{'ratio':>7}   {'call, ms':>13}{'compile, s':>14}{'peak, MB':>13}\n"
    f"{'':24}{'':>9}{'ns':>10}{'ns':>10}{'':>7}   {'fused unfused':>13}{'fused unfused':>14}{'fused unfused':>14}"
)


def line(row: dict) -> str:
    show = lambda key, digits: f"{row[key]:.{digits}f}" if key in row else "-"
    pairs = "".join(
        f"{show(f'fused_{key}', digits):>7}{show(f'unfused_{key}', digits):>7}"
        for key, digits in (("call_ms", 2), ("compile_s", 2), ("peak_rss_mb", 0))
    )
    fused = show("fused_ns", 3) if row["native"] else "in XLA"
    return f"{row['cell']:24}{row['n']:>9}{fused:>10}{row['unfused_ns']:>10.3f}{show('ratio', 2):>7}   {pairs}"


def sweep(args: argparse.Namespace) -> None:
    names = [name for name in cells() if not args.cells or any(name.startswith(asked) for asked in args.cells)]
    slower, reasons = [], {}
    if not args.json:
        print(HEADER, flush=True)
    for name in names:
        ns = 0.0
        for n in sorted(args.sizes):
            if 1e-9 * ns * n * FEWEST > args.limit:
                print(f"{name}, {n}: left out, a step takes about {1e-9 * ns * n:.1f} s", file=sys.stderr)
                continue
            row, kept = measure(name, n, args)
            ns = row["unfused_ns"]
            print(json.dumps(row) if args.json else line(row), flush=True)
            if row.get("ratio", 1.0) < 1.0:
                slower.append((name, n, row["ratio"]))
            if kept:
                reasons[name] = sorted({what for what, _ in kept})
    if not args.json:
        print("\nSlower in native code:", ", ".join(f"{name} {n} ({ratio})" for name, n, ratio in slower) or "none")
        print("Steps that stay in XLA, and because of what:")
        for name, kept in reasons.items():
            print(f"  {name}: {', '.join(kept)}")


def main() -> None:
    args = arguments()
    # Before JAX starts, which counts the processors once.
    if args.threads is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    with tempfile.TemporaryDirectory() as folder:
        # So that the smallest population of a cell is compiled, and not found on disk.
        os.environ.setdefault("NEUROEQX_CACHE_DIR", folder)
        import jax

        jax.config.update("jax_enable_x64", args.dtype == "float64")
        sweep(args)


main()
