"""The balanced network of Vogels & Abbott (2005), conductance-based: the field's standard first network."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import jax
import jax.random as jr
import numpy as np

from .. import connect, plot
from .._record import spikes, voltage
from .._simulate import simulate, Solution
from .._types import Key
from .._wrappers import Refractory
from ..network import Network, Population, Projection, Receptor
from ..neurons import LIF
from ..synapses import COBA, Expon
from ._options import figure_path


DT = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scale", type=_scale, default=1.0, help="size in multiples of 4,000 neurons (default 1)")
    parser.add_argument("--duration", type=_duration, default=1000.0, help="ms (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the connections and initial voltages (default 0)")
    parser.add_argument(
        "--output", type=figure_path, default=Path("coba.png"), help="where to draw it (default coba.png)"
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of text")


def network(scale: float, key: Key) -> Network:
    """3,200 excitatory and 800 inhibitory neurons at scale 1, each with 80 random targets.

    The parameters are those of the benchmark COBA of Brette et al. (2007), in units of the leak conductance, with a
    constant drive of 20 mV given as input.
    """
    cell = Refractory(LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0), 5.0)
    receptors = {"ampa": Receptor(Expon(5.0), COBA(0.0)), "gaba": Receptor(Expon(10.0), COBA(-80.0))}
    sizes = {"E": round(3200 * scale), "I": round(800 * scale)}
    kinds = {"E": ("ampa", 0.6), "I": ("gaba", 6.7)}
    start = lambda key, shape: -55.0 + 2.0 * jr.normal(key, shape)
    return Network(
        populations={name: Population(cell, n, receptors, v0=start) for name, n in sizes.items()},
        projections=[
            Projection(s, t, receptor, connect.bernoulli(80 / sum(sizes.values()), weight), delay=DT)
            for s, (receptor, weight) in kinds.items()
            for t in sizes
        ],
        key=key,
    )


def main(args: argparse.Namespace) -> None:
    """Build, run, summarise and draw."""
    began = time.perf_counter()
    build_key, run_key = jr.split(jr.key(args.seed))
    net = network(args.scale, build_key)
    built = time.perf_counter()
    record = {"E": spikes("E"), "I": spikes("I"), "v": voltage("E", [0], every=2)}
    drive = {"E": 20.0, "I": 20.0}
    simulate(net, DT, DT, drive, record=record, key=run_key)  # compiles the program for runs of every length
    compiled = time.perf_counter()
    sol = simulate(net, args.duration, DT, drive, record=record, key=run_key, progress=not args.json)
    ran = time.perf_counter()
    summary = {
        "neurons": sum(population.size for population in net.populations.values()),
        "synapses": sum(projection.synapses for projection in net.projections.values()),
        "duration_ms": args.duration,
        "rate_hz": {name: round(sol.records[name].rate, 2) for name in "EI"},
        "cv_isi": round(sol.records["E"].isi_cv(), 3),
        "build_s": round(built - began, 2),
        "compile_s": round(compiled - built, 2),
        "run_s": round(ran - compiled, 3),
    }
    _draw(sol, args.output)
    if args.json:
        print(json.dumps({**summary, "figure": str(args.output), "platform": jax.default_backend()}))
    else:
        print(_sentence(summary))
        print(f"Raster and rates: {args.output.resolve()}")


def _sentence(s: dict[str, Any]) -> str:
    return (
        f"{s['neurons']:,} neurons and {s['synapses']:,} synapses over {s['duration_ms']:g} ms: E {s['rate_hz']['E']} Hz, "
        f"I {s['rate_hz']['I']} Hz, CV of intervals {s['cv_isi']} "
        f"(built in {s['build_s']} s, compiled in {s['compile_s']} s, run in {s['run_s']} s)."
    )


def _draw(sol: Solution, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        3, 1, figsize=(8.0, 7.0), sharex=True, layout="constrained", gridspec_kw={"height_ratios": [3.2, 1.2, 1.2]}
    )
    plot.raster(sol, ["E", "I"], ax=axes[0])
    plot.rates(sol, ["E", "I"], ax=axes[1])
    plot.traces(sol, "v", ax=axes[2], ylabel="v of one E cell (mV)")
    axes[0].set(xlabel="", title="Balanced network of leaky integrate-and-fire neurons with conductance synapses")
    axes[1].set(xlabel="")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _scale(text: str) -> float:
    return _positive(text, "a scale", 0.05)


def _duration(text: str) -> float:
    value = _positive(text, "a duration in ms", 5.0)
    if abs(value / DT - np.round(value / DT)) > 1e-6:
        raise argparse.ArgumentTypeError(f"a duration must be a multiple of {DT} ms, got {text}")
    return value


def _positive(text: str, what: str, least: float) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{what} must be a number, got {text!r}") from None
    if not np.isfinite(value) or value < least:
        raise argparse.ArgumentTypeError(f"{what} must be at least {least:g}, got {text}")
    return value
