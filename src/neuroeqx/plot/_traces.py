"""Recorded values over time."""

import math
from typing import Any, TYPE_CHECKING

import numpy as np

from .._record import Trace
from ._axes import check_count, COLOURS, new_axes, pick, time_axis


if TYPE_CHECKING:
    from matplotlib.axes import Axes


def traces(
    source: Any,
    names: Any = None,
    *,
    ax: "Axes | None" = None,
    ylabel: str = "membrane potential (mV)",
    limit: int = 20,
) -> "Axes":
    """One line per recorded cell.

    **Arguments:**

    - `source`: a `Solution`, a dictionary of records, or one `Trace`.
    - `names`: which records; all traces by default.
    - `ax`: where to draw; new axes by default.
    - `ylabel`: what is recorded, and its unit.
    - `limit`: draw at most this many cells of each record.

    **Returns:** the axes.
    """
    check_count("limit", limit)
    found: dict[str, Trace] = pick(source, Trace, names)
    ax = new_axes(ax, (7.0, 2.8))
    time_axis(ax, [(record.t0, record.ts[-1] if len(record.ts) else record.t0) for record in found.values()])
    lines = 0
    for name, record in found.items():
        values = np.asarray(record.values)
        values = values.reshape(len(values), math.prod(values.shape[1:]))
        for j in range(min(values.shape[1], limit)):
            label = f"{name} {j}" if values.shape[1] > 1 else name
            ax.plot(record.ts, values[:, j], lw=1.0, color=COLOURS[lines % len(COLOURS)], label=label or None)
            lines += 1
    ax.set_ylabel(ylabel)
    if 1 < lines <= len(COLOURS):
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return ax
