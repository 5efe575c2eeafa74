"""A recurrent spiking network hears spoken digits and learns by surrogate gradients to tell them apart; a linear readout of
counted events is what it is held against.

The data are recordings as events in the bands of a mel spectrogram, in a file that `nex.io.load_spoken_digits` reads.
"""

import argparse
import time
from pathlib import Path
from typing import Any, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float, UInt8

from .._types import Key
from ..io import EventDataset, load_spoken_digits
from ..layers import Bounded, Counted, Feedforward, fluctuation_driven, MaxOverTime, Recurrent, resolve
from ..learn import accuracy, fit, misclassified, ridge_by_validation
from ..learn.losses import cross_entropy, rate_bounds
from ..neurons import Leaky, LIF, SoftReset
from . import _fitted, _report


DT = 20.0  # ms
FASTEST, SLOWEST = 20.0, 100.0  # initial time constants of cells, ms
TAUS = 5.0, 500.0  # and between which training keeps them
RESISTANCE = 4.0
EVENTS = 5.0  # of a channel while somebody speaks, about, Hz
VALIDATION = 0.1  # of what there is to learn from
BATCH = 54
LEARNING_RATE, WEIGHT_DECAY = 5e-3, 1e-2
RATES, RATE_PENALTY = (0.5, 10.0), 1e-4  # of cells, Hz, and what the square of being outside costs
COUNTED = 100.0  # ms in which the linear readout counts events
PENALTIES = [1.0, 10.0, 100.0, 1000.0, 10000.0]

# What a training sample is changed by, at random: up to so many steps and bands, and the share of events that are lost.
LATER, HIGHER, LOST = 4, 2, 0.2


class SpeechReader(eqx.Module):
    """Recurrently connected leaky integrate-and-fire cells, each with a time constant of its own, and one leaky integrator for
    each class, of which the largest value over time counts.

    **Arguments:**

    - `channels`, `cells`, `classes`: numbers of them.
    """

    hidden: Recurrent
    dropout: eqx.nn.Dropout
    readout: Feedforward

    def __init__(self, channels: int, cells: int, classes: int, *, key: Key):
        keys = jr.split(key, 5)
        tau = jnp.exp(jr.uniform(keys[0], (cells,), minval=np.log(FASTEST), maxval=np.log(SLOWEST)))
        middle = LIF(tau=(FASTEST * SLOWEST) ** 0.5, r=RESISTANCE)
        draw = fluctuation_driven(middle, inputs=channels, rate=EVENTS, std=1.0, dt=DT)
        connect = eqx.nn.Linear(channels, cells, key=keys[1])
        connect = eqx.tree_at(
            lambda l: (l.weight, l.bias), connect, (draw(keys[2], (cells, channels)), jnp.zeros(cells))
        )
        recurrent = eqx.nn.Linear(cells, cells, use_bias=False, key=keys[3])
        cell = _bounded(LIF(tau=tau, r=RESISTANCE, resetting=SoftReset()))
        self.hidden = Recurrent(connect, recurrent, Counted(cell), dt=DT)
        self.dropout = eqx.nn.Dropout(0.2)
        integrator = _bounded(Leaky(tau=jnp.full(classes, 50.0), r=RESISTANCE))
        self.readout = Feedforward(eqx.nn.Linear(cells, classes, key=keys[4]), integrator, dt=DT)

    def __call__(
        self, x: Float[Array, "steps channels"], key: Key | None = None
    ) -> tuple[Float[Array, " classes"], Float[Array, " cells"]]:
        """The evidence for each class, and the number of spikes of each cell."""
        own = resolve(self)
        spikes, last = own.hidden.run(x)
        return MaxOverTime()(own.readout(self.dropout(spikes, key=key))), last.cell.count


def _bounded(cell: Any) -> Any:
    return eqx.tree_at(lambda c: c.tau, cell, Bounded(cell.tau, *TAUS))


def what_is_trained(model: SpeechReader) -> tuple[Any, ...]:
    """All weights and time constants."""
    hidden, readout = model.hidden, model.readout
    cell, integrator = cast(Counted, hidden.cell).cell, readout.cell
    return hidden.connect, hidden.recurrent, cast(LIF, cell).tau, readout.connect, cast(Leaky, integrator).tau


def changed(x: UInt8[Array, "steps parts bands"], key: Key) -> Float[Array, "steps channels"]:
    """A sample that begins earlier or later and sounds lower or higher, with some events lost."""
    keys = jr.split(key, 3)
    padded = jnp.pad(x.astype(float), ((LATER, LATER), (0, 0), (HIGHER, HIGHER)))
    later = jr.randint(keys[0], (), 0, 2 * LATER + 1)
    higher = jr.randint(keys[1], (), 0, 2 * HIGHER + 1)
    moved = lax.dynamic_slice(padded, (later, jnp.zeros_like(later), higher), x.shape)
    kept = jr.bernoulli(keys[2], 1.0 - LOST, x.shape)
    return jnp.where(kept, moved, 0.0).reshape(x.shape[0], -1)


def loss(
    model: SpeechReader, batch: dict[str, Array], key: Key
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """The mean cross-entropy of a batch of changed samples, and what rates out of bounds cost."""
    change_key, drop_key = jr.split(key)
    n, steps = batch["x"].shape[:2]
    x = jax.vmap(changed)(batch["x"], jr.split(change_key, n))
    scores, counts = jax.vmap(model)(x, jr.split(drop_key, n))
    low, high = RATES
    cost = RATE_PENALTY * rate_bounds(counts[:, None] / steps, dt=DT, low=low, high=high)
    return cross_entropy(scores, batch["label"]).mean() + cost, {"rate": counts.mean() * (1000.0 / (steps * DT))}


def score(model: SpeechReader, x: UInt8[Array, "steps parts bands"]) -> Float[Array, " classes"]:
    """The evidence for each class in a sample as it is."""
    return model(x.astype(float).reshape(x.shape[0], -1))[0]


def read(model: SpeechReader, batch: dict[str, Array], key: Key | None) -> Float[Array, " batch"]:
    """1 for each sample that is understood."""
    del key
    return accuracy(jax.vmap(lambda x: score(model, x))(batch["x"]), batch["label"])


def over_time(data: EventDataset) -> dict[str, np.ndarray]:
    """Numbers of events in steps, `[n, steps, parts, bands]`, and labels."""
    x = data.bin(DT, dtype=np.uint8)
    return {"x": x.reshape(*x.shape[:2], *data.shape), "label": data.labels}


def linear(learn: EventDataset, validation: EventDataset, test: EventDataset, classes: int) -> float:
    """The accuracy of ridge regression from the events of each channel in 100 ms each, its penalty chosen by validation."""
    x = [jnp.asarray(data.bin(COUNTED).reshape(len(data), -1)) for data in (learn, validation, test)]
    y: list[Array] = [jax.nn.one_hot(data.labels, classes) for data in (learn, validation, test)]
    found = ridge_by_validation((x[0], y[0]), (x[1], y[1]), PENALTIES, error=misclassified)
    return round(1.0 - float(misclassified(found.readout(x[2]), y[2])), 4)


def optimiser(steps: int) -> optax.GradientTransformation:
    """Clipped gradients, AdamW and a cosine; what is no matrix does not decay."""
    rate = optax.cosine_decay_schedule(LEARNING_RATE, steps)
    matrices = lambda tree: jax.tree.map(lambda x: x.ndim == 2, tree)
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, weight_decay=WEIGHT_DECAY, mask=matrices))


def train(data: EventDataset, test: EventDataset, args: argparse.Namespace, seed: int) -> dict[str, Any]:
    """The accuracies of a network of this seed, and that of the linear readout."""
    classes = int(max(data.labels.max(), test.labels.max())) + 1
    learn, validation = data.split(VALIDATION, seed)
    sets = [over_time(part) for part in (learn, validation, test)]
    build_key, fit_key = jr.split(jr.key(seed))
    batch = min(BATCH, len(learn))
    done = fit(
        SpeechReader(data.num_units, args.cells, classes, key=build_key),
        loss,
        sets[0],
        optim=optimiser(args.epochs * (len(learn) // batch)),
        epochs=args.epochs,
        key=fit_key,
        batch=batch,
        where=what_is_trained,
        validation=sets[1],
        metrics={"accuracy": read},
        choose="max accuracy",
    )
    found = _fitted.accuracies(done, score, jnp.asarray(sets[2]["x"]), jnp.asarray(sets[2]["label"]))
    rate = round(done.epochs["rate"][-1], 1)
    return {**found, "linear_accuracy": linear(learn, validation, test, classes), "rate_hz": rate}


def divided(path: Path, leave_out: str | None) -> dict[str, tuple[EventDataset, EventDataset]]:
    """What to learn from and what to test with: as the authors of the recordings divide them, or by a speaker left out."""
    if leave_out is None:
        return {"official": (load_spoken_digits(path, "train"), load_spoken_digits(path, "test"))}
    data = load_spoken_digits(path)
    speakers = np.unique(data.groups["speaker"]).tolist()
    if len(speakers) < 2 or leave_out not in ("all", *speakers):
        raise SystemExit(f"--leave-out-speaker {leave_out}: there are {', '.join(speakers)} (two at least); or all.")
    chosen = speakers if leave_out == "all" else [leave_out]
    others = lambda name: data.where(speaker=[each for each in speakers if each != name])
    return {name: (others(name), data.where(speaker=name)) for name in chosen}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train speech`."""
    _report.add_arguments(parser, epochs=50)
    parser.add_argument("--data", type=Path, required=True, help="the file of nex.io.load_spoken_digits, or its folder")
    parser.add_argument("--cells", type=_report.count, default=128, metavar="N", help="recurrent cells (128)")
    parser.add_argument(
        "--leave-out-speaker",
        metavar="NAME",
        help="test with this speaker and learn from the others; all: each in turn",
    )


def main(args: argparse.Namespace) -> None:
    """Train a network for each seed, and each speaker left out. Progress goes to standard error, the result to standard
    output."""
    parts, began, found = divided(args.data, args.leave_out_speaker), time.perf_counter(), []
    for name, (data, test) in parts.items():
        for seed in range(args.seeds):
            found.append({"test": name, **train(data, test, args, seed), "seeds": seed})
            _report.progress(f"seed {seed}   {found[-1]}   {time.perf_counter() - began:.1f} s")
    data, test = next(iter(parts.values()))
    result: dict[str, Any] = {
        "task": "speech",
        **{name: [each[name] for each in found] for name in found[0]},
        "epochs": args.epochs,
        "cells": args.cells,
        "train_size": len(data) - round(VALIDATION * len(data)),
        "validation_size": round(VALIDATION * len(data)),
        "test_size": len(test),
        "run_s": round(time.perf_counter() - began, 2),
    }
    _report.show(result, args.json)
