"""Reservoir computing: an echo state network with procedural matrices sees images row by row, and recursive least squares
learns to read them from its last state."""

import argparse
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import lax
from jaxtyping import Array, Float

from .._simulate import simulate
from .._types import Key
from ..learn import echo_state, EchoState, RLS, RLSState
from ..sources import Samples
from . import _images, _report


BATCH = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train reservoir`."""
    _report.add_arguments(parser, epochs=3)
    _images.add_arguments(parser)
    parser.add_argument("--cells", type=_report.count, default=1000, metavar="N", help="of the reservoir (1000)")
    parser.add_argument("--leak", type=float, default=0.6, help="of the cells (0.6)")
    parser.add_argument("--scale", type=float, default=0.3, help="largest input weight (0.3)")
    parser.add_argument("--radius", type=float, default=1.3, help="spectral radius (1.3)")
    parser.add_argument("--p-in", type=float, default=0.5, help="probability of an input synapse (0.5)")
    parser.add_argument("--p-rec", type=float, default=0.1, help="probability of a recurrent synapse (0.1)")
    parser.add_argument("--alpha", type=float, default=0.1, help="penalty of the readout (0.1)")


@eqx.filter_jit
def features(net: EchoState, images: Float[Array, "n rows columns"]) -> Float[Array, "n cells"]:
    """The state after the last row of each image."""
    # Not native, where every member of a batch draws the matrices for itself.
    last = lambda image: simulate(net, float(image.shape[0]), 1.0, Samples(image), fused=False).state
    return lax.map(last, images, batch_size=512)


@eqx.filter_jit
def epoch(rls: RLS, state: RLSState, x: Float[Array, "n cells"], y: Float[Array, "n classes"], key: Key) -> RLSState:
    """One pass through all samples in a random order."""
    n = x.shape[0]
    order, whole = jr.permutation(key, n), n - n % BATCH
    learn = lambda s, chosen: (rls.update(s, x[chosen], y[chosen])[0], None)
    state, _ = lax.scan(learn, state, order[:whole].reshape(-1, BATCH))
    return state if whole == n else learn(state, order[whole:])[0]


@jax.jit
def accuracy(weights: Float[Array, "cells classes"], x: Float[Array, "n cells"], labels: Array) -> Float[Array, ""]:
    return jnp.mean((jnp.argmax(x @ weights, -1) == labels).astype(x.dtype))


def train(data: _images.Data, args: argparse.Namespace, key: Key) -> tuple[list[float], list[float]]:
    """The accuracies on validation and test data after each epoch."""
    build_key, order_key = jr.split(key)
    options = {name: getattr(args, name) for name in ("leak", "scale", "radius", "p_in", "p_rec")}
    net = echo_state(data.train.images.shape[2], args.cells, key=build_key, **options)
    x, others, unseen = data.mapped(lambda images: features(net, images))
    y = jax.nn.one_hot(data.train.labels, data.classes)
    rls = RLS(args.alpha)
    state = rls.init(args.cells, data.classes)
    validation, test = [], []
    for i in range(args.epochs):
        state = epoch(rls, state, x, y, jr.fold_in(order_key, i))
        validation.append(float(accuracy(state.weights, others, data.validation.labels)))
        test.append(float(accuracy(state.weights, unseen, data.test.labels)))
    return validation, test


def main(args: argparse.Namespace) -> None:
    """Train a readout for each seed. Progress goes to standard error, the result to standard output."""
    data, began = _images.load(args), time.perf_counter()
    validation, test = [], []
    for seed in range(args.seeds):
        found = train(data, args, jr.key(seed))
        validation.append(found[0])
        test.append(found[1])
        _report.progress(f"seed {seed}   test accuracy {found[1][-1]:6.2%}   {time.perf_counter() - began:.1f} s")
    result: dict[str, Any] = {
        "task": "reservoir",
        **_report.accuracies(validation, test),
        "seeds": list(range(args.seeds)),
        "epochs": args.epochs,
        "cells": args.cells,
        **data.sizes,
        "run_s": round(time.perf_counter() - began, 2),
    }
    _report.show(result, args.json)
