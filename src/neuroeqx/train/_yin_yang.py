"""The Yin-Yang data set (Kriener et al. 2022) by times of spikes: each coordinate is the time of one spike, and weights follow
the exact gradient of the times of all others, as with EventProp (Wunderlich & Pehle 2021)."""

import argparse
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jaxtyping import Array, Float

from .. import connect
from .._types import Key
from .._wrappers import Refractory
from ..encode import linear_latency
from ..learn import accuracy, exact_outputs, fit
from ..learn.losses import cross_entropy
from ..network import Network, Population, Projection, Receptor
from ..neurons import Leaky, LIF
from ..sources import SpikeTimes
from ..synapses import CUBA, Expon
from ..tasks import yin_yang
from . import _report


DT = 10.0  # ms; crossings are located within the step
LATENCY = 30.0  # of the least coordinate, ms
END = 60.0  # ms
INPUTS = 5  # x, y, 1 - x, 1 - y, and a spike at the beginning
BATCH = 50
SIZES = {"train": 5000, "validation": 1000, "test": 1000}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train yinyang`."""
    _report.add_arguments(parser, epochs=40)
    parser.add_argument("--cells", type=_report.count, default=200, metavar="N", help="hidden neurons (200)")
    parser.add_argument(
        "--train-size", type=_report.count, default=5000, metavar="N", help="points to learn from (5000)"
    )
    parser.add_argument("--rate", type=float, default=2e-2, help="of learning, at the beginning (0.02)")


def network(cells: int, key: Key) -> Network:
    """Spikes of inputs, a hidden layer, and an integrator for each class."""
    receptor = {"in": Receptor(Expon(tau=5.0), CUBA())}
    populations = {
        "in": SpikeTimes([0.0] * INPUTS, list(range(INPUTS)), INPUTS),
        # No neuron spikes twice within a step.
        "hidden": Population(Refractory(LIF(tau=20.0), DT), cells, receptor),
        "out": Population(Leaky(tau=20.0), 3, receptor),
    }
    law = lambda mean, sd: connect.all_to_all(connect.normal(mean, sd))
    projections = {
        "see": Projection("in", "hidden", "in", law(1.8, 1.8), delay=DT),
        "read": Projection("hidden", "out", "in", law(0.0, 3.0 / cells**0.5), delay=DT),
    }
    return Network(populations, projections, key=key)


def data(key: Key, samples: int) -> dict[str, Array]:
    """Spikes of each sample in the order of time: microseconds and sources, `[samples, inputs]`, and classes."""
    points, labels = yin_yang(key, samples)
    times = jnp.pad(linear_latency(points, LATENCY), ((0, 0), (1, 0)))
    order = jnp.argsort(times, axis=1).astype(jnp.int32)
    microseconds = jnp.round(jnp.take_along_axis(times, order, 1) * 1000.0).astype(jnp.int32)
    return {"microseconds": microseconds, "sources": order, "label": labels}


def logits(net: Network, batch: dict[str, Array]) -> Float[Array, "samples 3"]:
    """The sum of each integrator's voltage over time."""

    def one(microseconds: Array, sources: Array) -> Array:
        given = lambda n: (n.populations["in"].microseconds, n.populations["in"].indices)
        return exact_outputs(eqx.tree_at(given, net, (microseconds, sources)), END, DT)["out"].sum(0)

    return jax.vmap(one)(batch["microseconds"], batch["sources"])


def weights(net: Network) -> list[Any]:
    """What is trained."""
    projections: Any = net.projections
    return [projection.comm.weight for projection in projections.values()]


def loss(net: Network, batch: dict[str, Array], key: Key) -> Float[Array, ""]:
    del key
    return cross_entropy(logits(net, batch), batch["label"]).mean()


def right(net: Network, batch: dict[str, Array], key: Key | None = None) -> Float[Array, " samples"]:
    del key
    return accuracy(logits(net, batch), batch["label"])


def train(args: argparse.Namespace, key: Key) -> dict[str, Any]:
    """What one network learns, of points of its own."""
    keys = jr.split(key, 5)
    sizes = SIZES | {"train": args.train_size}
    parts = [data(k, n) for k, n in zip(keys[:3], sizes.values(), strict=True)]
    steps = args.epochs * (args.train_size // BATCH)
    done = fit(
        network(args.cells, keys[3]), loss, parts[0], optim=optax.adam(optax.cosine_decay_schedule(args.rate, steps)),
        epochs=args.epochs, key=keys[4], batch=BATCH, where=weights,
        validation=parts[1], metrics={"accuracy": right}, choose="max accuracy", progress=not args.json,
    )  # fmt: skip
    test = eqx.filter_jit(lambda net: right(net, parts[2]).mean())
    return _report.fitted(done, test(done.last), test(done.chosen))


def main(args: argparse.Namespace) -> None:
    """Train a network for each seed. Progress goes to standard error, the result to standard output."""
    began, found = time.perf_counter(), []
    for seed in range(args.seeds):
        found.append(train(args, jr.key(seed)))
        _report.progress(f"seed {seed}   {found[-1]}   {time.perf_counter() - began:.1f} s")
    result: dict[str, Any] = {
        "task": "yinyang",
        **{name: [each[name] for each in found] for name in found[0]},
        "seeds": list(range(args.seeds)),
        "epochs": args.epochs,
        "cells": args.cells,
        "train_size": args.train_size,
        "validation_size": SIZES["validation"],
        "test_size": SIZES["test"],
        "run_s": round(time.perf_counter() - began, 2),
    }
    _report.show(result, args.json)
