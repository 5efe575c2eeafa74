"""Distances of two spike trains."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ._trains import as_times, as_trains, observed


def van_rossum_distance(a: Any, b: Any, tau: float) -> float:
    r"""The distance D of two trains with exponential kernels (van Rossum 2001),

    $D^2 = \frac{1}{\tau} \int_0^\infty (f(t) - g(t))^2\, dt$ with $f(t) = \sum_{t_i \le t} e^{-(t - t_i) / \tau}$,

    in closed form: $D^2 = \frac{1}{2} (\sum_{ij} e^{-|a_i - a_j| / \tau} + \sum_{ij} e^{-|b_i - b_j| / \tau}) -
    \sum_{ij} e^{-|a_i - b_j| / \tau}$. A spike that the other lacks makes $D^2 = 1/2$. (`learn.losses.van_rossum` is $D^2$ of
    arrays over time, with gradients.)

    **Arguments:**

    - `a`, `b`: times, ms.
    - `tau`: ms, positive.
    """
    if not tau > 0.0:
        raise ValueError(f"van_rossum_distance: `tau` must be positive, got {tau} ms.")
    times = np.concatenate([as_times("van_rossum_distance", a), as_times("van_rossum_distance", b)])
    signs = np.concatenate([np.ones(np.size(a)), -np.ones(np.size(b))])
    order = np.argsort(times, kind="stable")
    times, signs = times[order], signs[order]
    # One walk along all spikes, with what those before have left of their trace at each.
    square, left, last = 0.5 * len(times), 0.0, 0.0
    for t, s in zip(times.tolist(), signs.tolist(), strict=True):
        left *= math.exp((last - t) / tau) if left else 0.0
        square += s * left
        left, last = left + s, t
    return float(np.sqrt(max(square, 0.0)))


def victor_purpura_distance(a: Any, b: Any, cost: float) -> float:
    """The least total cost of turning one train into the other by removing and adding spikes, for 1 each, and moving them, for
    `cost` per ms (Victor & Purpura 1996).

    **Arguments:**

    - `a`, `b`: times, ms.
    - `cost`: 1/ms, not negative: 0 compares numbers of spikes, at a large one all that do not coincide differ.
    """
    if not cost >= 0.0:
        raise ValueError(f"victor_purpura_distance: `cost` must not be negative, got {cost} per ms.")
    a, b = (as_times("victor_purpura_distance", x) for x in (a, b))
    places = np.arange(len(b) + 1.0)
    row = places
    for i, time in enumerate(a):
        best = np.minimum(row + 1.0, np.concatenate([[i + 1.0], row[:-1] + np.minimum(cost * np.abs(b - time), 2.0)]))
        # Adding spikes along the row: the least of what stands before, plus 1 for each place between.
        row = np.minimum.accumulate(best - places) + places
    return float(row[-1])


def isi_distance(a: Any, b: Any, t0: float, t1: float) -> float:
    r"""The mean over time of $|\nu_a - \nu_b| / \max(\nu_a, \nu_b)$, with the intervals between spikes in which each train is
    (Kreuz et al. 2007): 0 of equal trains, at most 1.

    Before the first spike the interval is the time since `t0`, or the first one between spikes if that is longer; so at the
    end. A train without spikes is in one interval all the time.

    **Arguments:**

    - `a`, `b`: times, ms. A record of two neurons has them in its `trains()`.
    - `t0`, `t1`: the time of observation, ms.
    """
    a, b = (_Intervals("isi_distance", x, t0, t1) for x in (a, b))
    edges = np.unique(np.concatenate([[t0, t1], a.times, b.times]))
    x, y = a.lengths(edges), b.lengths(edges)
    return float(np.sum(np.abs(x - y) / np.maximum(x, y) * np.diff(edges)) / (t1 - t0))


def spike_distance(a: Any, b: Any, t0: float, t1: float) -> float:
    r"""The SPIKE-distance, the mean over time of $\frac{S_a \nu_b + S_b \nu_a}{2 \langle \nu \rangle^2}$ (Kreuz et al. 2013): 0
    of equal trains, at most 1.

    $S_a$ goes linearly from one spike of a to the next between their distances to the nearest spike of b, $\nu$ are the
    intervals of `isi_distance`, $\langle \nu \rangle$ the mean of the two. The integral is exact. At the ends (Satuvuori et al.
    2017) S is what it is at the first or last spike, and a further spike lies where the interval of the end begins or ends.

    **Arguments:** as in `isi_distance`.
    """
    a, b = (_Intervals("spike_distance", x, t0, t1) for x in (a, b))
    edges = np.unique(np.concatenate([[t0, t1], a.times, b.times]))
    x, y = a.lengths(edges), b.lengths(edges)
    # Between two edges everything is linear.
    s, r = (np.interp(edges, one.times, one.distances(other)) for one, other in ((a, b), (b, a)))
    means = [0.5 * (v[1:] + v[:-1]) for v in (s, r)]
    values = (means[0] * y + means[1] * x) / (0.5 * (x + y) ** 2)
    return float(np.sum(values * np.diff(edges)) / (t1 - t0))


class _Intervals:
    """A train with the intervals it is in from t0 to t1."""

    def __init__(self, owner: str, train: Any, t0: float, t1: float):
        found = as_trains(owner, [as_times(owner, train)], t0, t1).times[0]
        self.times = np.unique(found) if len(found) else np.array([t0, t1])
        first, last = (np.diff(self.times[:2]), np.diff(self.times[-2:])) if len(self.times) > 1 else ([0.0], [0.0])
        begin, end = min(t0, self.times[0] - first[0]), max(t1, self.times[-1] + last[0])
        # With a further spike at each end, where there is a time before the first and after the last.
        self.padded = np.concatenate([[begin], self.times, [end]])

    def lengths(self, edges: np.ndarray) -> np.ndarray:
        """Of the interval between each two edges."""
        middle = 0.5 * (edges[1:] + edges[:-1])
        i = np.searchsorted(self.padded, middle)
        return self.padded[i] - self.padded[i - 1]

    def distances(self, other: "_Intervals") -> np.ndarray:
        """From each spike to the nearest of the other train."""
        i = np.clip(np.searchsorted(other.padded, self.times), 1, len(other.padded) - 1)
        return np.minimum(np.abs(self.times - other.padded[i - 1]), np.abs(other.padded[i] - self.times))


def sttc(a: Any, b: Any, window: float, t0: float | None = None, t1: float | None = None) -> float:
    r"""The spike time tiling coefficient, $\frac{1}{2} (\frac{P_a - T_b}{1 - P_a T_b} + \frac{P_b - T_a}{1 - P_b T_a})$ (Cutts
    & Eglen 2014): a correlation from -1 to 1 that does not depend on rates. $P_a$ is the share of spikes of a that are within
    `window` of one of b, $T_a$ the share of the time that is within `window` of one of a.

    **Arguments:**

    - `a`, `b`: times, ms.
    - `window`: ms, positive.
    - `t0`, `t1`: the time of observation, ms.

    **Returns:** NaN if a train is empty; a term is 1 where it is 0 / 0.
    """
    if not window > 0.0:
        raise ValueError(f"sttc: `window` must be positive, got {window} ms.")
    (x, y), begin, end = observed("sttc", [as_times("sttc", a), as_times("sttc", b)], t0, t1)
    if not len(x) or not len(y):
        return float("nan")

    def near(x: np.ndarray, y: np.ndarray) -> float:
        first, last = np.searchsorted(y, x - window, "left"), np.searchsorted(y, x + window, "right")
        return float(np.mean(last > first))

    def tiled(x: np.ndarray) -> float:
        ends = np.minimum(np.concatenate([x[1:] - window, [np.inf]]), np.minimum(x + window, end))
        starts = np.maximum(x - window, begin)
        # Up to half-way to the next one's own beginning, so that nothing is counted twice.
        return float(np.sum(np.maximum(ends - starts, 0.0)) / (end - begin))

    term = lambda p, t: 1.0 if p * t == 1.0 else (p - t) / (1.0 - p * t)
    return 0.5 * (term(near(x, y), tiled(y)) + term(near(y, x), tiled(x)))


def pairwise(distance: Callable[[np.ndarray, np.ndarray], float], trains: Any) -> np.ndarray:
    """A symmetric measure of every two trains, `[trains, trains]`.

    **Arguments:**

    - `distance`: of two arrays of times, e.g. `lambda a, b: van_rossum_distance(a, b, 10.0)`.
    - `trains`: a record of spikes, or a list of times (ms).
    """
    times = as_trains("pairwise", trains).times
    out = np.zeros((len(times), len(times)))
    for i, a in enumerate(times):
        for j in range(i, len(times)):
            out[i, j] = out[j, i] = distance(a, times[j])
    return out
