"""Spike trains from records, or from times."""

from typing import Any, NamedTuple

import numpy as np

from .._record import Spikes


class Trains(NamedTuple):
    """Times of each train, in order, and the time they were observed, ms."""

    times: list[np.ndarray]
    t0: float
    t1: float

    def counts(self, window: float) -> np.ndarray:
        """The spikes of each train in windows (a, b] that begin at t0, `[trains, windows]`; what is left at the end is left
        out. Times that are multiples of dt, the ends of steps, are so counted where their step is; a spike at t0 is in the
        first."""
        windows = int(np.floor((self.t1 - self.t0) / window + 1e-9))
        if not window > 0.0 or windows < 1:
            raise ValueError(
                f"The width of windows must be above 0 and at most {self.t1 - self.t0:g} ms, got {window:g}."
            )
        counts = np.zeros((len(self.times), windows), np.int64)
        for row, times in zip(counts, self.times, strict=True):
            at = np.maximum(np.ceil((times - self.t0) / window - 1e-9).astype(np.int64) - 1, 0)
            row += np.bincount(at[at < windows], minlength=windows)
        return counts


def as_trains(owner: str, source: Any, t0: float | None = None, t1: float | None = None) -> Trains:
    """The trains of a record, of one array of times, or of a list of such.

    **Arguments:**

    - `owner`: named in errors.
    - `t0`, `t1`: spikes before and after are left out. By default the whole of a record; of times they must be given where they
        matter, and are NaN otherwise.
    """
    if isinstance(source, Spikes):
        times, begin, end = source.trains(), source.t0, source.t1
    else:
        several = not isinstance(source, np.ndarray) and any(np.ndim(train) for train in source)
        several = several or np.ndim(source) == 2 or (isinstance(source, list | tuple) and len(source) == 0)
        times = [as_times(owner, train) for train in (source if several else [source])]
        begin, end = np.nan, np.nan
    begin, end = (begin if t0 is None else float(t0)), (end if t1 is None else float(t1))
    if end <= begin:
        raise ValueError(f"{owner}: `t1` = {end:g} ms must lie after `t0` = {begin:g} ms.")
    if t0 is not None or t1 is not None:
        times = [train[~((train < begin) | (train > end))] for train in times]
    return Trains(times, begin, end)


def observed(owner: str, source: Any, t0: float | None, t1: float | None) -> Trains:
    """As `as_trains`, where the time of observation must be known."""
    trains = as_trains(owner, source, t0, t1)
    if np.isnan(trains.t0) or np.isnan(trains.t1):
        raise ValueError(f"{owner}: of times alone `t0` and `t1`, between which they were observed, must be given, ms.")
    return trains


def as_times(owner: str, train: Any) -> np.ndarray:
    """One train's times in order, float64."""
    times = np.asarray(train, np.float64)
    if times.ndim != 1 or not np.all(np.isfinite(times)):
        raise ValueError(f"{owner}: a spike train is a vector of finite times (ms), got {train!r}.")
    return np.sort(times)
