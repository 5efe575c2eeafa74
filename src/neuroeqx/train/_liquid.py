"""A liquid state machine (Maass, Natschlaeger & Markram 2002): a random network of spiking neurons sees images row by row, and
ridge regression learns to read them from the traces of its spikes after each row."""

import argparse
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float

from .. import connect
from .._record import voltage
from .._simulate import simulate
from .._types import Key
from .._wrappers import Refractory
from ..learn import misclassified, ridge_by_validation
from ..network import Network, Population, Projection, Receptor
from ..neurons import Leaky, LIF
from ..sources import Samples
from ..synapses import CUBA, Expon, Instant
from . import _images, _report


DT = 1.0  # ms
ROW = 20  # steps for which a row is seen
TRACE = 30.0  # ms
COPIES = 4  # neurons for each pixel of a row
STRONGEST = 4.0  # the current of a white pixel, in units of the threshold
PENALTIES = [0.1, 1.0, 10.0, 100.0, 1000.0]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train liquid`."""
    _report.add_arguments(parser)
    _images.add_arguments(parser)
    parser.add_argument("--cells", type=_report.count, default=400, metavar="N", help="excitatory neurons (400)")


def network(columns: int, cells: int, key: Key) -> Network:
    """Neurons that see the pixels of a row, excitatory neurons, a quarter as many inhibitory ones, and the trace of each of
    these, which is what the readout sees."""
    neuron = Refractory(LIF(tau=20.0), 2.0)
    receptors = {"exc": Receptor(Expon(5.0), CUBA()), "inh": Receptor(Expon(10.0), CUBA())}
    others = max(cells // 4, 1)
    sizes = {"E": cells, "I": others}
    each = {"spikes": Receptor(Instant(), CUBA())}
    populations = {
        # No two alike: the strongest pixel would otherwise be one spike train however many neurons see it.
        "pixels": Population(LIF(tau=jnp.linspace(10.0, 30.0, COPIES)), (columns, COPIES)),
        **{name: Population(neuron, n, receptors) for name, n in sizes.items()},
        **{f"trace {name}": Population(Leaky(tau=TRACE), n, each) for name, n in sizes.items()},
    }
    # Weights are positive, those of inhibition negative; about 8 pixels, 20 excitatory and 10 inhibitory neurons reach each.
    law = lambda n, expected, weight: connect.bernoulli(min(expected / n, 1.0), connect.uniform(*sorted((0.0, weight))))
    projections = []
    for name in sizes:
        projections += [
            Projection("pixels", name, "exc", law(columns * COPIES, 8, 1.5)),
            Projection("E", name, "exc", law(cells, 20, 0.1)),
            Projection("I", name, "inh", law(others, 10, -0.2)),
            Projection(name, f"trace {name}", "spikes", connect.one_to_one(20.0)),
        ]
    return Network(populations, projections, key=key)


@eqx.filter_jit
def features(net: Network, images: Float[Array, "n rows columns"]) -> Float[Array, "n features"]:
    """The traces after each row."""
    record = {name: voltage(f"trace {name}", every=ROW) for name in "EI"}

    def states(image: Float[Array, "rows columns"]) -> Float[Array, " features"]:
        seen = STRONGEST * jnp.repeat(image, ROW, axis=0)[:, :, None]
        sol = simulate(net, ROW * DT * image.shape[0], DT, {"pixels": Samples(seen)}, record=record)
        return jnp.concatenate([sol.records[name].values.reshape(-1) for name in "EI"])

    return lax.map(states, images, batch_size=128)


def train(data: _images.Data, cells: int, key: Key) -> dict[str, float]:
    """The readout of the penalty that is best on the validation data, and how well it reads the test data."""
    net = network(data.train.images.shape[2], cells, key)
    x, others, unseen = data.mapped(lambda images: features(net, images))
    y, y_others, y_unseen = (jax.nn.one_hot(part.labels, data.classes) for part in data[:3])
    found = ridge_by_validation((x, y), (others, y_others), PENALTIES, error=misclassified)
    return {
        "test_accuracy": round(1.0 - float(misclassified(found.readout(unseen), y_unseen)), 4),
        "validation_accuracy": round(1.0 - float(found.errors.min()), 4),
        "penalty": round(float(found.penalty), 6),
    }


def main(args: argparse.Namespace) -> None:
    """Train a readout for each seed. Progress goes to standard error, the result to standard output."""
    data, began, found = _images.load(args), time.perf_counter(), []
    for seed in range(args.seeds):
        found.append(train(data, args.cells, jr.key(seed)))
        _report.progress(f"seed {seed}   {found[-1]}   {time.perf_counter() - began:.1f} s")
    result: dict[str, Any] = {
        "task": "liquid",
        **{name: [each[name] for each in found] for name in found[0]},
        "seeds": list(range(args.seeds)),
        "cells": args.cells,
        **data.sizes,
        "run_s": round(time.perf_counter() - began, 2),
    }
    _report.show(result, args.json)
