"""Population rates."""

from typing import Any, TYPE_CHECKING

import numpy as np

from .._record import Spikes
from ._axes import COLOURS, new_axes, pick, time_axis


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
    if not (np.isfinite(bin_ms) and bin_ms > 0.0):
        raise ValueError(f"`bin_ms` must be positive and finite, got {bin_ms}.")
    found: dict[str, Spikes] = pick(source, Spikes, names)
    for record in found.values():
        if bin_ms < record.dt:
            raise ValueError(f"`bin_ms` = {bin_ms} is shorter than the step of {record.dt} ms.")
        if bin_ms > record.t1 - record.t0:
            raise ValueError(f"`bin_ms` = {bin_ms} is longer than the run of {record.t1 - record.t0} ms.")
    ax = new_axes(ax, (7.0, 2.2))
    time_axis(ax, [(record.t0, record.t1) for record in found.values()])
    for k, (name, record) in enumerate(found.items()):
        bins = int((record.t1 - record.t0) / bin_ms + 1e-9)
        edges = record.t0 + bin_ms * np.arange(bins + 1)
        # A spike is stamped with the end of its step, so bins are open at their left.
        counts, _ = np.histogram(record.times - record.dt / 2, edges)
        rate = counts / max(record.size, 1) / bin_ms * 1000.0
        ax.stairs(rate, edges, baseline=None, color=COLOURS[k % len(COLOURS)], lw=1.2, label=name or None)
    ax.set_ylabel("rate (Hz)")
    ax.set_ylim(bottom=0.0)
    if len(found) > 1:
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return ax
