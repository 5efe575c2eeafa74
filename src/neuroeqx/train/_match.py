"""Delayed match-to-sample (after Wang et al. 2024): is the direction of motion that of the sample, a second ago? Rate units
remember it by what they say to each other, spiking ones (also) by the slow currents that their own spikes leave behind."""

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float

from .._types import Key
from ..layers import Dale, Feedforward
from ..learn import accuracy, fit
from ..learn.losses import cross_entropy_over_time, voltage_bounds
from ..neurons import GIF, Leaky, SoftReset, SpikeCurrent
from ..surrogate import ReLUGrad
from ..tasks import delayed_match_to_sample, spiking, Trial
from . import _report
from ._dale import CELLS, linear, RateUnits, recurrence, signs


DELAY = 1000.0  # ms
GAIN = 3.0  # of the first recurrent weights of rate units
LARGEST = 1.0  # norm of a gradient
# Of the surrogate, 1 / ms: the longer a step, the more likely a spike in it. Were it the same for every dt, short steps would
# let the derivatives by recurrent spikes grow without bounds.
SLOPE = 0.06
MEASURED = 640  # trials to choose by, and twice as many to test with


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train match`."""
    _report.add_arguments(parser)
    parser.add_argument("--cells", choices=list(NETWORKS), default="rate", help="of which kind (rate)")
    parser.add_argument(
        "--epochs",
        type=_report.count,
        metavar="N",
        help="each of new trials, for each delay (8 of rate units, 10 of spiking ones)",
    )
    parser.add_argument("--trials", type=_report.count, metavar="N", help="in an epoch (6400; 3200)")
    parser.add_argument("--batch", type=_report.count, metavar="N", help="trials in a batch (64; 32)")
    parser.add_argument("--dt", type=float, metavar="MS", help="step, ms (100; 1)")
    parser.add_argument("--rate", type=float, help="of learning, at the beginning (0.002; 0.01)")


class GIFUnits(eqx.Module):
    """Generalised integrate-and-fire cells between a leaky filter of input spikes and a leaky readout.

    What is trained means the same for every `dt`: a spike adds its weight to a filter or a readout, `current` and `bias` are
    added to what comes out of them.
    """

    encode: Feedforward
    current: Float[Array, " cells"]
    recur: Dale
    cell: GIF
    read: Feedforward
    bias: Float[Array, " 2"]
    dt: float = eqx.field(static=True)

    def __init__(self, dt: float, key: Key):
        keys, self.dt = jr.split(key, 4), dt
        normal = jax.nn.initializers.variance_scaling(0.4, "fan_in", "normal", in_axis=1, out_axis=0)
        weights = partial(linear, CELLS, initialiser=normal, use_bias=False)
        self.encode = Feedforward(weights(CELLS, key=keys[0]), Leaky(tau=100.0, r=100.0 / dt), dt=dt)
        self.current, self.bias = jnp.zeros(CELLS), jnp.zeros(2)
        self.recur = recurrence(normal(keys[1], (CELLS, CELLS), float))
        fast = SpikeCurrent(k=0.1, r=0.0, a=jnp.asarray((signs() < 0).astype(float), dtype=float))
        slow = SpikeCurrent(k=1.0 / jr.uniform(keys[3], (CELLS,), minval=100.0, maxval=3000.0), r=1.0, a=-0.6)
        self.cell = GIF(
            c=20.0, g=1.0, e_l=0.0, th_inf=1.0, th_reset=1.0, v_reset=0.0, currents=(fast, slow), resetting=SoftReset(),
            surrogate=ReLUGrad(SLOPE * dt, 1.0),
        )  # fmt: skip
        self.read = Feedforward(weights(2, key=keys[2]), Leaky(tau=10.0, r=10.0 / dt), dt=dt)

    def __call__(self, spikes: Float[Array, "steps inputs"]) -> tuple[Float[Array, "steps 2"], dict[str, Array]]:
        run: Any = _run
        fired, penalty = run(self.dt, self.cell, self.recur.value / self.dt, self.encode(spikes) + self.current[None])
        rate = lax.stop_gradient(fired).mean() * (1000.0 / self.dt)
        return self.read(fired) + self.bias[None], {"penalty": penalty, "Hz": rate}

    @property
    def weights(self) -> tuple[Any, ...]:
        """What is trained."""
        return self.encode.connect, self.current, self.recur, self.read.connect, self.bias


def _loop(
    dt: float, cell: GIF, w: Float[Array, "post pre"], current: Float[Array, "steps post"]
) -> tuple[Array, Array]:
    """Spikes, `[steps, cells]`, and how far voltages are out of bounds."""
    start = cell.init(current.shape[1:])

    @jax.checkpoint  # less to be remembered, which takes longer than to compute it again
    def move(v: Array, currents: Any, seen: Array) -> Any:
        state = eqx.tree_at(lambda s: (s.v, s.currents), start, (v, currents))
        after = cell.integrate(state, lambda v: seen, dt=dt)
        out = voltage_bounds((after.v - start.threshold) / start.threshold, low=-2.0, high=0.4)
        state, spikes = cell.fire(state, after, dt=dt)
        fast, slow = state.currents
        # The fast current is none of the ways by which it learns.
        return (state.v, (lax.stop_gradient(fast), slow), spikes), (spikes, out)

    step = lambda carry, seen: move(*carry[:2], seen + w @ carry[2])
    begin = start.v, start.currents, jnp.zeros_like(start.v)
    _, (spikes, out) = lax.scan(step, begin, current)
    return spikes, out.mean()


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(dt: float, cell: GIF, w: Float[Array, "post pre"], current: Float[Array, "steps post"]) -> tuple[Array, Array]:
    """As `_loop`; the derivative by the weights is one product for all steps instead of one in each, that by the cell, which is
    not trained, is not there."""
    return _loop(dt, cell, w, current)


def _forward(dt: float, cell: GIF, w: Array, current: Array) -> Any:
    result, back = jax.vjp(lambda x: _loop(dt, cell, w, x), current)
    return result, (back, result[0], cell)


def _backward(dt: float, kept: Any, slopes: Any) -> Any:
    del dt
    back, spikes, cell = kept
    (by_current,) = back(slopes)
    by_weight = jnp.einsum("tj,ti->ji", by_current[1:], spikes[:-1])
    return jax.tree.map(jnp.zeros_like, cell), by_weight, by_current


_run.defvjp(_forward, _backward)


class Kind(NamedTuple):
    """Of a kind of cells the network (a function of dt and a key), the number of inputs, the delays with which it learns for as
    many epochs before that of the task, ms, and what the options are by default."""

    build: Callable[[float, Key], Any]
    inputs: int
    delays: tuple[float, ...]
    options: dict[str, Any]


NETWORKS = {
    "rate": Kind(
        lambda dt, key: RateUnits(24, 2, GAIN, dt, key),
        24,
        (0.0, 200.0, 500.0),
        {"dt": 100.0, "epochs": 8, "trials": 6400, "batch": 64, "rate": 2e-3},
    ),  # fmt: skip
    "gif": Kind(GIFUnits, CELLS, (), {"dt": 1.0, "epochs": 10, "trials": 3200, "batch": 32, "rate": 1e-2}),
}


def trials(cells: str, dt: float, delay: float, indices: Array, key: Key) -> Trial:
    """A trial for each index."""
    inputs = NETWORKS[cells].inputs
    key, spike_key = jr.split(key)
    keys = jax.vmap(jr.fold_in, (None, 0))(key, indices)
    found = jax.vmap(lambda key: delayed_match_to_sample(key, dt=dt, delay=delay, units=inputs))(keys)
    if cells == "rate":
        return found
    # The generator of XLA: a batch has 16 million numbers.
    own = jr.wrap_key_data(jnp.tile(jr.key_data(spike_key), 2), impl="rbg")
    return spiking(found, dt=dt, key=own)


def answers(model: Any, trial: Trial, key: Key) -> tuple[Array, dict[str, Array]]:
    """The readout in each step, `[trials, steps, 2]`, and what else is known of the run."""
    if not isinstance(model, GIFUnits):
        return jax.vmap(model)(trial.inputs, jr.split(key, trial.target.shape[0])), {}
    y, aux = jax.vmap(model)(trial.inputs)
    return y, {name: x.mean() for name, x in aux.items()}


def train(args: argparse.Namespace, key: Key) -> dict[str, Any]:
    """What one network learns."""
    build, cells, dt = NETWORKS[args.cells].build, args.cells, args.dt
    build_key, run_key, test_key = jr.split(key, 3)

    def seen(model: Any, delay: float, indices: Array, key: Key) -> tuple[Trial, Array, dict[str, Array]]:
        trial_key, own = jr.split(key)
        trial = trials(cells, dt, delay, indices, trial_key)
        return trial, *answers(model, trial, own)

    def loss(delay: float, model: Any, indices: Array, key: Key) -> Any:
        trial, y, aux = seen(model, delay, indices, key)
        return cross_entropy_over_time(y, trial.target, trial.mask).mean() + aux.get("penalty", 0.0), aux

    def right(model: Any, indices: Array, key: Key) -> Array:
        trial, y, _ = seen(model, DELAY, indices, key)
        return accuracy(jnp.where(trial.mask[:, :, None], y, 0.0).sum(1), trial.target)

    options: dict[str, Any] = {"epochs": args.epochs, "batch": args.batch, "progress": not args.json}
    schedule = optax.cosine_decay_schedule(args.rate, args.epochs * max(args.trials // args.batch, 1))
    # Through 25 steps of rate units, and 2,500 of spiking ones, a few gradients are a hundred times larger than all others.
    optim = optax.chain(optax.clip_by_global_norm(LARGEST), optax.adam(schedule))
    options |= {"optim": optim, "where": lambda m: m.weights}
    model = build(dt, build_key)
    for delay in NETWORKS[cells].delays:
        model = fit(
            model, partial(loss, delay), np.arange(args.trials), key=jr.fold_in(run_key, int(delay)), **options
        ).last
    done = fit(
        model, partial(loss, DELAY), np.arange(args.trials), key=run_key, validation=np.arange(MEASURED),
        metrics={"accuracy": right}, choose="max accuracy", **options,
    )  # fmt: skip
    part = eqx.filter_jit(lambda model, i: right(model, i, jr.fold_in(test_key, i[0])).mean())
    test = lambda model: np.mean([part(model, i) for i in np.arange(2 * MEASURED).reshape(-1, 64)])
    return _report.fitted(done, test(done.last), test(done.chosen))


def main(args: argparse.Namespace) -> None:
    """Train a network for each seed. Progress goes to standard error, the result to standard output."""
    began, found = time.perf_counter(), []
    given = {name: value for name, value in vars(args).items() if value is not None}
    args = argparse.Namespace(**NETWORKS[args.cells].options | given)
    for seed in range(args.seeds):
        found.append(train(args, jr.key(seed)))
        _report.progress(f"seed {seed}   {found[-1]}   {time.perf_counter() - began:.1f} s")
    result: dict[str, Any] = {
        "task": "match",
        "cells": args.cells,
        **{name: [each[name] for each in found] for name in found[0]},
        "seeds": list(range(args.seeds)),
        "epochs": args.epochs,
        "trials": args.trials,
        "validation_trials": MEASURED,
        "test_trials": 2 * MEASURED,
        "run_s": round(time.perf_counter() - began, 2),
    }
    _report.show(result, args.json)
