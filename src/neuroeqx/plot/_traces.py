"""Recorded values over time."""

from typing import Any, TYPE_CHECKING

import numpy as np

from .._record import Trace
from ._axes import COLOURS, new_axes, pick


if TYPE_CHECKING:
    from matplotlib.axes import Axes


def traces(
    source: Any, names: Any = None, *, ax: "Axes | None" = None, ylabel: str = "membrane potential (mV)", limit: int = 20
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
    found: dict[str, Trace] = pick(source, Trace, names)
    ax = new_axes(ax, (7.0, 2.8))
    lines = 0
    for name, record in found.items():
        values = np.asarray(record.values).reshape(len(record.values), -1)
        for j in range(min(values.shape[1], limit)):
            label = f"{name} {j}" if values.shape[1] > 1 else name
            ax.plot(record.ts, values[:, j], lw=1.0, color=COLOURS[lines % len(COLOURS)], label=label or None)
            lines += 1
    ax.set(xlabel="time (ms)", ylabel=ylabel)
    ax.margins(x=0)
    if 1 < lines <= len(COLOURS):
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return ax
