"""Running a model over time."""

import functools
import sys
import time
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ._abstract import Form, form
from ._correlation import Bins, PairBuffer
from ._interfaces import AbstractDynamics
from ._loop import advance, EventBuffer, is_input, Run, run_traced
from ._record import Recorder, Spikes
from ._types import is_traced, is_tracer, Key, State
from ._wrappers import check_periods
from .network import in_range, Network, Population
from .sources import Samples


class Solution(eqx.Module):
    """What `simulate` returns.

    - `t0`, `t1`, `dt`: ms.
    - `records`: by the names given to `simulate`, each a `Spikes`, a `Trace` or a `Correlogram`.
    - `state`: the model's final state. `simulate(model, t2, dt, state=sol.state, t0=sol.t1, key=key)` goes on from it,
        bit for bit as if there had been one run.
    """

    t0: float = eqx.field(static=True)
    t1: float = eqx.field(static=True)
    dt: float = eqx.field(static=True)
    records: dict[str, Any]
    state: State


def simulate(
    model: AbstractDynamics,
    t1: float,
    dt: float,
    inputs: Any = None,
    *,
    t0: float = 0.0,
    record: Mapping[str, Recorder] | None = None,
    state: State | None = None,
    key: Key | None = None,
    checkpoint: int | None = None,
    progress: bool = False,
    fused: bool = True,
) -> Solution:
    """Run a model from `t0` to `t1` in steps of `dt`.

    Works as it is inside `jax.jit`, `eqx.filter_grad` and `eqx.filter_vmap`. Called from Python, the program is compiled
    once for each structure of the model and serves runs of every length.

    **Arguments:**

    - `model`: a `Network`, a `Population`, or any `AbstractDynamics`.
    - `t1`: the end, ms. `t1 - t0` must be a whole number of steps.
    - `dt`: the step, ms; a Python number.
    - `inputs`: what `model.step` takes: for a network a dictionary from population to drive, for a population a drive. A
        drive is a number or array (constant in time), a `Samples` (an array over time), a function of time
        `t -> array`, or a current such as `StepCurrent(...)`.
    - `t0`: the beginning, ms; a whole number of steps.
    - `record`: recorders by name: `spikes`, `rate`, `correlation`, `voltage`, `output`, `weights`, `state`.
    - `state`: where to begin; `model.init(dt=dt, key=...)` by default. It is not consumed.
    - `key`: randomness of the initial state and of every step. The same key at the same time gives the same draw, so a
        run in parts equals a run in one.
    - `checkpoint`: only for reverse-mode gradients: the number of states to keep at a time, at least 2, from which the rest
        is computed again. A run is divided into as many parts, these again, until parts are no longer than twice that: with
        100 some 20,000 steps are computed twice, two million three times. Memory grows with this number, not with the number of
        steps. All is kept by default. `nex.learn.value_and_grad(memory="256MiB")` finds the number.
    - `progress`: show a progress bar on standard error.
    - `fused`: on CPU, run all steps in one native call, if everything in them has native code (`explain` says whether).
        The result is the same to rounding. Gradients are those of `fused=False`.

    **Returns:** a `Solution`. Its records are NumPy arrays, or JAX arrays inside a transformation.

    **Errors:** `ValueError` for times, delays and refractory periods that are no whole number of steps, for unknown names,
    and for inputs or states of the wrong shape.
    """
    if checkpoint is not None and checkpoint < 2:
        raise ValueError(f"simulate: `checkpoint` must be at least 2 states, got {checkpoint}.")
    first, steps = count_steps(t0, t1, dt)
    check_periods(model, dt)
    recorders = {} if record is None else dict(record)
    for name, recorder in recorders.items():
        if not isinstance(recorder, Recorder):
            raise TypeError(
                f"simulate: `record[{name!r}]` must be a recorder such as nex.spikes('E'), got {recorder!r}."
            )
    init_key, run_key = (None, None) if key is None else jax.random.split(key)
    given = state is not None
    if state is None:
        state = model.init(dt=dt, key=init_key)
    inputs = jtu.tree_map(lambda x: x if is_input(x) else jnp.asarray(x, dtype=float), inputs, is_leaf=is_input)
    check_inputs(model, inputs, steps)
    run = Run(model, inputs, tuple(recorders.values()), np.asarray(first, np.int32), run_key, dt, fused)
    # A check takes as long as hundreds of steps, so a run of the same form as one before is not checked again.
    same, arrays = form((run, state))
    shapes = _checked(same, given)
    _check_selections(recorders, shapes)
    values = [value for _, value in shapes]
    if given and isinstance(model, Network):
        state = in_range(model, state, dt)
    if is_traced(arrays, key):
        return _simulate_traced(run, state, t0, t1, steps, list(recorders), values, checkpoint)
    return _simulate_chunks(run, same, arrays, t0, t1, steps, list(recorders), values, progress)


# The memory that the records of one chunk may take.
_CHUNK_BYTES = 32 * 2**20


def _simulate_chunks(
    run: Run,
    same: Form,
    arrays: list[Any],
    t0: float,
    t1: float,
    steps: int,
    names: list[str],
    shapes: list[Any],
    progress: bool,
) -> Solution:
    slots = _slots(run, shapes)
    spaces = tuple(
        _space(recorder, shape, slots, run.dt) for recorder, shape in zip(run.recorders, shapes, strict=True)
    )
    fixed = arrays[: len(arrays) - same.last]
    # The loop takes over the memory of its state, of which a leaf may be shared with the model or the caller.
    state, buffers, reached, stop = _begin(arrays[len(fixed) :], np.int32(steps), spaces)
    kept: list[list[Any]] = [[] for _ in names]
    bar = _Progress(steps, run.dt) if progress else None
    start = 0
    while start < steps:
        reached, state, buffers = advance(same, fixed, stop, reached, state, buffers)
        end = int(reached)
        for i, (recorder, buffer) in enumerate(zip(run.recorders, buffers, strict=True)):
            # Cut by NumPy: JAX would compile a program for each new length.
            if isinstance(buffer, EventBuffer):
                kept[i].append(np.asarray(buffer.rows)[: int(buffer.count)].copy())
                if end < steps:
                    buffers[i] = EventBuffer(buffer.rows, jnp.zeros((), jnp.int32))
            elif isinstance(buffer, PairBuffer):
                kept[i].append(jtu.tree_map(lambda x: np.asarray(x).astype(np.float64), buffer))
                buffers[i] = buffer.emptied()
            else:
                kept[i].append(np.asarray(buffer)[: end // recorder.stride - start // recorder.stride].copy())
        start = end
        if bar is not None:
            bar.show(end)
    records = {}
    for name, recorder, shape, parts in zip(names, run.recorders, shapes, kept, strict=True):
        if recorder.events:
            rows = np.concatenate([np.zeros((0, 2), np.int32), *parts])
            records[name] = Spikes(rows[:, 0], rows[:, 1], len(rows), shape.size, t0, t1, run.dt)
        elif recorder.pairs is not None:
            records[name] = recorder.correlogram(parts, run.dt)
        else:
            values = np.concatenate([np.zeros((0, *shape.shape), shape.dtype), *parts])
            records[name] = recorder.trace(values, t0, run.dt)
    return Solution(t0, t1, run.dt, records, same.of([*fixed, *state])[1])


def _space(recorder: Recorder, shape: Any, slots: int, dt: float) -> Any:
    """What the buffer of a record has room for: a number of events, pairs in bins, or an array."""
    if recorder.events:
        return max(4 * shape.size, 2**16)
    if recorder.pairs is not None:
        return recorder.bins(dt), shape.dtype
    return (slots, *shape.shape), shape.dtype


def _empty(space: Any) -> Any:
    if isinstance(space, int):
        return EventBuffer.empty(space)
    within, dtype = space
    return PairBuffer.empty(within, dtype) if isinstance(within, Bins) else jnp.zeros(within, dtype)


@functools.partial(jax.jit, static_argnums=2)
def _begin(leaves: list[Any], steps: Any, spaces: tuple[Any, ...]) -> tuple[Any, list[Any], Any, Any]:
    """Copies of leaves, empty buffers, a zero, and the number of steps: in one program, for each call takes its time."""
    buffers = [_empty(space) for space in spaces]
    return [jnp.array(leaf) for leaf in leaves], buffers, jnp.zeros((), jnp.int32), steps


def _simulate_traced(
    run: Run,
    state: State,
    t0: float,
    t1: float,
    steps: int,
    names: list[str],
    shapes: list[Any],
    checkpoint: int | None,
) -> Solution:
    buffers = []
    for name, recorder, shape in zip(names, run.recorders, shapes, strict=True):
        if not recorder.events:
            buffers.append(None if recorder.pairs is None else _empty(_space(recorder, shape, 0, run.dt)))
            continue
        capacity = shape.size * steps if recorder.capacity is None else recorder.capacity
        if recorder.capacity is None and capacity > 2**22:
            raise ValueError(
                f"simulate: inside a transformation the spikes of record {name!r} need a fixed number of entries, and "
                f"room for every neuron to spike in every step would be {capacity}. Give spikes(..., capacity=...)."
            )
        buffers.append(EventBuffer.empty(capacity))
    state, buffers, traces = run_traced(run, state, steps, buffers, checkpoint)
    records = {}
    for name, recorder, shape, buffer, trace in zip(names, run.recorders, shapes, buffers, traces, strict=True):
        if isinstance(buffer, EventBuffer):
            count = eqx.error_if(
                buffer.count,
                buffer.count > buffer.rows.shape[0],
                f"simulate: more spikes than record {name!r} has room for ({buffer.rows.shape[0]}): raise "
                "spikes(..., capacity=...).",
            )
            records[name] = Spikes(buffer.rows[:, 0], buffer.rows[:, 1], count, shape.size, t0, t1, run.dt)
        elif isinstance(buffer, PairBuffer):
            records[name] = recorder.correlogram([buffer], run.dt)
        else:
            records[name] = recorder.trace(trace, t0, run.dt)
    return Solution(t0, t1, run.dt, records, state)


def _slots(run: Run, shapes: list[Any]) -> int:
    """The length of the trace buffers of a chunk. It depends on the records only, never on the length of the run."""
    per_slot = sum(
        shape.size * np.dtype(shape.dtype).itemsize
        for recorder, shape in zip(run.recorders, shapes, strict=True)
        if not recorder.events and recorder.pairs is None
    )
    return int(np.clip(_CHUNK_BYTES // max(per_slot, 1), 16, 2**14)) + 1


def count_steps(t0: float, t1: float, dt: float) -> tuple[int, int]:
    """The first step, and the number of steps."""
    for name, value in (("t1", t1), ("dt", dt), ("t0", t0)):
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise TypeError(f"simulate: `{name}` must be a Python number, got {type(value).__name__}.")
        if not np.isfinite(value):
            raise ValueError(f"simulate: `{name}` must be finite, got {value}.")
    if dt <= 0.0:
        raise ValueError(f"simulate: `dt` must be positive, got {dt} ms.")
    if t1 < t0:
        raise ValueError(f"simulate: `t1` = {t1} ms lies before `t0` = {t0} ms.")
    counts = []
    for name, value in (("t0", t0), ("t1", t1)):
        exact = value / dt
        count = round(exact)
        if abs(exact - count) > 1e-6 * max(1.0, abs(exact)) or abs(count) >= 2**31:
            raise ValueError(
                f"simulate: `{name}` = {value:g} ms is not a whole number of steps of dt = {dt:g} ms; the nearest choices "
                f"are {np.floor(exact) * dt:g} and {np.ceil(exact) * dt:g} ms."
            )
        counts.append(count)
    return counts[0], counts[1] - counts[0]


def check_inputs(model: AbstractDynamics, inputs: Any, steps: int) -> None:
    """Names, shapes and lengths."""
    if isinstance(model, Network) and inputs is not None:
        if not isinstance(inputs, Mapping):
            raise TypeError(f"simulate: the `inputs` of a network are a dictionary by population, got {inputs!r}.")
        for name, drive in inputs.items():
            if name not in model.driven:
                raise ValueError(f"simulate: `inputs` names {name!r}; the network has {list(model.driven)}.")
            shape = model.driven[name]
            if shape is not None:
                _check_fit(f"of {name!r} ", drive, shape, steps)
    if isinstance(model, Population):
        _check_fit("", inputs, model.shape, steps)
    for leaf in jtu.tree_leaves(inputs, is_leaf=is_input):
        if isinstance(leaf, Samples) and leaf.values.shape[0] != steps:
            raise ValueError(
                f"simulate: `Samples` over time must have one entry for each of the {steps} steps, got "
                f"{leaf.values.shape[0]}."
            )


def _check_fit(whose: str, drive: Any, shape: tuple[int, ...], steps: int) -> None:
    if isinstance(drive, Samples):
        given = drive.values.shape[1:]
    elif is_input(drive) or drive is None:
        return  # a function of time, whose shape is not known before it is traced
    else:
        given = jnp.shape(drive)
    try:
        fits = np.broadcast_shapes(given, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        hint = " For an array over time use Samples(array)." if given[:1] == (steps,) else ""
        raise ValueError(
            f"simulate: the input {whose}has shape {given}, which does not broadcast to the population's shape {shape}.{hint}"
        )


@functools.lru_cache(maxsize=256)
def _checked(same: Form, given: bool) -> list[Any]:
    """Trace one step abstractly: the state must fit the model and keep its form.

    **Arguments:**

    - `same`: of the run and its state.
    - `given`: whether the state is not the model's own.

    **Returns:** for each record what it selects from, and what it keeps, as shapes.
    """
    run, state = same.abstract()
    if given:
        _check_state(run.model, state, run.dt)
    before, after, values = eqx.filter_eval_shape(_first_step, run, state)
    if jtu.tree_structure(before) != jtu.tree_structure(after):
        raise TypeError(
            f"simulate: the step of {type(run.model).__name__} changes the structure of its state, from "
            f"{jtu.tree_structure(before)} to {jtu.tree_structure(after)}."
        )
    pairs = zip(jtu.tree_leaves_with_path(before), jtu.tree_leaves(after), strict=True)
    for (path, a), b in pairs:
        if (a.shape, a.dtype) != (b.shape, b.dtype):
            raise TypeError(
                f"simulate: the step of {type(run.model).__name__} changes its state{jtu.keystr(path)} from "
                f"{a.dtype}{list(a.shape)} to {b.dtype}{list(b.shape)}; shapes and dtypes must stay."
            )
    return values


def _check_state(model: AbstractDynamics, state: State, dt: float) -> None:
    expected = eqx.filter_eval_shape(_init, model, dt)
    want, given = jtu.tree_structure(expected), jtu.tree_structure(state)
    same = want == given and all(
        a.shape == jnp.shape(b) and a.dtype == jnp.result_type(b)
        for a, b in zip(jtu.tree_leaves(expected), jtu.tree_leaves(state), strict=True)
    )
    if not same:
        raise ValueError(
            "simulate: `state` is not a state of this model at this dt: its structure, shapes or dtypes differ from those "
            "of model.init(dt=dt). (Delays are counted in steps, so a state belongs to its dt.)"
        )


def _init(model: AbstractDynamics, dt: float) -> State:
    return model.init(dt=dt, key=jax.random.key(0))


def _check_selections(recorders: Mapping[str, Recorder], shapes: list[Any]) -> None:
    for (name, recorder), (whole, _) in zip(recorders.items(), shapes, strict=True):
        if recorder.indices is not None and not is_tracer(recorder.indices):
            chosen = np.asarray(recorder.indices)
            if chosen.size and not (0 <= chosen.min() and chosen.max() < whole.size):
                raise ValueError(
                    f"simulate: record {name!r} selects {chosen.min()} ... {chosen.max()}, but there are {whole.size} "
                    f"cells, 0 ... {whole.size - 1}."
                )


def _first_step(run: Run, state: State) -> tuple[State, State, list[Any]]:
    """The state before and after a step, and for each recorder what it selects from and what it keeps."""
    after, output = run.step(state, jnp.zeros((), jnp.int32), run.inputs)
    values = [(r.select(run.model, after, output), r(run.model, after, output)) for r in run.recorders]
    return state, after, values


class _Progress:
    """A progress bar on standard error."""

    def __init__(self, steps: int, dt: float):
        self.steps, self.dt, self.began = steps, dt, time.perf_counter()

    def show(self, done: int) -> None:
        filled = int(30 * done / self.steps)
        took = time.perf_counter() - self.began
        left = took / done * (self.steps - done)
        line = f"\r{'█' * filled}{'·' * (30 - filled)} {done * self.dt:.0f}/{self.steps * self.dt:.0f} ms, {left:.0f} s left "
        sys.stderr.write(line if done < self.steps else line + "\n")
        sys.stderr.flush()
