"""What the peer scripts share: the command line, the network and the line of JSON they print."""

import argparse
import importlib.util
import json
import statistics
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


DT = 0.1  # ms


class Network(NamedTuple):
    """A drawn network: targets of each neuron in CSR form, weights and the state at the start.

    Weights are in units of the leak (LIF) or in nS (HH); `v0` in mV; `ge0` and `gi0` in nS, all zero for the LIF cells.
    """

    n: int
    n_exc: int
    indptr: np.ndarray
    indices: np.ndarray
    w_exc: float
    w_inh: float
    v0: np.ndarray
    ge0: np.ndarray
    gi0: np.ndarray

    @property
    def sources(self) -> np.ndarray:
        return np.repeat(np.arange(self.n, dtype=np.int32), np.diff(self.indptr))


def arguments(name: str, **extra) -> argparse.Namespace:
    """Parse the command line of the script for the peer `name`; print that it is missing and exit where it is.

    `extra` are further options, each with its choices, the first of which is the default.
    """
    parser = argparse.ArgumentParser(description=f"Time the balanced networks in {name} and print a line of JSON.")
    parser.add_argument("--model", choices=("coba_lif", "coba_hh"), default="coba_lif")
    parser.add_argument("--conn", choices=("fixed80", "p02"), default="fixed80")
    for option, default in (("scale", 1), ("steps", 5000), ("repeats", 3), ("seed", 0)):
        parser.add_argument(f"--{option}", type=int, default=default)
    for option, choices in extra.items():
        parser.add_argument(f"--{option}", choices=choices, default=choices[0])
    parsed = parser.parse_args()
    if importlib.util.find_spec(name) is None:
        print(json.dumps({"peer": name, "available": False}))
        sys.exit(0)
    return parsed


def draw(args: argparse.Namespace) -> Network:
    """Draw the network and the start, as `../reference` does (from another generator)."""
    rng = np.random.default_rng(args.seed)
    n, n_exc = 4000 * args.scale, 3200 * args.scale
    if args.conn == "fixed80":
        degrees = np.full(n, 80)
        indices = rng.integers(0, n, 80 * n, dtype=np.int32)
        divisor = 1
    else:
        rows = [np.flatnonzero(rng.random(n, dtype=np.float32) < 0.02).astype(np.int32) for _ in range(n)]
        degrees = np.array([row.size for row in rows])
        indices = np.concatenate(rows)
        divisor = args.scale
    indptr = np.concatenate([[0], np.cumsum(degrees)]).astype(np.int32)
    if args.model == "coba_lif":
        w_exc, w_inh, v0 = 0.6, 6.7, rng.normal(-55, 2, n)
        ge0 = gi0 = np.zeros(n)
    else:
        w_exc, w_inh, v0 = 6.0, 67.0, rng.normal(-65, 5, n)
        ge0 = np.maximum(10 * rng.normal(4, 1.5, n), 0)
        gi0 = np.maximum(10 * rng.normal(20, 12, n), 0)
    return Network(n, n_exc, indptr, indices, w_exc / divisor, w_inh / divisor, v0, ge0, gi0)


def report(
    name: str,
    version: str,
    args: argparse.Namespace,
    network: Network,
    *,
    method: str,
    precision: str,
    seconds: list[float],
    spikes: int,
    counts: np.ndarray | None = None,
) -> None:
    """Print the measurement with the keys that `../reference` uses; with `counts` `[n]` also the two rates apart."""
    biology = args.steps * DT * 1e-3
    result = {
        "peer": name,
        "available": True,
        "simulator": f"{name} {version}",
        "model": args.model,
        "method": method,
        "precision": precision,
        "connectivity": args.conn,
        "neurons": network.n,
        "synapses": int(network.indices.size),
        "steps": args.steps,
        "dt_ms": DT,
        "repeats": len(seconds),
        "us_per_step": round(statistics.median(seconds) / args.steps * 1e6, 3),
        "us_per_step_min": round(min(seconds) / args.steps * 1e6, 3),
        "rate_hz": round(int(spikes) / biology / network.n, 4),
        "spikes": int(spikes),
    }
    if counts is not None:
        n_exc = network.n_exc
        result["rate_exc_hz"] = round(counts[:n_exc].sum() / biology / n_exc, 4)
        result["rate_inh_hz"] = round(counts[n_exc:].sum() / biology / (network.n - n_exc), 4)
    print(json.dumps(result))


def repeat(count: int, run: Callable[[], float]) -> list[float]:
    """The seconds of `count` runs, at least one."""
    return [run() for _ in range(max(1, count))]
