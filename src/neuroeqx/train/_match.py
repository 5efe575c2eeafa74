"""Delayed match-to-sample (after Wang et al. 2024): is the direction of motion that of the sample, a second ago? Rate units remember
it by what they say to each other, spiking ones (also) by the slow currents that their own spikes leave behind."""

import argparse
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float

from .._types import Key
from ..layers import Constrained, Dale, Feedforward, Recurrent, resolve
from ..learn import accuracy, fit
from ..learn.losses import cross_entropy_over_time, voltage_bounds
from ..neurons import GIF, Graded, Leaky, SoftReset, SpikeCurrent
from ..steppers import Euler
from ..surrogate import ReLUGrad
from ..tasks import delayed_match_to_sample, spiking, Trial
from . import _report


EXCITATORY, INHIBITORY = 80, 20
CELLS = EXCITATORY + INHIBITORY
NOISE = 0.15  # of rate units
MEASURED = 640  # trials to choose by, and twice as many to test with


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train match`."""
    _report.add_arguments(parser)
    parser.add_argument("--cells", choices=list(NETWORKS), default="rate", help="of which kind (rate)")
    parser.add_argument(
        "--epochs", type=_report.count, metavar="N", help="each of new trials (20 of rate units, 5 of spiking ones)"
    )
    parser.add_argument("--trials", type=_report.count, default=6400, metavar="N", help="in an epoch (6400)")
    parser.add_argument("--batch", type=_report.count, default=64, metavar="N", help="trials in a batch (64)")
    parser.add_argument("--rate", type=float, default=1e-3, help="of learning (0.001)")


def signs() -> np.ndarray:
    """1 for excitatory cells, -1 for inhibitory ones."""
    return np.repeat([1, -1], [EXCITATORY, INHIBITORY])


def recurrence(weight: Float[Array, "post pre"]) -> Dale:
    """Weights that obey Dale's law; as there are more excitatory cells, each begins with less."""
    part = np.where(signs() > 0, INHIBITORY / EXCITATORY, 1.0)
    return Dale(weight * jnp.asarray(part, weight.dtype)[None, :], signs(), mask="no autapses")


def linear(inputs: int, outputs: int, initialiser: Any, key: Key) -> eqx.nn.Linear:
    layer = eqx.nn.Linear(inputs, outputs, key=key)
    weight = initialiser(key, (outputs, inputs), layer.weight.dtype)
    return eqx.tree_at(lambda l: (l.weight, l.bias), layer, (weight, jnp.zeros(outputs)))


class RateUnits(eqx.Module):
    """h <- relu((1 - a) h + a (W x + M h + b) + noise) with a = dt / tau = 1, and a linear readout."""

    encode: eqx.nn.Linear
    units: Recurrent
    read: eqx.nn.Linear

    def __init__(self, key: Key):
        keys, uniform = jr.split(key, 3), jax.nn.initializers.he_uniform(in_axis=1, out_axis=0)
        inner = eqx.nn.Linear(CELLS, CELLS, use_bias=False, key=keys[1])
        weight = recurrence(uniform(keys[1], (CELLS, CELLS), inner.weight.dtype))
        inner = Constrained(eqx.tree_at(lambda l: l.weight, inner, weight))
        self.encode = linear(24, CELLS, uniform, keys[0])
        self.units = Recurrent(None, inner, Graded(tau=100.0, stepper=Euler()), dt=100.0)
        self.read = linear(CELLS, 2, uniform, keys[2])

    def __call__(self, rates: Float[Array, "steps inputs"], key: Key) -> tuple[Float[Array, "steps 2"], dict[str, Array]]:
        seen = jax.vmap(self.encode)(rates * 0.1)  # spikes that are expected in a step
        h = self.units(seen + NOISE * 2.0**0.5 * jr.normal(key, seen.shape))
        return jax.vmap(self.read)(h), {}


class GIFUnits(eqx.Module):
    """Generalised integrate-and-fire cells between a leaky filter of input spikes and a leaky readout."""

    encode: Feedforward
    recur: Dale
    cell: GIF
    read: Feedforward

    def __init__(self, key: Key):
        keys = jr.split(key, 4)
        normal = jax.nn.initializers.variance_scaling(0.4, "fan_in", "normal", in_axis=1, out_axis=0)
        # A spike adds its weight to the filter, which forgets it.
        self.encode = Feedforward(linear(CELLS, CELLS, normal, keys[0]), Leaky(tau=100.0, r=100.0))
        self.recur = recurrence(normal(keys[1], (CELLS, CELLS), float))
        fast = SpikeCurrent(k=0.1, r=0.0, a=jnp.asarray((signs() < 0).astype(float), dtype=float))
        slow = SpikeCurrent(k=1.0 / jr.uniform(keys[3], (CELLS,), minval=100.0, maxval=3000.0), r=1.0, a=-0.6)
        self.cell = GIF(
            c=20.0, g=1.0, e_l=0.0, th_inf=1.0, th_reset=1.0, v_reset=0.0, currents=(fast, slow), resetting=SoftReset(),
            surrogate=ReLUGrad(0.3, 1.0),
        )  # fmt: skip
        self.read = Feedforward(linear(CELLS, 2, normal, keys[2]), Leaky(tau=10.0))

    def __call__(
        self, spikes: Float[Array, "steps inputs"], key: Key
    ) -> tuple[Float[Array, "steps 2"], dict[str, Array]]:
        del key
        fired, penalty = _run(self.cell, self.recur.value, self.encode(spikes))
        rate = lax.stop_gradient(fired).mean() * 1000.0
        return self.read(fired), {"penalty": penalty, "Hz": rate}


def _loop(cell: GIF, w: Float[Array, "post pre"], current: Float[Array, "steps post"]) -> tuple[Array, Array]:
    """Spikes, `[steps, cells]`, and how far voltages are out of bounds."""
    start = cell.init(current.shape[1:])

    @jax.checkpoint  # less to be remembered, which takes longer than to compute it again
    def move(v: Array, currents: Any, seen: Array) -> Any:
        state = eqx.tree_at(lambda s: (s.v, s.currents), start, (v, currents))
        after = cell.integrate(state, lambda v: seen, dt=1.0)
        out = voltage_bounds((after.v - start.threshold) / start.threshold, low=-2.0, high=0.4)
        state, spikes = cell.fire(state, after, dt=1.0)
        fast, slow = state.currents
        # The fast current is none of the ways by which it learns.
        return (state.v, (lax.stop_gradient(fast), slow), spikes), (spikes, out)

    step = lambda carry, seen: move(*carry[:2], seen + w @ carry[2])
    begin = start.v, start.currents, jnp.zeros_like(start.v)
    _, (spikes, out) = lax.scan(step, begin, current)
    return spikes, out.mean()


@jax.custom_vjp
def _run(cell: GIF, w: Float[Array, "post pre"], current: Float[Array, "steps post"]) -> tuple[Array, Array]:
    """As `_loop`; the derivative by the weights is one product for all steps instead of one in each, that by the cell, which is
    not trained, is not there."""
    return _loop(cell, w, current)


def _forward(cell: GIF, w: Array, current: Array) -> Any:
    result, back = jax.vjp(lambda x: _loop(cell, w, x), current)
    return result, (back, result[0], cell)


def _backward(kept: Any, slopes: Any) -> Any:
    back, spikes, cell = kept
    (by_current,) = back(slopes)
    by_weight = jnp.einsum("tj,ti->ji", by_current[1:], spikes[:-1])
    return jax.tree.map(jnp.zeros_like, cell), by_weight, by_current


_run.defvjp(_forward, _backward)


# Of each kind of cells the network, its step in ms, its inputs, and passes through the data by default.
NETWORKS: dict[str, tuple[Any, float, int, int]] = {"rate": (RateUnits, 100.0, 24, 20), "gif": (GIFUnits, 1.0, CELLS, 5)}


def trials(cells: str, indices: Array, key: Key) -> Trial:
    """A trial for each index."""
    _, dt, inputs, _ = NETWORKS[cells]
    key, spike_key = jr.split(key)
    keys = jax.vmap(jr.fold_in, (None, 0))(key, indices)
    found = jax.vmap(lambda key: delayed_match_to_sample(key, dt=dt, units=inputs))(keys)
    if cells == "rate":
        return found
    # The generator of XLA: a batch has 16 million numbers.
    own = jr.wrap_key_data(jnp.tile(jr.key_data(spike_key), 2), impl="rbg")
    return spiking(found, dt=dt, key=own)


def answers(model: Any, trial: Trial, key: Key) -> tuple[Array, dict[str, Array]]:
    """The readout in each step, `[trials, steps, 2]`, and what else is known of the run."""
    y, aux = jax.vmap(model)(trial.inputs, jr.split(key, trial.target.shape[0]))
    return y, {name: x.mean() for name, x in aux.items()}


def train(args: argparse.Namespace, key: Key) -> dict[str, Any]:
    """What one network learns."""
    build, cells = NETWORKS[args.cells][0], args.cells
    build_key, run_key, test_key = jr.split(key, 3)

    def loss(model: Any, indices: Array, key: Key) -> Any:
        trial_key, own = jr.split(key)
        trial = trials(cells, indices, trial_key)
        y, aux = answers(model, trial, own)
        return cross_entropy_over_time(y, trial.target, trial.mask).mean() + aux.get("penalty", 0.0), aux

    def right(model: Any, indices: Array, key: Key) -> Array:
        trial_key, own = jr.split(key)
        trial = trials(cells, indices, trial_key)
        y, _ = answers(model, trial, own)
        return accuracy(jnp.where(trial.mask[:, :, None], y, 0.0).sum(1), trial.target)

    trained = lambda model: [x for x in _weights(model)]
    done = fit(
        build(build_key), loss, np.arange(args.trials), optim=optax.adam(args.rate), epochs=args.epochs, key=run_key,
        batch=args.batch, where=trained, validation=np.arange(MEASURED), metrics={"accuracy": right}, choose="max accuracy",
        progress=not args.json,
    )  # fmt: skip
    test = eqx.filter_jit(lambda model, i: right(model, i, jr.fold_in(test_key, i[0])).mean())
    return _report.fitted(done, lambda model: np.mean([test(model, i) for i in np.arange(2 * MEASURED).reshape(-1, 64)]))


def _weights(model: Any) -> Any:
    if isinstance(model, RateUnits):
        return model.encode, model.units, model.read
    return model.encode.connect, model.recur, model.read.connect


def main(args: argparse.Namespace) -> None:
    """Train a network for each seed. Progress goes to standard error, the result to standard output."""
    began, found = time.perf_counter(), []
    if args.epochs is None:
        args.epochs = NETWORKS[args.cells][3]
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
