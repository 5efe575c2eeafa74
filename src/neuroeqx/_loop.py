"""The two loops over time: a compiled chunk for runs from Python, a scan for runs inside a transformation.

Both call the same step. Outside of transformations the number of steps is not part of the program, records are drained to
the host chunk by chunk, and spike lists have no limit. Inside, everything has a fixed length and can be differentiated.
"""

import dataclasses
import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax import lax
from jaxtyping import Array, Int

from . import ops
from ._abstract import Form
from ._checkpointed import checkpointed_scan
from ._correlation import PairBuffer
from ._interfaces import AbstractDrive
from ._types import Key, Output, State
from .fuse import either, scan as fused_scan, while_loop
from .network import Network, NetworkState, Population
from .sources import Samples


# Options of the CPU compiler (others ignore them). With the first a while loop keeps its state in place instead of copying
# it in every step: 3.1 against 4.9 us per step of 4,000 LIF neurons. With the second vectors are as wide as the processor
# has them: 23 against 34 us per step of 4,000 Hodgkin-Huxley neurons, whose time is spent in exponentials.
COMPILER_OPTIONS = {"xla_cpu_copy_insertion_use_region_analysis": True, "xla_cpu_prefer_vector_width": 512}
# XLA divides every loop over more than some ten thousand numbers among all processors, and a step is a handful of such loops:
# 40,000 LIF neurons take 76 us on two processors and 30 us on one. Below this many numbers in the largest array of the state
# the division is switched off. (Plastic weights do not count: rules of spikes go along active rows, in many short loops.)
SINGLE_THREAD_BELOW = 2**18


@jtu.register_dataclass
@dataclasses.dataclass(frozen=True)
class Run:
    """What does not change during a run: the model, its inputs, its recorders, the origin of time.

    - `origin`: the number of the first step, int32.

    (Not an `equinox.Module`, of which one takes as long to make as twenty steps. JAX puts anything into the fields.)
    """

    model: Any
    inputs: Any
    recorders: Any
    origin: Any
    key: Any
    dt: float = dataclasses.field(metadata={"static": True})
    fused: bool = dataclasses.field(metadata={"static": True})

    def step(self, state: State, s: Int[Array, ""], inputs: Any) -> tuple[State, Output]:
        """The s-th step of the run."""
        t, key, drive = self.moment(s, inputs)
        return self.model.step(state, drive, dt=self.dt, t=t, key=key)

    def moment(self, s: Int[Array, ""], inputs: Any) -> tuple[Array, Key | None, Any]:
        """The time, the key and the drive of the s-th step. Time and keys follow from a count of steps, so neither drifts."""
        i = self.origin + s
        t = i.astype(float) * self.dt
        key = None if self.key is None else jax.random.fold_in(self.key, i)
        return t, key, _evaluate(inputs, s, t, self.dt, key)

    def record(self, state: State, output: Output) -> list[Array]:
        return [recorder(self.model, state, output) for recorder in self.recorders]


def is_input(x: Any) -> bool:
    return isinstance(x, AbstractDrive | Samples) or callable(x)


def _evaluate(inputs: Any, s: Int[Array, ""], t: Array, dt: float, key: Key | None) -> Any:
    leaves, treedef = jtu.tree_flatten(inputs, is_leaf=is_input)
    values = []
    for j, leaf in enumerate(leaves):
        if isinstance(leaf, Samples):
            leaf = lax.dynamic_index_in_dim(leaf.values, s, 0, keepdims=False)
        elif isinstance(leaf, AbstractDrive):
            own = None if key is None else jax.random.fold_in(key, 2**31 - 1 - j)
            leaf = leaf(t, dt=dt, key=own)
        elif callable(leaf):
            leaf = leaf(t)
        values.append(leaf)
    return treedef.unflatten(values)


class EventBuffer(eqx.Module):
    """Room for events, each a (step, neuron), and the number of events so far."""

    rows: Int[Array, "capacity 2"]
    count: Int[Array, ""]

    @classmethod
    def empty(cls, capacity: int) -> "EventBuffer":
        return cls(jnp.zeros((capacity, 2), jnp.int32), jnp.zeros((), jnp.int32))

    def append(self, x: Array, step: Int[Array, ""]) -> "EventBuffer":
        x = lax.stop_gradient(x).reshape(-1)
        return EventBuffer(*ops.events.append_events(self.rows, self.count, x, step))


# Pairs are added up in single precision, which counts to 2^24.
PAIR_STEPS = 2**12
Buffer = EventBuffer | PairBuffer


def advance(
    form: Form, fixed: list[Any], stop: Array, start: Array, state: list[Any], buffers: list[Any]
) -> tuple[Array, list[Any], list[Any]]:
    """Run from step `start` until step `stop`, or until some buffer may not have room for one step more.

    **Arguments:**

    - `form`: the structure of the run and its state.
    - `fixed`, `state`: the arrays of the run and of its state. The memory of `start`, `state` and `buffers` is taken over.
    - `buffers`: one of each recorder: an `EventBuffer`, a `PairBuffer`, or an array of `[slots, ...]` for a trace.

    **Returns:** the step reached, the state, and the filled buffers.
    """
    return (_advance_small if _largest(form) < SINGLE_THREAD_BELOW else _advance_large)(
        (form, fixed, stop), start, state, buffers
    )


@functools.lru_cache(maxsize=256)
def _largest(form: Form) -> int:
    """The size of the largest array of the state that loops go over."""
    _, state = form.abstract()
    weights = jtu.tree_leaves(state.weights) if isinstance(state, NetworkState) else []
    return max(
        (x.size for x in jtu.tree_leaves(eqx.filter(state, _is_shape)) if not any(x is w for w in weights)), default=0
    )


def _is_shape(x: Any) -> bool:
    return isinstance(x, jax.ShapeDtypeStruct)


def _advance(
    given: tuple[Form, list[Any], Array], start: Array, arrays: list[Any], buffers: list[Any]
) -> tuple[Array, list[Any], list[Any]]:
    form, fixed, stop = given
    run, state = form.of([*fixed, *arrays])

    def room(s: Array, counts: list[Any], ahead: int) -> Array:
        """Whether there is a step `s` to come, which `ahead` steps with any number of events may precede."""
        goes_on = s < stop
        for buffer, count, size in zip(buffers, counts, sizes, strict=True):
            if isinstance(buffer, EventBuffer):
                goes_on = goes_on & (count <= buffer.rows.shape[0] - (1 + ahead) * size)
            else:
                goes_on = goes_on & (s - start < size)
        return goes_on

    def one(carry: tuple[Array, Array, State, list[Any]]) -> tuple[Array, Array, State, list[Any]]:
        _, s, state, buffers = carry
        # Told before the events of this step are known, so that native code can prepare the next one.
        goes_on = room(s + 1, _counts(buffers), 1)
        state, output = run.step(state, s, run.inputs)
        return goes_on, s + 1, state, _written(run, buffers, run.record(state, output), s, start)

    shapes = jax.eval_shape(lambda s: run.record(*run.step(s, start, run.inputs)), state)
    sizes = [_size(recorder, buffer, x) for recorder, buffer, x in zip(run.recorders, buffers, shapes, strict=True)]
    loop = while_loop if run.fused else lax.while_loop
    carry = room(start, _counts(buffers), 0), start, state, buffers
    _, reached, state, buffers = loop(lambda carry: carry[0], one, carry)
    return reached, [x for x in jtu.tree_leaves(state) if eqx.is_array(x)], buffers


def _size(recorder: Any, buffer: Any, x: Any) -> int:
    """How many events there can be in a step, or in how many steps the buffer is full."""
    if isinstance(buffer, EventBuffer):
        return x.size
    return PAIR_STEPS if isinstance(buffer, PairBuffer) else (buffer.shape[0] - 1) * recorder.stride


def _written(run: Run, buffers: list[Any], values: list[Array], s: Array, start: Array) -> list[Any]:
    """The buffers with what step `s` of a chunk that began with step `start` records."""
    written = []
    for recorder, buffer, x in zip(run.recorders, buffers, values, strict=True):
        if isinstance(buffer, Buffer):
            written.append(buffer.append(x, s))
        else:
            # Steps between samples write to the slot of the sample to come, which the last of them fills for good: cheaper
            # than a branch.
            slot = s // recorder.stride - start // recorder.stride
            written.append(lax.dynamic_update_index_in_dim(buffer, x.astype(buffer.dtype), slot, 0))
    return written


def spikes_under_way(model: Any, state: State) -> list[Any]:
    """The arrays of the state of a network that are 0 or 1 everywhere."""
    if not isinstance(model, Network):
        return []
    histories = [
        state.histories[name]
        for name, population in model.populations.items()
        if isinstance(population, Population) and population.is_spiking and name in state.histories
    ]
    return [x for history in histories for x in (history.last, history.ring) if x is not None]


def _counts(buffers: list[Any]) -> list[Array | None]:
    return [buffer.count if isinstance(buffer, EventBuffer) else None for buffer in buffers]


def _compiled(options: dict[str, Any]) -> Any:
    settings: Any = {"donate": "all-except-first", "compiler_options": options}
    return eqx.filter_jit(_advance, **settings)


_advance_small = _compiled(COMPILER_OPTIONS | {"xla_disable_hlo_passes": "cpu-parallel-task-assigner"})
_advance_large = _compiled(COMPILER_OPTIONS)


def run_traced(run: Run, state: State, steps: int, buffers: list[Buffer | None], checkpoints: int | None) -> Any:
    """As `scan`. On CPU the steps are one native loop where there is native code for them and nothing is differentiated."""
    meaning = lambda run, state, buffers: scan(run, state, steps, buffers, checkpoints)
    if not run.fused or checkpoints is not None or steps == 0:
        return meaning(run, state, buffers)
    arrays, static = eqx.partition((run, state, buffers), eqx.is_array)
    both = lambda function: lambda arrays: eqx.filter(function(*eqx.combine(arrays, static)), eqx.is_array)
    results = either(both(meaning), both(functools.partial(_rounds, steps)), arrays)
    # What is no array in the state stays as it is.
    return results[0] if state is None else eqx.combine(results[0], static[1]), *results[1:]


def _rounds(steps: int, run: Run, state: State, buffers: list[Buffer | None]) -> Any:
    """The same steps as a loop that writes its traces into arrays, which native code does in place."""
    zero = jnp.zeros((), jnp.int32)
    shapes = jax.eval_shape(lambda s: run.record(*run.step(s, zero, run.inputs)), state)
    places: list[Any] = [
        buffer if isinstance(buffer, Buffer) else jnp.zeros((steps // recorder.stride + 1, *x.shape), x.dtype)
        for recorder, buffer, x in zip(run.recorders, buffers, shapes, strict=True)
    ]

    def one(carry: tuple[Array, State, list[Any]]) -> tuple[Array, State, list[Any]]:
        s, state, places = carry
        state, output = run.step(state, s, run.inputs)
        return s + 1, state, _written(run, places, run.record(state, output), s, zero)

    _, state, places = while_loop(lambda carry: carry[0] < steps, one, (zero, state, places))
    buffers = [place if isinstance(place, Buffer) else None for place in places]
    # What follows the last sample went to a slot of its own.
    return state, buffers, [None if isinstance(place, Buffer) else place[:-1] for place in places]


def scan(run: Run, state: State, steps: int, buffers: list[Buffer | None], checkpoints: int | None) -> Any:
    """The same steps as a `lax.scan`, for use inside transformations.

    **Returns:** the state, the buffers, and for every recorder its trace (or `None`).
    """
    inputs, treedef = jtu.tree_flatten(run.inputs, is_leaf=is_input)
    # Samples travel as the scan's own inputs: their gradient is then written once per step, not accumulated over all.
    timed = [x.values if isinstance(x, Samples) else None for x in inputs]

    def body(carry: tuple[State, list[Any]], x: tuple[Array, list[Array | None]]) -> Any:
        state, buffers = carry
        s, now = x
        drives = [drive if value is None else value for drive, value in zip(inputs, now, strict=True)]
        state, output = run.step(state, s, treedef.unflatten(drives))
        values = run.record(state, output)
        buffers = [None if buffer is None else buffer.append(x, s) for buffer, x in zip(buffers, values, strict=True)]
        traces = [x if buffer is None else None for buffer, x in zip(buffers, values, strict=True)]
        return (state, buffers), traces

    xs = (jnp.arange(steps, dtype=jnp.int32), timed)
    if checkpoints is None:
        # One kernel for all steps where no cell knows of another one.
        loop = fused_scan if run.fused else lax.scan
        (state, buffers), traces = loop(body, (state, buffers), xs, steps)
    else:
        spikes = lambda carry: spikes_under_way(run.model, carry[0])
        (state, buffers), traces = checkpointed_scan(body, (state, buffers), xs, steps, checkpoints, spikes)
    traces = [
        None if trace is None else trace[recorder.stride - 1 :: recorder.stride]
        for recorder, trace in zip(run.recorders, traces, strict=True)
    ]
    return state, buffers, traces
