"""Phase planes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..analysis import FixedPoints, PhasePlane
from ._axes import COLOURS, new_axes


if TYPE_CHECKING:
    from matplotlib.axes import Axes


def phase_plane(
    plane: PhasePlane,
    points: FixedPoints | None = None,
    trajectories: Sequence[np.ndarray] = (),
    *,
    at: tuple[int, int] = (0, 1),
    ax: "Axes | None" = None,
) -> "Axes":
    """Nullclines, streamlines, fixed points (filled where stable) and trajectories in the plane of two variables.

    **Arguments:**

    - `plane`: of `analysis.phase_plane`.
    - `points`: of `analysis.fixed_points`.
    - `trajectories`: arrays `[samples, 2]` of u and w.
    - `at`: the positions of u and w among the variables, for `points`.
    - `ax`: where to draw; new axes by default.

    **Returns:** the axes.
    """
    ax = new_axes(ax, (4.8, 4.0))
    ax.streamplot(plane.u, plane.w, plane.du, plane.dw, color="0.82", linewidth=0.6, arrowsize=0.6, density=1.1)
    for lines, name, colour in zip(
        (plane.u_nullclines, plane.w_nullclines), plane.names, (COLOURS[0], COLOURS[1]), strict=True
    ):
        for k, line in enumerate(lines):
            ax.plot(*line.T, color=colour, lw=1.4, label=None if k else f"d{name}/dt = 0")
    for k, path in enumerate(trajectories):
        ax.plot(*np.asarray(path).T, color="0.25", lw=1.0, label=None if k else "trajectory")
    if points is not None:
        for x, stable in zip(points.x[:, list(at)], points.is_stable, strict=True):
            ax.plot(*x, "o", color="black", mfc="black" if stable else "white", ms=6, zorder=5)
    ax.set_xlim(plane.u[0], plane.u[-1])
    ax.set_ylim(plane.w[0], plane.w[-1])
    ax.set_xlabel(plane.names[0])
    ax.set_ylabel(plane.names[1])
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
    return ax
