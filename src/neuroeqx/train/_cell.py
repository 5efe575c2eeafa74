"""Cells that fire as a recorded one does: AdEx and GLIF neurons fitted to sweeps of a patch-clamp recording by gradient."""

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
from jaxtyping import Array, Bool, Float

from .._record import output, voltage
from .._simulate import simulate
from .._types import Key
from .._wrappers import Refractory
from ..io import load_patch_clamp, Sweeps
from ..layers import Bounded, Feedforward, resolve
from ..learn import multi_start, teacher_forced
from ..learn.losses import gaussian_log_density
from ..network import Population
from ..neurons import AdEx, EscapeRate, GLIF, SpikeCurrent, SpikeThreshold
from ..sources import Samples
from . import _report


BIN = 2  # samples in a step
BLANK = (2.0, 6.0)  # ms before and after the crossing of a spike in which voltages do not count
SD = 4.0  # mV, by which voltages may differ
REPEATS = 20  # of each sweep, when rates are measured
FREE_RUNS = 4  # of each sweep, with the same noise in each step of the fit
WEIGHT = 30.0  # of their rates
LEAD = 200.0  # ms at the beginning, whose voltage is that of rest
CORRELATED = 300.0  # ms, in which voltages count as one; they are to guide the fit, and spikes to decide it


class Record(NamedTuple):
    """Sweeps in steps of the model, time first: `[steps, sweeps]`."""

    current: Float[np.ndarray, "steps sweeps"]
    v: Float[np.ndarray, "steps sweeps"]
    spikes: Bool[np.ndarray, "steps sweeps"]
    counts: Bool[np.ndarray, "steps sweeps"]
    dt: float

    def only(self, sweeps: list[int]) -> "Record":
        return Record(*(x[:, sweeps] for x in self[:4]), self.dt)  # pyright: ignore[reportCallIssue]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m neuroeqx train cell`."""
    parser.add_argument("--data", required=True, metavar="FILE", help="sweeps, as nex.io.load_patch_clamp reads them")
    parser.add_argument("--cell", default="rs", metavar="NAME", help="the cell in the file (rs)")
    parser.add_argument("--model", choices=list(MODELS), default="glif", help="what is fitted (glif)")
    parser.add_argument("--starts", type=_report.count, default=12, metavar="N", help="points to begin from (12)")
    parser.add_argument("--steps", type=_report.count, default=300, metavar="N", help="of gradient descent (300)")
    parser.add_argument("--rate", type=float, default=0.05, help="of learning, at the beginning (0.05)")
    parser.add_argument("--t-ref", type=float, default=2.0, metavar="MS", help="refractory period (2)")
    parser.add_argument("--figure", metavar="FILE", help="where to draw model over recording")
    _report.add_arguments(parser)


def record_of(sweeps: Sweeps) -> Record:
    """In steps of `BIN` samples: means of currents, voltages at the end of a step, whether there was a spike in it."""
    n = sweeps.v.shape[1] // BIN * BIN
    binned = lambda x: x[:, :n].reshape(len(x), -1, BIN)
    spikes = binned(sweeps.spikes()).any(2)
    dt = BIN * sweeps.dt
    counts = np.ones_like(spikes)
    before, after = (round(x / dt) for x in BLANK)
    for sweep, at in zip(*np.nonzero(spikes), strict=True):
        counts[sweep, max(at - before, 0) : at + after] = False
    v, current = binned(sweeps.v)[:, :, -1], binned(sweeps.current).mean(2)
    current, v, spikes, counts = (np.ascontiguousarray(x.T) for x in (current, v, spikes, counts))
    return Record(current, v, spikes, counts, dt)


def _drawn(key: Key, ranges: dict[str, tuple[float, float]]) -> dict[str, Bounded]:
    """A parameter within each of these ranges, from the middle three fifths."""
    parts = jr.uniform(key, (len(ranges),), minval=0.2, maxval=0.8)
    return {
        name: Bounded(low + part * (high - low), low, high)
        for part, (name, (low, high)) in zip(parts, ranges.items(), strict=True)
    }


def adex(key: Key, rest: float, t_ref: float) -> Any:
    """An `AdEx` cell that fires by chance near to the end of its upstroke."""
    drawn = _drawn(
        key,
        {
            "c": (20.0, 300.0), "g_l": (1.0, 25.0), "e_l": (rest - 15.0, rest + 10.0), "v_t": (rest + 3.0, -30.0),
            "delta_t": (0.5, 6.0), "a": (-1.0, 8.0), "tau_w": (10.0, 600.0), "b": (0.0, 120.0), "v_reset": (-80.0, -38.0),
            "delta": (0.5, 8.0),
        },
    )  # fmt: skip
    delta = drawn.pop("delta")
    return _with(Refractory(EscapeRate(AdEx(v_peak=-25.0), 1.0), t_ref), drawn, delta)


def glif(key: Key, rest: float, t_ref: float) -> Any:
    """A `GLIF` cell with a fast and a slow current after spikes and a threshold that they raise."""
    drawn = _drawn(
        key,
        {
            "c": (20.0, 300.0), "g": (1.0, 25.0), "e_l": (rest - 15.0, rest + 10.0), "th_inf": (rest + 3.0, -25.0),
            "v_reset": (-80.0, -40.0), "delta": (0.3, 6.0), "fast k": (0.02, 0.5), "fast a": (-600.0, 200.0),
            "slow k": (0.001, 0.02), "slow a": (-60.0, 20.0), "threshold k": (0.002, 0.2), "threshold a": (0.0, 20.0),
        },
    )  # fmt: skip
    currents = tuple(SpikeCurrent(k=0.1, r=1.0, a=0.0) for _ in range(2))
    cell = GLIF(currents=currents, spike_threshold=SpikeThreshold(0.1, 1.0))
    delta, parts = drawn.pop("delta"), {}
    for name in [name for name in drawn if " " in name]:
        parts[name] = drawn.pop(name)
    where = lambda c: (
        c.currents[0].k, c.currents[0].a, c.currents[1].k, c.currents[1].a, c.spike_threshold.k, c.spike_threshold.a
    )  # fmt: skip
    return _with(Refractory(EscapeRate(eqx.tree_at(where, cell, tuple(parts.values())), 1.0), t_ref), drawn, delta)


MODELS = {"adex": adex, "glif": glif}


def _with(model: Refractory, parameters: dict[str, Any], delta: Any) -> Any:
    """With constrained parameters in the places of the cell's."""
    where = lambda m: (*(getattr(m.cell.cell, name) for name in parameters), m.cell.delta)
    return eqx.tree_at(where, model, (*parameters.values(), delta))


def fitted(record: Record, on: Bool[np.ndarray, " steps"], key: Key, args: argparse.Namespace) -> tuple[Any, float]:
    """A cell that fires as the record does, and its loss: first the most likely one by spikes and voltages, then, from there
    and with these in mind, one that fires as often in runs of its own while the stimulus is on."""
    rest = float(np.median(record.v[: round(LEAD / 2.0 / record.dt)]))
    make = MODELS[args.model]
    start_key, noise = jr.split(key)
    models = eqx.filter_vmap(lambda key: make(key, rest, args.t_ref))(jr.split(start_key, args.starts))
    current, v, spikes, counts = (jnp.asarray(x, float) for x in record[:4])
    within = jnp.asarray(on, float)
    recorded = within @ spikes

    def unlikely(model: Any) -> Array:
        forced = teacher_forced(resolve(model), current, spikes, record.dt)
        trace = gaussian_log_density(forced.v, v, SD, where=counts > 0.0)
        return -(forced.log_probability.sum() + trace.sum() * (record.dt / CORRELATED)) / spikes.sum()

    def loss(model: Any) -> Array:
        # The derivative of a spike by chance is that of its probability.
        runs = jnp.broadcast_to(current[:, None], (len(current), FREE_RUNS, current.shape[1]))
        found = jnp.tensordot(within, Feedforward(None, resolve(model), dt=record.dt)(runs, key=noise), 1).mean(0)
        return unlikely(model) + WEIGHT * jnp.mean((found - recorded) ** 2 / (1.0 + recorded))

    def descend(models: Any, loss: Any, steps: int, rate: float) -> Any:
        optim = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(rate, steps)))
        trained = lambda m: [x for x in jax.tree.leaves(m, is_leaf=_is_bounded) if _is_bounded(x)]
        return multi_start(models, loss, optim=optim, steps=steps, where=trained)

    likely = descend(models, unlikely, args.steps, args.rate)
    best = np.argsort(likely.losses)[: max(args.starts // 3, 1)]
    pick = lambda x: x[best] if eqx.is_inexact_array(x) else x
    found = descend(jax.tree.map(pick, likely.models), loss, args.steps, args.rate)
    return resolve(found.best), float(found.losses.min())


def _is_bounded(x: Any) -> bool:
    return isinstance(x, Bounded)


def played(model: Any, record: Record, key: Key) -> tuple[np.ndarray, np.ndarray]:
    """Voltages and spikes of `REPEATS` free runs of each sweep, `[steps, repeats, sweeps]`."""
    steps, sweeps = record.current.shape
    population = Population(model, (REPEATS, sweeps))
    records = {"v": voltage(), "spikes": output()}
    run = simulate(
        population, steps * record.dt, record.dt, Samples(record.current[:, None]), record=records, key=key
    ).records
    v, spikes = (np.asarray(run[name].values).reshape(steps, REPEATS, sweeps) for name in ("v", "spikes"))
    return v, spikes


def split(sweeps: Sweeps, spikes: np.ndarray) -> tuple[list[int], list[int]]:
    """Which sweeps to learn from, and which to leave out: of those that fire under a positive current every second one, but not
    the last."""
    on = sweeps.stimulus()
    firing = [i for i in range(len(spikes)) if spikes[i, on].any() and sweeps.current[i, on].mean() > 0.0]
    out = firing[-2::-2][::-1]
    return [i for i in range(len(spikes)) if i not in out], out


def train(args: argparse.Namespace, sweeps: Sweeps, key: Key) -> tuple[dict[str, Any], Any]:
    """What one fit finds, and the data of its figure."""
    record, on = record_of(sweeps), sweeps.stimulus()
    levels, on = sweeps.current[:, on].mean(1), on[: len(record.v) * BIN : BIN]
    learnt, out = split(sweeps, sweeps.spikes())
    fit_key, run_key = jr.split(key)
    model, loss = fitted(record.only(learnt), on, fit_key, args)
    v, spikes = played(model, record, run_key)
    counts, recorded = spikes[on].sum(0).mean(0), record.spikes[on].sum(0)
    error = lambda which: float(np.abs(counts - recorded)[which].sum() / recorded[which].sum())
    seconds = on.sum() * record.dt / 1000.0
    result = {
        "error": round(error(learnt), 4),
        "error_left_out": round(error(out), 4),
        "loss": round(loss, 4),
        "pA": levels.tolist(),
        "Hz": [round(float(x) / seconds, 2) for x in counts],
        "recorded_Hz": [round(float(x) / seconds, 2) for x in recorded],
        "left_out": levels[out].tolist(),
    }
    return result, (record, v[:, 0], spikes[:, 0], result)


def main(args: argparse.Namespace) -> None:
    """Fit a cell for each seed. Progress goes to standard error, the result to standard output."""
    sweeps = load_patch_clamp(args.data, args.cell)
    began, found, best = time.perf_counter(), [], None
    for seed in range(args.seeds):
        result, drawn = train(args, sweeps, jr.key(seed))
        if best is None or result["loss"] < best[0]["loss"]:
            best = result, drawn
        found.append(result)
        _report.progress(f"seed {seed}   {result}   {time.perf_counter() - began:.1f} s")
    if args.figure:
        from ._cell_figure import draw

        draw(Path(args.figure), args.model, *best[1])  # pyright: ignore[reportOptionalSubscript]
    shown = ("error", "error_left_out", "loss")
    result = {
        "task": "cell",
        "cell": args.cell,
        "model": args.model,
        **{name: [each[name] for each in found] for name in shown},
        **{name: best[0][name] for name in ("pA", "Hz", "recorded_Hz", "left_out")},  # pyright: ignore[reportOptionalSubscript]
        "seeds": list(range(args.seeds)),
        "starts": args.starts,
        "steps": args.steps,
        "run_s": round(time.perf_counter() - began, 2),
    }
    _report.show(result, args.json)
