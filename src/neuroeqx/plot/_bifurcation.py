"""Bifurcation diagrams."""

from collections.abc import Sequence
from typing import Any, TYPE_CHECKING

import numpy as np

from ..analysis import Branch, LimitCycle
from ._axes import COLOURS, new_axes


if TYPE_CHECKING:
    from matplotlib.axes import Axes


def bifurcation(
    branch: Branch,
    variable: str | int = 0,
    cycles: Sequence[tuple[float, LimitCycle]] = (),
    *,
    ax: "Axes | None" = None,
    xlabel: str = "parameter",
) -> "Axes":
    """A variable of the equilibria along a parameter, solid where stable, with folds, Hopf points, and the extremes of cycles.

    **Arguments:**

    - `branch`: of `analysis.continuation`.
    - `variable`: by its name in `branch.names`, or its position.
    - `cycles`: parameters and cycles there, drawn as their greatest and least values, filled where stable.
    - `ax`: where to draw; new axes by default.
    - `xlabel`: what the parameter is, and its unit.

    **Returns:** the axes.
    """
    if isinstance(variable, str) and variable not in branch.names:
        raise ValueError(f"bifurcation: there is no variable {variable!r}; there are {list(branch.names)}.")
    i = branch.names.index(variable) if isinstance(variable, str) else variable
    ax = new_axes(ax, (5.6, 3.4))
    stable = branch.is_stable
    drawn: set[str] = set()

    def once(label: str) -> str | None:
        new = label not in drawn
        drawn.add(label)
        return label if new else None

    # Parts of one stability, each with the point at which it ends.
    ends = [0, *(np.flatnonzero(np.diff(stable.astype(int))) + 1), len(stable)]
    for first, end in zip(ends[:-1], ends[1:], strict=True):
        part = slice(max(first - 1, 0), end)
        style: dict[str, Any] = (
            dict(color="black", lw=1.5, ls="-") if stable[first] else dict(color="0.4", lw=1.0, ls="--")
        )
        label = once("stable" if stable[first] else "unstable")
        ax.plot(branch.p[part], branch.x[part, i], label=label, **style)
    for points, marker, name in ((branch.folds, "s", "fold"), (branch.hopfs, "D", "Hopf point")):
        for point in points:
            at = float(point.p), float(np.asarray(point.x)[i])
            ax.plot(*at, marker, color=COLOURS[1], ms=6, zorder=5, ls="", label=once(name))
    for p, cycle in cycles:
        values = np.asarray(cycle.states)[:, i]
        face = COLOURS[0] if cycle.is_stable else "white"
        label = once("stable cycle" if cycle.is_stable else "unstable cycle")
        ax.plot([p, p], [values.min(), values.max()], "o", color=COLOURS[0], mfc=face, ms=4, label=label)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(branch.names[i])
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return ax
