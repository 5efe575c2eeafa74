"""Runs of networks of integrate-and-fire neurons in which spikes have times, not steps."""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from .._checkpointed import checkpointed_scan
from .._types import Key
from .._wrappers import Refractory
from ..connect import CSR, Dense, FanOut
from ..network import History, Network, Population
from ..neurons import HardReset, Leaky, LIF
from ..sources import SpikeTimes, SpikeTimesState
from ..synapses import CUBA, Expon
from ._located import Arrivals, fire, Fired, Membrane
from ._objective import Objective
from ._places import places


def exact_outputs(
    model: Network, t1: float, dt: float, inputs: Any = None, *, key: Key | None = None
) -> dict[str, Array]:
    """The run of which `value_and_grad(method="exact")` gives the gradient, a function that JAX differentiates: for losses in
    `fit`, and for what is measured of a model that was trained so.

    Of `SpikeTimes`, spikes have their own times within the step, to the microsecond; at most one of a source in a step.

    **Arguments:**

    - `model`: a network as `value_and_grad` takes for this method.
    - `t1`, `dt`, `inputs`, `key`: as in `simulate`.

    **Returns:** what populations put out in each step, `[steps, ...]`, by name: spikes as 0 and 1, and voltages of `Leaky`
    cells at the ends of steps, which are functions of the times of spikes.
    """
    return outputs_of(Objective(lambda outputs, targets: jnp.zeros(()), t1, dt), model, inputs, key=key)


def outputs_of(
    objective: Objective, model: Any, inputs: Any, *, key: Key | None, checkpoint: int | None = None
) -> dict[str, Array]:
    """As `exact_outputs`; `checkpoint` as in `simulate`."""
    check(model)
    run, first, _ = objective.begin(model, inputs, key=key, state=None)
    matrices = {name: _matrices(model, name, run.dt) for name in model.projections}
    longest: dict[str, int] = {}
    for name, by_lag in matrices.items():
        source = model.projections[name].pre.name
        longest[source] = max([longest.get(source, 1), *by_lag])
    states, lines = {}, {}
    for name, population in model.populations.items():
        n = _size(population)
        if isinstance(population, Population):
            v = first.populations[name].v.reshape(-1)
            zero = jnp.zeros_like(v)
            currents = {receptor: zero for receptor in population.receptors}
            states[name] = Fired(v, zero, zero, jnp.zeros(n, jnp.int32)), currents
        else:
            states[name] = first.populations[name]
        if name in longest:
            # Spikes, and their times within the step.
            lines[name] = tuple(History.silent(n, longest[name], jnp.zeros(()).dtype) for _ in range(2))

    def step(carry: Any, s: Array) -> Any:
        states, lines = carry
        t, own, drive = run.moment(s, run.inputs)
        drives = {} if drive is None else drive
        lines = {name: tuple(x.turn() for x in pair) for name, pair in lines.items()}
        after, outputs, at = {}, {}, {}
        for name, population in model.populations.items():
            if not isinstance(population, Population):
                after[name], outputs[name] = population.step(
                    states[name], drives.get(name), dt=run.dt, t=t, key=model.key_of(name, own)
                )
                if isinstance(population, SpikeTimes):
                    at[name] = _given(population, states[name], after[name], run.dt)
                continue
            arrivals = _arrivals(model, name, states[name][1], matrices, lines)
            after[name], outputs[name] = _moved(population, states[name], arrivals, drives.get(name), run.dt)
            at[name] = after[name][0].at
        for name, (spikes, times) in lines.items():
            z = outputs[name].reshape(-1)
            lines[name] = spikes.push(z), times.push(at.get(name, jnp.zeros_like(z)))
        return (after, lines), outputs

    start, steps = (states, lines), jnp.arange(objective.steps, dtype=jnp.int32)
    if checkpoint is None:
        return lax.scan(step, start, steps)[1]
    spikes = lambda carry: [x for line, _ in carry[1].values() for x in (line.last, line.ring) if x is not None]
    return checkpointed_scan(step, start, steps, objective.steps, checkpoint, spikes)[1]


def _given(source: SpikeTimes, before: SpikeTimesState, after: SpikeTimesState, dt: float) -> Array:
    """When in this step each source spikes, 0 for those that do not."""
    number = jnp.arange(source.microseconds.shape[0], dtype=jnp.int32)
    now = (number >= before.emitted) & (number < after.emitted)
    since = (source.microseconds - before.step * round(dt * 1000.0)).astype(jnp.zeros(()).dtype) / 1000.0
    spikes = jnp.zeros(source.shape, jnp.int32).at[source.indices].add(now.astype(jnp.int32))
    times = jnp.zeros(source.shape, since.dtype).at[source.indices].add(jnp.where(now, since, 0.0))
    return eqx.error_if(times, jnp.any(spikes > 1), "exact: a source spikes twice within a step; take a shorter dt.")


def _moved(population: Population, state: Any, arrivals: dict[str, Arrivals], drive: Any, dt: float) -> Any:
    """A step of one population: its state, and what it puts out."""
    fired, _ = state
    cell, period = population.cell, jnp.int32(0)
    if isinstance(cell, Refractory):
        period, cell = jnp.round(cell.t_ref / dt).astype(jnp.int32), cell.cell
    steady = jnp.asarray(0.0 if drive is None else drive, fired.v.dtype)
    if population.i0 is not None:
        steady = steady + population.i0
    flat = lambda x: jnp.broadcast_to(x, population.shape).reshape(-1)
    tau, r, v_rest = (flat(x) for x in (cell.tau, cell.r, cell.v_rest))  # pyright: ignore
    membrane = Membrane(fired.v, v_rest + r * flat(steady), r, tau, list(arrivals.values()))
    end = jnp.full_like(fired.v, dt)
    if isinstance(cell, LIF):
        after = fire(membrane, fired, flat(cell.v_th), flat(cell.v_reset), flat(period), dt)
        output = after.spike
    else:
        after = fired._replace(v=membrane.free(end))
        output = after.v
    currents = {receptor: each.current(end) for receptor, each in arrivals.items()}
    return (after, currents), output.reshape(population.shape)


def _arrivals(model: Network, name: str, currents: Any, matrices: Any, lines: Any) -> dict[str, Arrivals]:
    """What arrives at a population in this step, by receptor."""
    population = model.populations[name]
    found = {}
    for receptor, own in population.receptors.items():
        tau = jnp.broadcast_to(own.syn.tau, population.shape).reshape(-1)
        start = currents[receptor]
        weights, when = [jnp.zeros((0, start.shape[0]), start.dtype)], [jnp.zeros(0, start.dtype)]
        for p, projection in model.projections.items():
            if projection.post.name != name or projection.receptor != receptor:
                continue
            spikes, times = lines[projection.pre.name]
            begin, end = projection.pre.bounds(spikes.last.shape[0])
            for lag, matrix in matrices[p].items():
                z, at = (x.read(lag)[begin:end] for x in (spikes, times))
                weights.append(z[:, None] * matrix)
                when.append(at)
        found[receptor] = Arrivals(jnp.concatenate(weights), jnp.concatenate(when), tau, start)
    return found


def _matrices(model: Network, name: str, dt: float) -> dict[int, Array]:
    """The weights of a projection to all cells of its target, by how many steps later they act."""
    projection = model.projections[name]
    target = model.populations[projection.post.name]
    comm: Any = projection.comm
    first = projection.steps(dt) + target.receptors[projection.receptor].lag
    start, stop = projection.post.bounds(target.size)
    rest = ((0, 0), (start, target.size - stop))
    if not projection.delays:
        return {first: jnp.pad(comm.todense(), rest)}
    sources, targets, delays = places("exact", comm)
    weight = jnp.broadcast_to(comm.weight, comm.columns.shape).reshape(-1)
    each = jnp.zeros((comm.horizon, *comm.shape), weight.dtype).at[delays - 1, sources, targets].add(weight)
    return {first + k: jnp.pad(each[k], rest) for k in range(comm.horizon)}


def _size(population: Any) -> int:
    return math.prod(population.shape)


def check(model: Any) -> None:
    """Raises an error for what is not solved in closed form."""
    if not isinstance(model, Network):
        raise TypeError(f"exact: the model must be a Network, got {type(model).__name__}.")
    for name, population in model.populations.items():
        if not isinstance(population, Population):
            continue
        cell = population.cell.cell if isinstance(population.cell, Refractory) else population.cell
        if not isinstance(cell, LIF) and not (isinstance(cell, Leaky) and cell is population.cell):
            raise TypeError(
                f"exact: the cells of {name!r} must be LIF (perhaps Refractory) or Leaky, got {type(cell).__name__}; "
                "times of spikes of others are not known in closed form."
            )
        if isinstance(cell, LIF) and not isinstance(cell.resetting, HardReset):
            raise TypeError(f"exact: the cells of {name!r} must have HardReset(), got {type(cell.resetting).__name__}.")
        for receptor, own in population.receptors.items():
            if not isinstance(own.syn, Expon) or not isinstance(own.out, CUBA):
                raise TypeError(
                    f"exact: receptor {receptor!r} of {name!r} must be Receptor(Expon(...), CUBA()), got "
                    f"{type(own.syn).__name__} and {type(own.out).__name__}."
                )
    for name, projection in model.projections.items():
        if projection.plasticity is not None or projection.coupling is not None or projection.release is not None:
            raise ValueError(
                f"exact: projection {name!r} has a release, a coupling or plasticity, which are not followed."
            )
        if projection.interpolated is not None:
            raise ValueError(f"exact: projection {name!r} has `delay`=Interpolated(...); only spikes have times.")
        pre = model.populations[projection.pre.name]
        if isinstance(pre, Population) and isinstance(pre.cell, Leaky):
            raise ValueError(f"exact: projection {name!r} sends a voltage; only spikes have times.")
        if not isinstance(projection.comm, Dense | CSR | FanOut):
            raise TypeError(f"exact: the synapses of projection {name!r} are not stored one by one; use `to_csr()`.")
