"""A feed-forward spiking network sees each pixel as one spike, the earlier the brighter, and learns by surrogate gradients.

The network of the training benchmark of BrainPy (Wang et al. 2024), as in SpyTorch (Neftci, Mostafa & Zenke 2019): 784-100-10
for images of 28 x 28 pixels, 100 steps. Times are in steps of 1 ms.
"""

import argparse
import math
import time
from functools import partial
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jaxtyping import Array, Float, Int

from .._types import Key
from ..layers import Counted, Feedforward, latency_steps, LatencyLinear, MaxOverTime
from ..learn import accuracy, fit
from ..learn.losses import cross_entropy
from ..neurons import Leaky, LIF, SoftReset
from ..synapses import Expon
from . import _fitted, _images, _report


STEPS = 100
TAU_LATENCY, THRESHOLD = 20.0, 0.2
BATCH = 64
LEARNING_RATE = 1e-3
# The share of input spikes that are lost in training, at random.
LOST = 0.1


class LatencyReader(eqx.Module):
    """Leaky integrate-and-fire cells with exponential synapses between inputs that spike once or never and one leaky integrator
    for each class.

    **Arguments:**

    - `first`, `second`: the weights, `[inputs, cells]` and `[cells, classes]`. A spike of weight 1 adds 1 to a synapse, or to
        an integrator; the threshold is 1.
    - `steps`: the number of steps.
    - `tau_membrane`, `tau_synapse`, `tau_readout`: steps.
    """

    hidden: Feedforward
    readout: Feedforward

    def __init__(
        self,
        first: Float[Array, "inputs cells"],
        second: Float[Array, "cells classes"],
        steps: int = STEPS,
        *,
        tau_membrane: float = 10.0,
        tau_synapse: float = 10.0,
        tau_readout: float = 5.0,
    ):
        # A resistance with which what arrives in a step is what the voltage grows by.
        gain = lambda tau: 1.0 / (1.0 - math.exp(-1.0 / tau))
        inputs, cells = first.shape
        product = LatencyLinear(inputs, cells, steps, weight=first)
        cell = LIF(tau=tau_membrane, r=gain(tau_membrane), resetting=SoftReset())
        self.hidden = Feedforward(product, Counted(cell), Expon(tau_synapse))
        linear = eqx.nn.Linear(*second.shape, use_bias=False, key=jr.key(0))
        linear = eqx.tree_at(lambda l: l.weight, linear, second.T)
        self.readout = Feedforward(linear, Leaky(tau=tau_readout, r=gain(tau_readout)))

    def __call__(self, steps: Int[Array, " inputs"]) -> tuple[Float[Array, " classes"], Float[Array, " cells"]]:
        """The largest value of each integrator, and the number of spikes of each cell, for the steps in which inputs spike."""
        spikes, last = self.hidden.run(steps)
        return MaxOverTime()(self.readout(spikes)), last.cell.count


def what_is_trained(model: LatencyReader) -> tuple[Any, Any]:
    """Both matrices."""
    first, second = cast(Any, model.hidden.connect), cast(Any, model.readout.connect)
    return first.weight, second.weight


def loss(
    model: LatencyReader,
    batch: dict[str, Array],
    key: Key | None,
    *,
    rate_penalty: float,
    count_penalty: float,
    lost: float = 0.0,
) -> tuple[Float[Array, ""], dict[str, Array]]:
    """The mean cross-entropy of a batch, and two costs of spikes: of all in the batch, and of the squared numbers of each cell,
    summed over cells, on average over samples. With the key, a share of the input spikes is lost."""
    steps = batch["steps"]
    if key is not None:
        never = cast(LatencyLinear, model.hidden.connect).steps
        steps = jnp.where(jr.bernoulli(key, lost, steps.shape), never, steps)
    scores, counts = jax.vmap(model)(steps)
    wrong = cross_entropy(scores, batch["label"]).mean()
    costs = rate_penalty * jnp.sum(counts) + count_penalty * jnp.mean(jnp.sum(counts**2, axis=-1))
    return wrong + costs, {"spikes": jnp.mean(counts)}


def initial(inputs: int, cells: int, classes: int, key: Key) -> LatencyReader:
    """Weights with which a few per cent of the cells fire in a step."""
    keys = jr.split(key)
    first = 0.84 / inputs**0.5 * jr.normal(keys[0], (inputs, cells))
    limit = 1.0 / cells**0.5
    return LatencyReader(first, jr.uniform(keys[1], (cells, classes), minval=-limit, maxval=limit))


def read(model: LatencyReader, batch: dict[str, Array], key: Key | None) -> Float[Array, " batch"]:
    """1 for each image that is read correctly."""
    del key
    return accuracy(jax.vmap(model)(batch["steps"])[0], batch["label"])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train latency`."""
    _report.add_arguments(parser, epochs=12)
    _images.add_arguments(parser)
    parser.add_argument("--cells", type=_report.count, default=100, metavar="N", help="hidden cells (100)")
    parser.add_argument(
        "--spike-cost",
        type=float,
        default=1e-6,
        metavar="X",
        help="both of the loss (1e-6; 1e-5 is that of the benchmark)",
    )


def train(sets: list[dict[str, Array]], classes: int, args: argparse.Namespace, key: Key) -> dict[str, Any]:
    """The accuracies of a network that learns from the first set, is chosen by the second, and tested with the third."""
    build_key, fit_key = jr.split(key)
    learn, validation, test = sets
    rate = optax.cosine_decay_schedule(LEARNING_RATE, args.epochs * (len(learn["label"]) // BATCH))
    done = fit(
        initial(learn["steps"].shape[1], args.cells, classes, build_key),
        partial(loss, rate_penalty=args.spike_cost, count_penalty=args.spike_cost, lost=LOST),
        learn,
        optim=optax.adam(rate),
        epochs=args.epochs,
        key=fit_key,
        batch=BATCH,
        where=what_is_trained,
        validation=validation,
        metrics={"accuracy": read},
        choose="max accuracy",
    )
    found = _fitted.accuracies(done, lambda model, steps: model(steps)[0], test["steps"], test["label"])
    return {**found, "spikes_per_cell": round(done.epochs["spikes"][-1], 2)}


def main(args: argparse.Namespace) -> None:
    """Train a network for each seed. Progress goes to standard error, the result to standard output."""
    data, began, found = _images.load(args), time.perf_counter(), []
    code = lambda images: latency_steps(images.reshape(len(images), -1), STEPS, tau=TAU_LATENCY, threshold=THRESHOLD)
    steps = data.mapped(jax.jit(code))
    sets = [{"steps": x, "label": part.labels} for x, part in zip(steps, data[:3], strict=True)]
    for seed in range(args.seeds):
        found.append(train(sets, data.classes, args, jr.key(seed)))
        _report.progress(f"seed {seed}   {found[-1]}   {time.perf_counter() - began:.1f} s")
    result: dict[str, Any] = {
        "task": "latency",
        **{name: [each[name] for each in found] for name in found[0]},
        "seeds": list(range(args.seeds)),
        "epochs": args.epochs,
        "cells": args.cells,
        "spike_cost": args.spike_cost,
        **data.sizes,
        "run_s": round(time.perf_counter() - began, 2),
    }
    _report.show(result, args.json)
