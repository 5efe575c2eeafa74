"""Population rates."""

from typing import Any, TYPE_CHECKING

import numpy as np

from .._record import Spikes
from ._axes import COLOURS, new_axes, pick


if TYPE_CHECKING:
    from matplotlib.axes import Axes


def rates(source: Any, names: Any = None, *, ax: "Axes | None" = None, bin_ms: float = 5.0) -> "Axes":
    """The mean rate of each population in bins of time, Hz.

    **Arguments:**

    - `source`: a `Solution`, a dictionary of records, or one `Spikes`.
    - `names`: which records; all spike records by default.
    - `ax`: where to draw; new axes by default.
    - `bin_ms`: the width of a bin, ms. A last bin that the run does not fill is left out.

    **Returns:** the axes.
    """
    if bin_ms <= 0.0:
        raise ValueError(f"`bin_ms` must be positive, got {bin_ms}.")
    found: dict[str, Spikes] = pick(source, Spikes, names)
    ax = new_axes(ax, (7.0, 2.2))
    for k, (name, record) in enumerate(found.items()):
        bins = int((record.t1 - record.t0) / bin_ms + 1e-9)
        if bins == 0:
            raise ValueError(f"`bin_ms` = {bin_ms} is longer than the run of {record.t1 - record.t0} ms.")
        edges = record.t0 + bin_ms * np.arange(bins + 1)
        # A spike is stamped with the end of its step, so bins are open at their left.
        counts, _ = np.histogram(record.times - record.dt / 2, edges)
        rate = counts / record.size / bin_ms * 1000.0
        ax.stairs(rate, edges, color=COLOURS[k % len(COLOURS)], lw=1.2, label=name or None)
    first = next(iter(found.values()))
    ax.set(xlim=(first.t0, first.t1), xlabel="time (ms)", ylabel="rate (Hz)")
    ax.set_ylim(bottom=0.0)
    if len(found) > 1:
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return ax
