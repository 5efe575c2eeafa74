"""Statistics of the numbers of spikes in windows of time."""

from typing import Any

import numpy as np

from ._trains import observed


def rates(trains: Any, t0: float | None = None, t1: float | None = None) -> np.ndarray:
    """The mean rate of each train, Hz, `[trains]`.

    **Arguments:**

    - `trains`: a record of spikes, the times of one train (ms), or a list of such.
    - `t0`, `t1`: the time of observation, ms. By default all of a record; of times they must be given.
    """
    found = observed("rates", trains, t0, t1)
    return np.array([len(train) for train in found.times], np.float64) / (found.t1 - found.t0) * 1000.0


def counts(trains: Any, window: float, t0: float | None = None, t1: float | None = None) -> np.ndarray:
    """The numbers of spikes in successive windows, `[trains, windows]`.

    **Arguments:** as in `rates`, and

    - `window`: its width, ms. Windows begin at `t0`, exclude their beginning and include their end; so a record's spikes, which
        are at the ends of steps, are counted in the window of their step. What is left at the end is left out.
    """
    return observed("counts", trains, t0, t1).counts(window)


def fano_factor(trains: Any, window: float, t0: float | None = None, t1: float | None = None) -> np.ndarray:
    """The variance of each train's counts over their mean: 1 of a Poisson process.

    The variance is that of the windows (divided by their number). Of counts over trials, pool them:
    `counts(...).var(0) / counts(...).mean(0)`.

    **Arguments:** as in `counts`.

    **Returns:** `[trains]`, NaN for trains without spikes.
    """
    n = observed("fano_factor", trains, t0, t1).counts(window)
    mean = n.mean(1)
    return np.where(mean > 0.0, n.var(1) / np.where(mean > 0.0, mean, 1.0), np.nan)


def count_correlations(trains: Any, window: float, t0: float | None = None, t1: float | None = None) -> np.ndarray:
    """Pearson's correlation of the counts of every two trains, `[trains, trains]`, NaN where those of a train never change.

    **Arguments:** as in `counts`.
    """
    z = _standardised(observed("count_correlations", trains, t0, t1).counts(window))
    return z @ z.T / z.shape[1]


def mean_count_correlation(trains: Any, window: float, t0: float | None = None, t1: float | None = None) -> float:
    """The mean of `count_correlations` over pairs of different trains, of those whose counts change; without a matrix, from the
    variance of the sum of the standardised counts, so also of many thousands. NaN of fewer than two trains.

    **Arguments:** as in `counts`.
    """
    z = _standardised(observed("mean_count_correlation", trains, t0, t1).counts(window))
    z = z[~np.isnan(z[:, 0])]
    n = len(z)
    return float((np.mean(z.sum(0) ** 2) - n) / (n * (n - 1))) if n > 1 else float("nan")


def _standardised(n: np.ndarray) -> np.ndarray:
    deviation = n.std(1, keepdims=True)
    return np.where(deviation > 0.0, (n - n.mean(1, keepdims=True)) / np.where(deviation > 0.0, deviation, 1.0), np.nan)
