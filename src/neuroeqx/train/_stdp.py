"""Features by spike-timing dependent plasticity (after Diehl & Cook 2015): neurons that inhibit each other see digits as spike
trains; the one that fires learns what it saw. Nobody tells them what the digits are. A linear readout of their spikes is then
compared with one of the same network before learning.
"""

import argparse
import time
from typing import Any

import equinox as eqx
import jax
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float

from .. import connect
from .._fields import as_parameter
from .._record import output
from .._simulate import simulate
from .._types import Key, State
from ..learn import misclassified, ridge_by_validation
from ..network import Network, Population, Projection, Receptor
from ..neurons import ALIF, HardReset
from ..plasticity import STDP
from ..sources import Poisson
from ..synapses import CUBA, Expon
from . import _images, _report


DT = 1.0  # ms
SHOWN = 60  # steps for which an image is seen while learning
READ = 200  # and while reading
STRONGEST = 100.0  # the rate of a white pixel, Hz
TOTAL = 20.0  # the sum of the weights of a neuron
RECORD = {"spikes": output("features")}
PENALTIES = [0.1, 1.0, 10.0, 100.0, 1000.0]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train stdp`."""
    _report.add_arguments(parser, epochs=3)
    _images.add_arguments(parser)
    parser.add_argument("--cells", type=_report.count, default=100, metavar="N", help="features (100)")


def network(pixels: int, cells: int, key: Key) -> Network:
    """Poisson spike trains of pixels drive neurons whose thresholds rise with their spikes, so that all get their share."""
    cell = ALIF(tau=20.0, beta=0.02, tau_a=2e4, resetting=HardReset())
    receptors = {"exc": Receptor(Expon(tau=5.0), CUBA()), "inh": Receptor(Expon(tau=10.0), CUBA())}
    top = 3.2 * TOTAL / pixels
    learning = STDP(a_plus=0.02 * top, a_minus=0.002 * top, tau_plus=15.0, tau_minus=15.0, w_max=as_parameter(top))
    return Network(
        {"pixels": Poisson(0.0, pixels), "features": Population(cell, cells, receptors)},
        {
            "learning": Projection(
                "pixels", "features", "exc", connect.all_to_all(connect.uniform(0.0, 2.0 * TOTAL / pixels)),
                plasticity=learning,
            ),
            "rivalry": Projection("features", "features", "inh", connect.all_to_all(-2.0, autapses=False)),
        },
        key=key,
    )  # fmt: skip


def normalised(state: State) -> State:
    """With weights whose sum is the same for all neurons."""
    w = state.weights["learning"]
    return eqx.tree_at(lambda s: s.weights["learning"], state, w * (TOTAL / w.sum(0, keepdims=True)))


@eqx.filter_jit
def epoch(net: Network, state: State, images: Float[Array, "n pixels"], key: Key) -> State:
    """One pass through all images in a random order. Weights and thresholds go on from image to image."""
    order_key, run_key = jr.split(key)

    def see(state: State, chosen: Any) -> tuple[State, None]:
        i, key = chosen
        inputs = {"pixels": STRONGEST * images[i]}
        return normalised(simulate(net, SHOWN * DT, DT, inputs, state=state, key=key).state), None

    order = jr.permutation(order_key, images.shape[0])
    return lax.scan(see, state, (order, jr.split(run_key, len(order))))[0]


@eqx.filter_jit
def features(net: Network, state: State, images: Float[Array, "n pixels"], key: Key) -> Float[Array, "n cells"]:
    """The number of spikes of each neuron for each image, with weights and thresholds as they are."""

    def counts(chosen: Any) -> Float[Array, " cells"]:
        image, key = chosen
        sol = simulate(net, READ * DT, DT, {"pixels": STRONGEST * image}, state=state, key=key, record=RECORD)
        return sol.records["spikes"].values.sum(0)

    return lax.map(counts, (images, jr.split(key, images.shape[0])), batch_size=128)


def accuracy(net: Network, state: State, data: _images.Data, key: Key) -> tuple[float, float]:
    """Of a linear readout of the spikes, on validation data (by which its penalty is chosen) and on test data."""
    still = frozen(net, state)
    counts = data.mapped(lambda images: features(*still, images.reshape(len(images), -1), key))
    y = [jax.nn.one_hot(part.labels, data.classes) for part in data[:3]]
    found = ridge_by_validation((counts[0], y[0]), (counts[1], y[1]), PENALTIES, error=misclassified)
    return 1.0 - float(found.errors.min()), 1.0 - float(misclassified(found.readout(counts[2]), y[2]))


def frozen(net: Network, state: State) -> tuple[Network, State]:
    """The same network without plasticity, from rest with the weights and thresholds that it has learnt."""
    projections = dict(net.projections)
    learnt = projections["learning"]
    projections["learning"] = Projection(
        learnt.pre, learnt.post, learnt.receptor, connect.from_dense(state.weights["learning"])
    )
    still = Network(net.populations, projections)
    begin = still.init(dt=DT)
    return still, eqx.tree_at(lambda s: s.populations["features"].cell.a, begin, state.populations["features"].cell.a)


def train(data: _images.Data, args: argparse.Namespace, key: Key) -> dict[str, list[float]]:
    """Accuracies on validation and test data, before learning and after each epoch."""
    build_key, order_key, read_key = jr.split(key, 3)
    images = data.train.images.reshape(len(data.train.labels), -1)
    net = network(images.shape[1], args.cells, build_key)
    state = normalised(net.init(dt=DT, key=build_key))
    found = [accuracy(net, state, data, read_key)]
    for i in range(args.epochs):
        state = epoch(net, state, images, jr.fold_in(order_key, i))
        found.append(accuracy(net, state, data, read_key))
    return {"validation": [x for x, _ in found], "test": [x for _, x in found]}


def main(args: argparse.Namespace) -> None:
    """Train features for each seed. Progress goes to standard error, the result to standard output."""
    data, began, found = _images.load(args), time.perf_counter(), []
    for seed in range(args.seeds):
        found.append(train(data, args, jr.key(seed)))
        shown = "  ".join(f"{x:6.2%}" for x in found[-1]["test"])
        _report.progress(
            f"seed {seed}   test accuracy untrained, then by epoch {shown}   {time.perf_counter() - began:.1f} s"
        )
    result: dict[str, Any] = {
        "task": "stdp",
        "untrained_accuracy": [round(each["test"][0], 4) for each in found],
        **_report.accuracies([each["validation"][1:] for each in found], [each["test"][1:] for each in found]),
        "seeds": list(range(args.seeds)),
        "epochs": args.epochs,
        "cells": args.cells,
        **data.sizes,
        "run_s": round(time.perf_counter() - began, 2),
    }
    _report.show(result, args.json)
