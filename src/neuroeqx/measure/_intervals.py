"""Statistics of the intervals between spikes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ._trains import as_trains


def intervals(trains: Any, t0: float | None = None, t1: float | None = None) -> list[np.ndarray]:
    """The intervals between successive spikes of each train, ms.

    **Arguments:**

    - `trains`: a record of spikes, the times of one train (ms), or a list of such.
    - `t0`, `t1`: spikes outside are left out.
    """
    return [np.diff(train) for train in as_trains("intervals", trains, t0, t1).times]


def cv(trains: Any, t0: float | None = None, t1: float | None = None) -> np.ndarray:
    """The coefficient of variation of each train's intervals, their standard deviation over their mean: 1 of a Poisson process.

    **Arguments:** as in `intervals`.

    **Returns:** `[trains]`, NaN for trains of fewer than two intervals.
    """
    return _of_each(lambda x: x.std() / x.mean(), intervals(trains, t0, t1))


def cv2(trains: Any, t0: float | None = None, t1: float | None = None) -> np.ndarray:
    """The mean of $2 |I_{i+1} - I_i| / (I_{i+1} + I_i)$ over successive intervals (Holt et al. 1996): as `cv`, and blind to
    slow changes of the rate. 1 of a Poisson process.

    **Arguments:** as in `intervals`. **Returns:** as `cv`.
    """
    return _of_each(lambda x: np.mean(2.0 * np.abs(np.diff(x)) / (x[1:] + x[:-1])), intervals(trains, t0, t1))


def local_variation(trains: Any, t0: float | None = None, t1: float | None = None) -> np.ndarray:
    """The mean of $3 (I_{i+1} - I_i)^2 / (I_{i+1} + I_i)^2$ over successive intervals (Shinomoto et al. 2003). 1 of a Poisson
    process.

    **Arguments:** as in `intervals`. **Returns:** as `cv`.
    """
    return _of_each(lambda x: np.mean(3.0 * (np.diff(x) / (x[1:] + x[:-1])) ** 2), intervals(trains, t0, t1))


def _of_each(function: Callable[[np.ndarray], Any], all_intervals: list[np.ndarray]) -> np.ndarray:
    return np.array([function(x) if len(x) >= 2 else np.nan for x in all_intervals], np.float64)
