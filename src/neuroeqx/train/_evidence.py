"""Evidence accumulation: of seven cues on the left and on the right, on which side were there more? An excitatory and
inhibitory network of rate units counts, and remembers."""

import argparse
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jaxtyping import Array

from .._types import Key
from ..learn import fit
from ..learn.losses import cross_entropy_over_time
from ..tasks import evidence_accumulation, Trial
from . import _report
from ._dale import CELLS, EXCITATORY, RateUnits


DT = 50.0  # ms
CUES = 7
DELAY = 200.0, 500.0
UNITS = 5  # inputs of each of the four groups
BATCH = 64
MEASURED = 1000  # trials to choose by, and twice as many to test with


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train evidence`."""
    _report.add_arguments(parser, epochs=4)
    parser.add_argument("--trials", type=_report.count, default=6400, metavar="N", help="in an epoch, new ones (6400)")
    parser.add_argument("--rate", type=float, default=2e-3, help="of learning, at the beginning (0.002)")


def trials(indices: Array, key: Key) -> Trial:
    """A trial for each index."""
    keys = jax.vmap(jr.fold_in, (None, 0))(key, indices)
    found = jax.vmap(lambda key: evidence_accumulation(key, dt=DT, cues=CUES, delay=DELAY, units=UNITS))(keys)
    noise = jr.normal(jr.fold_in(key, np.uint32(2**32 - 1)), found.inputs.shape)
    # As the numbers of spikes in a step vary, of Poisson processes.
    inputs = found.inputs + jnp.sqrt(found.inputs * (1000.0 / DT)) * noise
    return eqx.tree_at(lambda trial: trial.inputs, found, inputs)


def answers(model: RateUnits, indices: Array, key: Key) -> tuple[Trial, Array]:
    """Trials, and the readouts in each step, `[trials, steps, 2]`."""
    trial_key, own = jr.split(key)
    trial = trials(indices, trial_key)
    return trial, jax.vmap(model)(trial.inputs, jr.split(own, indices.shape[0]))


def loss(model: RateUnits, indices: Array, key: Key) -> Array:
    trial, y = answers(model, indices, key)
    return cross_entropy_over_time(y, trial.target, trial.mask).mean()


def choices(model: RateUnits, indices: Array, key: Key) -> tuple[Array, Array, Array]:
    """Of each trial the answer, the right one, and by how many cues there were more on the right."""
    trial, y = answers(model, indices, key)
    answer = jnp.where(trial.mask[:, :, None], y, 0.0).sum(1).argmax(-1)
    return answer, trial.target, 2 * trial.conditions["cues"].sum(1) - CUES


def right(model: RateUnits, indices: Array, key: Key) -> Array:
    answer, target, _ = choices(model, indices, key)
    return (answer == target).astype(float)


def psychometric(answer: np.ndarray, difference: np.ndarray) -> dict[str, float]:
    """The part of trials with the answer "right", by how many cues there were more on the right."""
    return {str(d): round(float(answer[difference == d].mean()), 3) for d in np.unique(difference)}


def train(args: argparse.Namespace, key: Key) -> tuple[dict[str, Any], Any]:
    """What one network learns, and what its last epoch answers in the test."""
    build_key, run_key, test_key = jr.split(key, 3)
    schedule = optax.cosine_decay_schedule(args.rate, args.epochs * max(args.trials // BATCH, 1))
    done = fit(
        RateUnits(4 * UNITS, 2, 1.0, DT, build_key), loss, np.arange(args.trials), optim=optax.adam(schedule),
        epochs=args.epochs, key=run_key, batch=BATCH, where=lambda m: m.weights, validation=np.arange(MEASURED),
        metrics={"accuracy": right}, choose="max accuracy", progress=not args.json,
    )  # fmt: skip
    test = eqx.filter_jit(lambda model: choices(model, jnp.arange(2 * MEASURED), test_key))
    answer, target, difference = (np.asarray(x) for x in test(done.last))
    chosen = test(done.chosen)
    return _report.fitted(done, (answer == target).mean(), (chosen[0] == chosen[1]).mean()), (answer, difference)


def main(args: argparse.Namespace) -> None:
    """Train a network for each seed. Progress goes to standard error, the result to standard output."""
    began, found, tests = time.perf_counter(), [], []
    for seed in range(args.seeds):
        result, test = train(args, jr.key(seed))
        found.append(result)
        tests.append(test)
        _report.progress(f"seed {seed}   {found[-1]}   {time.perf_counter() - began:.1f} s")
    result: dict[str, Any] = {
        "task": "evidence",
        **{name: [each[name] for each in found] for name in found[0]},
        "seeds": list(range(args.seeds)),
        "right_by_difference": psychometric(*(np.concatenate(x) for x in zip(*tests, strict=True))),
        "epochs": args.epochs,
        "excitatory": EXCITATORY,
        "inhibitory": CELLS - EXCITATORY,
        "trials": args.trials,
        "validation_trials": MEASURED,
        "test_trials": 2 * MEASURED,
        "run_s": round(time.perf_counter() - began, 2),
    }
    _report.show(result, args.json)
