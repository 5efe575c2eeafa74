"""What a simulation keeps: recorders, and the records they make."""

import functools
import operator
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from ._correlation import Bins, bins, Correlogram, PairBuffer
from ._fields import static
from ._interfaces import AbstractDynamics
from ._types import Output, State
from ._voltage import voltage as voltage_of
from .network import Network, Population


class Spikes(eqx.Module):
    """The spikes of some neurons during a run, as a list of events in order of time, then of neuron.

    - `steps`: the step of each event, counted from the beginning of the run, `[events]`.
    - `neurons`: the position of its neuron within the selection, `[events]`.
    - `count`: the number of events. Outside of `jit` the lists have this length; inside, the `capacity` of the
        recorder, and entries from `count` on are meaningless.
    """

    steps: Int[Array, " events"] | np.ndarray
    neurons: Int[Array, " events"] | np.ndarray
    count: Int[Array, ""] | int
    size: int = eqx.field(static=True)
    t0: float = eqx.field(static=True)
    t1: float = eqx.field(static=True)
    dt: float = eqx.field(static=True)

    @property
    def times(self) -> np.ndarray:
        """The time of each event, ms: the end of its step. (float64, on the host)"""
        return self.t0 + (np.asarray(self.steps)[: int(self.count)].astype(np.float64) + 1.0) * self.dt

    @property
    def indices(self) -> np.ndarray:
        """The neuron of each event, within the selection. (on the host)"""
        return np.asarray(self.neurons)[: int(self.count)]

    @property
    def rate(self) -> float:
        """Mean rate per neuron, Hz."""
        return float(self.count) / max(self.size, 1) / (self.t1 - self.t0) * 1000.0

    def counts(self) -> np.ndarray:
        """The number of spikes of each neuron, `[size]`."""
        return np.bincount(self.indices, minlength=self.size)

    def trains(self) -> list[np.ndarray]:
        """The spike times of each neuron, ms."""
        order = np.argsort(self.indices, kind="stable")
        return np.split(self.times[order], np.cumsum(self.counts())[:-1])

    def isi_cv(self, at_least: int = 3) -> float:
        """The coefficient of variation of interspike intervals, averaged over neurons of `at_least` spikes."""
        trains = [np.diff(train) for train in self.trains() if len(train) >= at_least]
        return float(np.mean([intervals.std() / intervals.mean() for intervals in trains])) if trains else float("nan")


class Trace(eqx.Module):
    """Values recorded at the end of every k-th step.

    - `values`: `[samples, ...]`.
    """

    values: Array | np.ndarray
    t0: float = eqx.field(static=True)
    dt: float = eqx.field(static=True)
    every: int = eqx.field(static=True)

    @property
    def ts(self) -> np.ndarray:
        """The time of each sample, ms: the end of its step. (float64, on the host)"""
        return self.t0 + np.arange(1, self.values.shape[0] + 1) * (self.every * self.dt)


class Recorder(eqx.Module):
    """What to keep of a run; made by `spikes`, `rate`, `correlation`, `voltage`, `output`, `weights` and `state`.

    - `select`: `(model, state, output of the step) -> array`.
    - `every`: keep every k-th step, the first being step k.
    - `events`: keep the non-zero entries as a list instead of the array.
    - `capacity`: the length of that list inside `jit`.
    - `is_rate`: keep the mean over cells and over each k steps, as a rate, instead of the array at each k-th step.
    - `pairs`: keep how many pairs of spikes of two trains, which `select` gives, are at each distance up to a largest in bins
        of a width (ms), instead of the trains.
    """

    select: Callable[[AbstractDynamics, State, Output], Array] = eqx.field(static=True)
    every: int = static(1)
    events: bool = static(False)
    capacity: int | None = static(None)
    is_rate: bool = static(False)
    pairs: tuple[float, float] | None = static(None)
    indices: Int[Array, " selected"] | None = None

    def __check_init__(self) -> None:
        if not isinstance(self.every, int) or self.every < 1:
            raise ValueError(f"`every` must be a whole number of steps, at least 1, got {self.every!r}.")

    def __call__(self, model: AbstractDynamics, state: State, output: Output) -> Array:
        value = self.select(model, state, output)
        value = value if self.indices is None else value.reshape(-1)[self.indices]
        return jnp.mean(value) if self.is_rate else value

    @property
    def stride(self) -> int:
        """How many steps lie between the values that the loop over time keeps: one number of each step for a rate."""
        return 1 if self.is_rate else self.every

    def bins(self, dt: float) -> Bins:
        """Of the distances of pairs."""
        assert self.pairs is not None
        return bins("correlation", *self.pairs, dt)

    def correlogram(self, buffers: list[PairBuffer], dt: float) -> Correlogram:
        """The record of the pairs in some parts of a run."""
        within = self.bins(dt)
        counts = [buffer.counts(within) for buffer in buffers] or [np.zeros(2 * within.reach + 1)]
        return Correlogram(within.centres(dt), functools.reduce(operator.add, counts))

    def trace(self, values: Any, t0: float, dt: float) -> Trace:
        """The record of the values that the loop has kept."""
        if self.is_rate:
            whole = len(values) // self.every * self.every
            values = values[:whole].reshape(-1, self.every).mean(1) * (1000.0 / dt)
        return Trace(values, t0, dt, self.every)


def spikes(name: str | None = None, indices: Any = None, *, capacity: int | None = None) -> Recorder:
    """Record spikes as a list of events: `Spikes`. Several spikes of a source in one step (`GammaProcess`, `SpikeTimes`) are
    one event; `rate`, `output` and `correlation` count all of them.

    **Arguments:**

    - `name`: a population of the network; `None` where the model is a single population.
    - `indices`: a selection of its cells, by flat index; all if `None`.
    - `capacity`: only inside `jit`, `grad` and `vmap`, where lists have a fixed length: the number of events there is
        room for. If there are more, the run fails and says so. Outside no limit is needed and this is ignored.
    """
    return Recorder(_Output(name), events=True, capacity=capacity, indices=_selection(indices))


def rate(name: str | None = None, indices: Any = None, *, every: int = 10) -> Recorder:
    """Record the rate of a population, Hz: the mean over its cells and over each `every` steps, `[bins]`: `Trace`.

    Costs one number for each step, and no list of spikes. Gradients pass.

    **Arguments:**

    - `name`, `indices`: as in `spikes`.
    - `every`: the width of a bin, in steps. Steps at the end that do not fill a bin are left out.
    """
    return Recorder(_Output(name), every=every, is_rate=True, indices=_selection(indices))


def correlation(a: str | None = None, b: str | None = None, *, max_lag: float, bin: float) -> Recorder:
    """Record how many pairs of a spike of `a` and a spike of `b` there are, by how much later that of `b` is: `Correlogram`.

    As `measure.correlogram` of their spikes, without keeping these, but that several spikes of a source in one step are as many
    pairs: costs some operations for each step of the lags, whatever the number of spikes. Gradients pass. Counts are added up
    in the precision of the spikes, from Python in parts, whose sums are float64: in one of 4,096 steps (inside a transformation
    in the whole run) more than 2^24 pairs of one distance in steps are rounded in single precision.

    **Arguments:**

    - `a`, `b`: populations of the network, which may be the same; `None` where the model is a single population.
    - `max_lag`, `bin`: as in `measure.correlogram`, ms.
    """
    return Recorder(_Trains(_Output(a), _Output(b)), pairs=(float(max_lag), float(bin)))


def output(name: str | None = None, indices: Any = None, *, every: int = 1) -> Recorder:
    """Record the output of a population (spikes as 0 and 1, graded output) as an array: `Trace`. Gradients pass."""
    return Recorder(_Output(name), every=every, indices=_selection(indices))


def voltage(name: str | None = None, indices: Any = None, *, every: int = 1) -> Recorder:
    """Record the membrane potential of a population, after any reset: `Trace`. Arguments as in `output`."""
    return Recorder(_Voltage(name), every=every, indices=_selection(indices))


def state(where: Callable[[State], Array], *, every: int = 1) -> Recorder:
    """Record any function of the model's state: `Trace`.

    **Arguments:**

    - `where`: from the state after a step to an array, e.g. `lambda s: s.populations["E"].receptors["ampa"].mean()`.
        Define it once: a new function compiles anew.
    - `every`: keep every k-th step.
    """
    return Recorder(_State(where), every=every)


def weights(projection: str, indices: Any = None, *, every: int = 1) -> Recorder:
    """Record the weights of a plastic projection: `Trace`.

    **Arguments:**

    - `projection`: its name in `Network.projections`, such as `"E->I:ampa"`.
    - `indices`: a selection of its synapses, by their flat index in `NetworkState.weights`; all, in that shape, if `None`.
    - `every`: keep every k-th step.
    """
    return Recorder(_Weights(projection), every=every, indices=_selection(indices))


# The selectors are classes, and not closures, so that two recorders of the same thing compare equal and do not compile
# the program twice.
class _Output(eqx.Module):
    name: str | None = eqx.field(static=True)

    def __call__(self, model: AbstractDynamics, state: State, output: Output) -> Array:
        del state
        _check_name(model, self.name)
        return output if self.name is None else output[self.name]


class _Trains(eqx.Module):
    a: _Output
    b: _Output

    def __call__(self, model: AbstractDynamics, state: State, output: Output) -> Array:
        return jnp.stack([jnp.sum(train(model, state, output)) for train in (self.a, self.b)])


class _Voltage(eqx.Module):
    name: str | None = eqx.field(static=True)

    def __call__(self, model: AbstractDynamics, state: State, output: Output) -> Array:
        del output
        _check_name(model, self.name)
        return voltage_of(state if self.name is None else state.populations[self.name])


class _Weights(eqx.Module):
    projection: str = eqx.field(static=True)

    def __call__(self, model: AbstractDynamics, state: State, output: Output) -> Array:
        del output
        if not isinstance(model, Network) or self.projection not in state.weights:
            plastic = sorted(state.weights) if isinstance(model, Network) else "none, for it is no network"
            raise ValueError(
                f"A recorder names the weights of {self.projection!r}; the model's plastic projections: {plastic}."
            )
        return state.weights[self.projection]


class _State(eqx.Module):
    where: Callable[[State], Array] = eqx.field(static=True)

    def __call__(self, model: AbstractDynamics, state: State, output: Output) -> Array:
        del model, output
        return jnp.asarray(self.where(state))


def _check_name(model: AbstractDynamics, name: str | None) -> None:
    if isinstance(model, Network) and name not in model.populations:
        raise ValueError(f"A recorder names the population {name!r}; the network has {sorted(model.populations)}.")
    if isinstance(model, Population) and name is not None:
        raise ValueError(
            f"A recorder names the population {name!r}, but the model is a single population: leave it out."
        )


def _selection(indices: Any) -> Array | None:
    if indices is None:
        return None
    if isinstance(indices, jax.Array) and jnp.issubdtype(indices.dtype, jnp.integer):
        return jnp.atleast_1d(indices)
    chosen = np.asarray(indices)
    if chosen.ndim > 1 or not (np.issubdtype(chosen.dtype, np.integer) or chosen.size == 0):
        raise TypeError(f"`indices` must be whole numbers in a list, got {indices!r}.")
    return jnp.asarray(np.atleast_1d(chosen), jnp.int32)
