"""Events of many samples, and what is done with them before they are fed to a model."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped

from .._fields import as_shape
from ._steps import number_of_steps, steps_of


class EventBatch(NamedTuple):
    """Samples side by side, each with room for as many events as any sample of the dataset has.

    - `times`: ms, `[..., most]`; infinity after the last event.
    - `units`: `[..., most]`; the number of units after the last event, an index that `.at[...].add(..., mode="drop")` drops.
    - `counts`: the number of events, `[...]`.
    - `labels`: `[...]`.
    """

    times: Float[np.ndarray, "*batch most"]
    units: Int[np.ndarray, "*batch most"]
    counts: Int[np.ndarray, "*batch"]
    labels: Int[np.ndarray, "*batch"]


@dataclasses.dataclass(frozen=True, init=False, eq=False, repr=False)
class EventDataset:
    """The events of many samples, one sample after the other, on the host.

    `dataset[indices]` is an `EventBatch`, `dataset.bin(dt, indices)` the same as an array over time. All other operations give
    a new dataset.

    **Arguments:**

    - `times`: ms from the beginning of the sample, at least 0 and below `duration`, in any order, `[events]`.
    - `units`: which unit (channel, pixel) each event is of, `[events]`.
    - `offsets`: the events of sample i are those from `offsets[i]` until before `offsets[i + 1]`, `[samples + 1]`.
    - `labels`: whole numbers, `[samples]`.
    - `shape`: the number of units, or a tuple: units are numbered along the last axis first.
    - `duration`: of every sample, ms.
    - `groups`: what else is known of each sample (its speaker, say), by name, `[samples]` each.
    """

    times: Float[np.ndarray, " events"]
    units: Int[np.ndarray, " events"]
    offsets: Int[np.ndarray, " ends"]
    labels: Int[np.ndarray, " samples"]
    shape: tuple[int, ...]
    duration: float
    groups: dict[str, np.ndarray]

    def __init__(
        self,
        times: Any,
        units: Any,
        offsets: Any,
        labels: Any,
        shape: int | tuple[int, ...],
        duration: float,
        groups: Mapping[str, Any] | None = None,
    ):
        times = np.asarray(times)
        times = times if times.dtype in (np.float32, np.float64) else times.astype(np.float32)
        values = {
            "times": times,
            "units": _whole("units", units, np.int32),
            "offsets": _whole("offsets", offsets, np.int64),
            "labels": _whole("labels", labels, np.int32),
            "shape": as_shape("EventDataset", shape),
            "duration": float(duration),
            "groups": {name: np.asarray(x) for name, x in (groups or {}).items()},
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        _check(self)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        shape = " x ".join(str(n) for n in self.shape)
        groups = f", groups: {', '.join(self.groups)}" if self.groups else ""
        return f"EventDataset({len(self)} samples of {self.duration:g} ms, {len(self.times)} events of {shape} units{groups})"

    @property
    def num_units(self) -> int:
        return math.prod(self.shape)

    @property
    def counts(self) -> Int[np.ndarray, " samples"]:
        """The number of events of each sample."""
        return np.diff(self.offsets)

    def __getitem__(self, indices: Any) -> EventBatch:
        """The samples of these `indices`: a number, an array of numbers of any shape, a mask or a slice."""
        chosen = np.arange(len(self))[indices]
        counts = self.counts
        most = int(counts.max(initial=0))
        n = counts[chosen]
        times = np.full((*chosen.shape, most), np.inf, self.times.dtype)
        units = np.full((*chosen.shape, most), self.num_units, np.int32)
        present = np.arange(most) < n[..., None]
        events = self._events_of(chosen.reshape(-1))
        times[present], units[present] = self.times[events], self.units[events]
        return EventBatch(times, units, n.astype(np.int32), self.labels[chosen])

    def bin(
        self, dt: float, indices: Any = None, *, binary: bool = False, dtype: Any = np.float32
    ) -> Shaped[np.ndarray, "..."]:
        """The events over time, `[..., steps, units]`.

        An event belongs to the step that contains its time; one within rounding before a step begins belongs to that step.
        The last step may reach beyond `duration`.

        **Arguments:**

        - `dt`: ms.
        - `indices`: as in `dataset[indices]`; all samples if `None`. (All of a large dataset take much memory: bin what
            a batch needs.)
        - `binary`: 1 where there is any event, instead of their number.
        - `dtype`: of the result. A `ValueError` if it cannot hold the numbers.
        """
        chosen = np.arange(len(self))[slice(None) if indices is None else indices]
        flat = chosen.reshape(-1)
        steps = number_of_steps("bin", self.duration, dt)
        events = self._events_of(flat)
        samples = np.repeat(np.arange(len(flat)), self.counts[flat])
        places = (samples * steps + steps_of(self.times[events], dt, steps)) * self.num_units + self.units[events]
        out = np.zeros(len(flat) * steps * self.num_units, dtype)
        if binary:
            out[places] = 1
        else:
            np.add.at(out, places, out.dtype.type(1))
            if out.sum(dtype=np.float64) != len(places):
                raise ValueError(
                    f"bin: {out.dtype} cannot hold the number of events in some steps; give another `dtype`, or binary=True."
                )
        return out.reshape(*chosen.shape, steps, self.num_units)

    def select(self, indices: Any) -> "EventDataset":
        """The samples of these `indices` (numbers in any order, a mask or a slice), as a dataset."""
        chosen = np.atleast_1d(np.arange(len(self))[indices])
        if chosen.ndim != 1:
            raise ValueError(f"select: `indices` must have one axis, got shape {chosen.shape}.")
        events = self._events_of(chosen)
        return dataclasses.replace(
            self,
            times=self.times[events],
            units=self.units[events],
            offsets=_ends(self.counts[chosen]),
            labels=self.labels[chosen],
            groups={name: x[chosen] for name, x in self.groups.items()},
        )

    def where(self, **values: Any) -> "EventDataset":
        """The samples of some groups: `where(speaker="jackson")`, `where(index=range(5), label=[3, 8])`.

        **Arguments:**

        - the name of a group, or `label`: the value wanted, or several of them.
        """
        mask = np.ones(len(self), bool)
        known = {**self.groups, "label": self.labels}
        for name, wanted in values.items():
            if name not in known:
                raise ValueError(f"where: there is no group {name!r}; there are {', '.join(sorted(known))}.")
            several = isinstance(wanted, Iterable) and not isinstance(wanted, str | bytes)
            wanted = np.asarray(list(wanted) if several else [wanted])
            if not wanted.size:
                raise ValueError(f"where: no value of {name!r} is given.")
            missing = wanted[~np.isin(wanted, known[name])]
            if missing.size:
                raise ValueError(f"where: no sample has {name} = {missing[0]!s}; there are {_listed(known[name])}.")
            mask &= np.isin(known[name], wanted)
        return self.select(mask)

    def split(self, fraction: float, seed: int) -> tuple["EventDataset", "EventDataset"]:
        """A part for training and one for validation, at random, with the same share of every label.

        **Arguments:**

        - `fraction`: the share of validation, above 0 and below 1, rounded to a whole number of samples. Of the samples of each
            label, validation has that share to within one; each sample is as likely to be there.
        - `seed`: a whole number; the same one gives the same parts.

        **Returns:** training and validation, each in the order of this dataset.
        """
        if not 0.0 < fraction < 1.0:
            raise ValueError(f"split: `fraction` must be above 0 and below 1, got {fraction:g}.")
        rng = np.random.default_rng(seed)
        size, number = len(self), round(fraction * len(self))
        order = rng.permutation(size)
        order = order[np.argsort(self.labels[order], kind="stable")]
        # A sample is taken wherever the running share reaches another whole number. On a circle, begun anywhere: otherwise
        # the samples of a label with few of them would be taken always, or never.
        share = np.arange(size + 1) * number // max(size, 1)
        held = np.zeros(size, bool)
        held[np.roll(order, rng.integers(max(size, 1)))[np.diff(share) > 0]] = True
        return self.select(~held), self.select(held)

    def subsample(self, units: int | tuple[int, ...] = 1, dt: float | None = None) -> "EventDataset":
        """Fewer units, and times on a coarser grid.

        **Arguments:**

        - `units`: how many neighbours become one, along each axis of `shape`: a number for all axes, or a tuple. What is left
            over at the end of an axis becomes a unit of its own.
        - `dt`: ms: times go back to the beginning of their step of this length, and of the events of a unit within a step one
            remains. If `None`, times and the number of events stay as they are.
        """
        factors = (units,) * len(self.shape) if isinstance(units, int | np.integer) else tuple(units)
        if len(factors) != len(self.shape) or any(f < 1 for f in factors):
            raise ValueError(
                f"subsample: `units` must be at least 1, one for each axis of {self.shape}, got {units!r}."
            )
        shape = tuple(-(-n // f) for n, f in zip(self.shape, factors, strict=True))
        places = np.unravel_index(self.units, self.shape)
        coarse = tuple(place // f for place, f in zip(places, factors, strict=True))
        merged = np.ravel_multi_index(coarse, shape) if self.units.size else self.units
        if dt is None:
            return dataclasses.replace(self, units=merged, shape=shape)
        steps, size = number_of_steps("subsample", self.duration, dt), math.prod(shape)
        samples = np.repeat(np.arange(len(self)), self.counts)
        places = np.unique((samples * steps + steps_of(self.times, dt, steps)) * size + merged)
        counts = np.bincount(places // (steps * size), minlength=len(self))
        times = (places // size % steps * dt).astype(self.times.dtype)
        return dataclasses.replace(self, times=times, units=places % size, offsets=_ends(counts), shape=shape)

    def crop(self, start: float, stop: float) -> "EventDataset":
        """The events from `start` until before `stop` (ms), with times counted from `start`."""
        if not 0.0 <= start < stop <= self.duration:
            raise ValueError(
                f"crop: `start` and `stop` must be in order within 0 ... {self.duration:g} ms, got {start:g} and {stop:g}."
            )
        inside = (self.times >= start) & (self.times < stop)
        kept = np.concatenate([[0], np.cumsum(inside)])
        duration = stop - start
        times = np.minimum(self.times[inside] - self.times.dtype.type(start), _below(duration, self.times.dtype))
        return dataclasses.replace(
            self, times=times, units=self.units[inside], offsets=kept[self.offsets], duration=duration
        )

    def pad(self, duration: float, before: float = 0.0) -> "EventDataset":
        """The same events in samples of a greater `duration`, ms, of which `before` comes before the old beginning."""
        if before < 0.0 or duration < self.duration + before:
            raise ValueError(
                f"pad: `duration` must be at least the present {self.duration:g} ms and `before`, which must not be negative; "
                f"got {duration:g} and {before:g}."
            )
        times = np.minimum(self.times + self.times.dtype.type(before), _below(duration, self.times.dtype))
        return dataclasses.replace(self, times=times, duration=duration)

    def _events_of(self, samples: Int[np.ndarray, " some"]) -> Int[np.ndarray, " events"]:
        """Where the events of these samples are, one sample after the other."""
        counts = self.counts[samples]
        ends = np.cumsum(counts)
        return np.repeat(self.offsets[samples] - ends + counts, counts) + np.arange(counts.sum())


def _whole(name: str, values: Any, dtype: Any) -> np.ndarray:
    values = np.asarray(values)
    if values.size and not np.issubdtype(values.dtype, np.integer):
        raise TypeError(f"EventDataset: `{name}` must be whole numbers, got {values.dtype}.")
    return values.astype(dtype)


def _ends(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _below(duration: float, dtype: Any) -> Any:
    """The last time before the end: a difference of two times may be rounded to the end."""
    return np.nextafter(np.asarray(duration, dtype), np.asarray(0.0, dtype))


def _listed(values: np.ndarray) -> str:
    found = [str(x) for x in np.unique(values)]
    return ", ".join(found[:12]) + (", ..." if len(found) > 12 else "")


def _check(data: EventDataset) -> None:
    def refuse(name: str, rule: str, got: Any) -> None:
        raise ValueError(f"EventDataset: `{name}` {rule}, got {got}.")

    if data.times.ndim != 1 or data.times.shape != data.units.shape:
        refuse("times", "and `units` must be of one length", f"shapes {data.times.shape} and {data.units.shape}")
    if data.labels.ndim != 1 or data.offsets.shape != (len(data.labels) + 1,):
        refuse(
            "offsets", "must have one entry more than `labels`", f"shapes {data.offsets.shape} and {data.labels.shape}"
        )
    if data.offsets[0] != 0 or data.offsets[-1] != len(data.times) or np.any(np.diff(data.offsets) < 0):
        refuse("offsets", f"must rise from 0 to the number of events, {len(data.times)}", data.offsets)
    if not (math.isfinite(data.duration) and data.duration > 0.0):
        refuse("duration", "must be positive, in ms", data.duration)
    if data.num_units < 1:
        refuse("shape", "must have at least one unit", data.shape)
    if data.units.size and not (data.units.min() >= 0 and data.units.max() < data.num_units):
        refuse("units", f"must lie in 0 ... {data.num_units - 1}", f"{data.units.min()} ... {data.units.max()}")
    if data.times.size and not (data.times.min() >= 0.0 and data.times.max() < data.duration):
        refuse("times", f"must lie in 0 ... {data.duration:g} ms", f"{data.times.min():g} ... {data.times.max():g}")
    for name, values in data.groups.items():
        if name == "label" or values.shape != data.labels.shape:
            refuse(f"groups[{name!r}]", f"must not be called label and have shape {data.labels.shape}", values.shape)
