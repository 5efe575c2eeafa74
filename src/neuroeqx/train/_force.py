"""FORCE learning: networks that are chaotic by themselves learn to make a sum of sines, and go on without a target.

Rate units as in Sussillo & Abbott (2009), leaky integrate-and-fire and Izhikevich neurons as in Nicola & Clopath (2017),
whose synapses are two exponentials of area 1 (s and ms) for each spike; here the peak is 1, which is `PEAK` of theirs.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from .. import connect
from .._record import output, spikes
from .._simulate import simulate
from .._types import Key
from .._wrappers import Refractory
from ..learn import Force, nrmse, RLS
from ..network import Network, Population, Projection, Receptor
from ..neurons import Graded, Izhikevich2007, LIF
from ..sources import Samples
from ..steppers import Euler
from ..synapses import CUBA, DualExpon, Instant
from . import _report


P = 0.1
RISE, DECAY = 2.0, 20.0  # ms
# Of the synapse of area 1, 1/ms.
PEAK = (RISE / DECAY) ** (RISE / (DECAY - RISE)) / DECAY
# The periods (ms) and amplitudes of the sines: four for rate units, and 5 Hz for neurons with synapses of 20 ms.
SUM = ((200.0, 0.6), (100.0, 0.3), (200.0 / 3.0, 0.2), (50.0, 0.4))
SINE = ((200.0, 1.0),)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train force`."""
    _report.add_arguments(parser)
    parser.add_argument("--cells", choices=list(NETWORKS), default="rate", help="of which kind (rate)")
    parser.add_argument("--n", type=_report.count, default=1000, metavar="N", help="how many of them (1000)")
    parser.add_argument("--learning", type=float, default=15000.0, metavar="MS", help="time with a target, ms (15000)")
    parser.add_argument(
        "--testing", type=float, default=2000.0, metavar="MS", help="time by itself afterwards, ms (2000)"
    )


def target(cells: str, ts: np.ndarray) -> np.ndarray:
    """What is to be learnt, `[times, 1]`, at times in ms."""
    waves = [size * np.sin(2.0 * np.pi * ts / period) for period, size in (SUM if cells == "rate" else SINE)]
    return np.sum(waves, 0)[:, None]


def rate(n: int, key: Key) -> tuple[Force, float, float]:
    """Units of a time constant of 10 ms and a gain of 1.5."""
    key, own = jr.split(key)
    cell = Graded(tau=10.0, activation=jnp.tanh, stepper=Euler())
    receptor = Receptor(Instant(), CUBA())
    law = connect.bernoulli(P, connect.normal(0.0, 1.5 / np.sqrt(P * n)))
    body = _network(Population(cell, n, {"rec": receptor}, v0=connect.normal(0.0, 0.5)), law, key)
    return Force(body, jr.uniform(own, (1, n), minval=-1.0, maxval=1.0), RLS(1.0), population="N", every=2), 1.0, 0.0


def lif(n: int, key: Key) -> tuple[Force, float, float]:
    """Their gains G = 0.04 s mV and Q = 10 mV, P beginning as 5e-6 s^2, the bias at threshold."""
    cell = Refractory(LIF(tau=10.0, v_rest=-40.0, v_th=-40.0, v_reset=-65.0), 2.0)
    return _spiking(cell, n, key, 40.0, 10.0, p0=5.0, start=connect.uniform(-65.0, 30.0), dt=0.1), 0.1, 0.0


def izhikevich(n: int, key: Key) -> tuple[Force, float, float]:
    """Their gains G = 5,000 ms pA and Q = 5,000 pA, P beginning as 2 ms^2, under a current of 1,000 pA."""
    cell = Izhikevich2007(c=250.0, k=2.5, v_r=-60.0, v_t=-20.0, a=0.01, b=0.0, v_peak=30.0, v_reset=-65.0, d=200.0)
    return _spiking(cell, n, key, 5e3, 5e3, p0=2.0, start=connect.uniform(-65.0, 30.0), dt=0.1), 0.1, 1000.0


def _spiking(cell: Any, n: int, key: Key, gain: float, feedback: float, *, p0: float, start: Any, dt: float) -> Force:
    key, own = jr.split(key)
    synapse = DualExpon(DECAY, RISE)
    law = connect.bernoulli(P, connect.normal(0.0, gain * PEAK / (np.sqrt(n) * P)))
    body = _network(Population(cell, n, {"rec": Receptor(synapse, CUBA())}, v0=start), law, key)
    q = jr.uniform(own, (1, n), minval=-feedback, maxval=feedback)
    return Force(body, q, RLS(1.0 / (p0 * PEAK**2)), population="N", filter=synapse, every=round(2.5 / dt))


def _network(cells: Population, law: Any, key: Key) -> Network:
    return Network({"N": cells}, [Projection("N", "N", "rec", law)], key=key)


# A network with FORCE, its step in ms, and a constant current.
NETWORKS: dict[str, Callable[[int, Key], tuple[Force, float, float]]] = {
    "rate": rate,
    "lif": lif,
    "izhikevich": izhikevich,
}


def train(cells: str, n: int, learning: float, testing: float, key: Key) -> dict[str, float]:
    """The error without and after learning, and the mean rate after it."""
    build_key, run_key = jr.split(key)
    force, dt, current = NETWORKS[cells](n, build_key)
    body = {"N": current}
    record = {"z": output("readout")} | ({} if cells == "rate" else {"spikes": spikes("N")})
    ends = 500.0, 500.0 + learning, 500.0 + learning + testing
    ts = lambda start, end: dt * np.arange(round(start / dt), round(end / dt))
    free = simulate(force, ends[0], dt, {"body": body}, key=run_key)
    inputs = {"body": body, "target": Samples(target(cells, ts(*ends[:2])))}
    learnt = simulate(force, ends[1], dt, inputs, t0=ends[0], state=free.state, key=run_key)
    test = simulate(force, ends[2], dt, {"body": body}, t0=ends[1], state=learnt.state, record=record, key=run_key)
    error = nrmse(jnp.asarray(test.records["z"].values), jnp.asarray(target(cells, ts(*ends[1:])), dtype=float))
    found = {"test_nrmse": round(float(error), 4)}
    return found if cells == "rate" else {**found, "rate_hz": round(test.records["spikes"].rate, 1)}


def main(args: argparse.Namespace) -> None:
    """Train a network for each seed. Progress goes to standard error, the result to standard output."""
    began, found = time.perf_counter(), []
    for seed in range(args.seeds):
        found.append(train(args.cells, args.n, args.learning, args.testing, jr.key(seed)))
        _report.progress(f"seed {seed}   {found[-1]}   {time.perf_counter() - began:.1f} s")
    result: dict[str, Any] = {
        "task": "force",
        "cells": args.cells,
        "n": args.n,
        "learning_ms": args.learning,
        "testing_ms": args.testing,
        **{name: [each[name] for each in found] for name in found[0]},
        "seeds": list(range(args.seeds)),
        "run_s": round(time.perf_counter() - began, 2),
    }
    _report.show(result, args.json)
