"""Spike rasters."""

from typing import Any, TYPE_CHECKING

from .._record import Spikes
from ._axes import check_count, COLOURS, new_axes, pick, time_axis


if TYPE_CHECKING:
    from matplotlib.axes import Axes


def raster(source: Any, names: Any = None, *, ax: "Axes | None" = None, max_neurons: int = 1000) -> "Axes":
    """One dot per spike, time across, neurons upwards, one colour per population.

    **Arguments:**

    - `source`: a `Solution`, a dictionary of records, or one `Spikes`.
    - `names`: which records; all spike records by default, the first at the bottom.
    - `ax`: where to draw; new axes by default.
    - `max_neurons`: of larger populations evenly spaced neurons are drawn, in all at most about this many.

    **Returns:** the axes.
    """
    check_count("max_neurons", max_neurons)
    found: dict[str, Spikes] = pick(source, Spikes, names)
    ax = new_axes(ax, (7.0, 3.6))
    time_axis(ax, [(record.t0, record.t1) for record in found.values()])
    total = sum(record.size for record in found.values())
    stride = max(1, -(-total // max_neurons))
    base, ticks = 0, []
    for k, (name, record) in enumerate(found.items()):
        shown = -(-record.size // stride)
        keep = record.indices % stride == 0
        # Dots that neither vanish in sparse figures nor merge into a block in dense ones.
        size = min(6.0, max(0.4, 900.0 / max(total // stride, 1)))
        ax.scatter(
            record.times[keep], base + record.indices[keep] // stride, s=size, color=COLOURS[k % len(COLOURS)], linewidths=0,
            rasterized=True,
        )  # fmt: skip
        ticks.append((base + shown / 2, f"{name}\n({record.size})" if name else f"{record.size} neurons"))
        base += shown
        if k < len(found) - 1:
            ax.axhline(base - 0.5, color="0.8", lw=0.6)
    ax.set_ylim(-0.5, max(base, 1) - 0.5)
    ax.set_yticks([at for at, _ in ticks], [label for _, label in ticks])
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("neurons" if stride == 1 else f"neurons (1 in {stride} drawn)")
    return ax
