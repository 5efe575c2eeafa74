"""Times of recordings as numbers of steps."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int


def steps_of(times: Float[np.ndarray, " events"], dt: float, steps: int) -> Int[np.ndarray, " events"]:
    """Which of `steps` contains each time, ms; a time within rounding of the beginning of a step is that beginning."""
    place = times.astype(np.float64) / dt
    nearest = np.rint(place)
    rounding = 2.0 * np.finfo(times.dtype).eps * np.maximum(nearest, 1.0)
    found = np.where(np.abs(place - nearest) <= rounding, nearest, np.floor(place)).astype(np.int64)
    return np.minimum(found, steps - 1)


def number_of_steps(owner: str, duration: float, dt: Any) -> int:
    """How many steps of `dt` it takes to cover `duration`, ms."""
    if not dt > 0.0:
        raise ValueError(f"{owner}: `dt` must be positive, in ms, got {dt!r}.")
    return int(np.ceil(duration / dt * (1.0 - 1e-9)))
