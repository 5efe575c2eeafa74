"""The figure of the fly demo: tuning curves of the motion detectors, and a wave of activity over the columns."""

from pathlib import Path
from typing import Any

import numpy as np

from ..plot._axes import COLOURS
from ._fly_data import Eye
from ._fly_vision import BIOLOGY, DIRECTIONS, Result, SPEED, Sweep


# The cell types pictured: a neuron on the way of bright edges, and the detector of upward motion it feeds.
SHOWN = ("Mi1", "T4c")
_COLOUR = dict(zip(BIOLOGY, COLOURS, strict=False))
_INK, _FAINT = "#222222", "#888888"
_STYLE: Any = {
    "font.size": 12,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "axes.titlesize": 13,
    "text.color": _INK,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "svg.fonttype": "none",
}


def draw(path: Path, eye: Eye, result: Result, sweeps: dict[float, Sweep], subtitle: str) -> None:
    """Write the figure; the suffix of `path` says in which format."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(16, 9), facecolor="white")
        figure.text(0.03, 0.945, "A fly's eye sees motion", fontsize=24, weight="bold")
        figure.text(
            0.03,
            0.905,
            f"{eye.size:,} neurons and {len(eye.pre):,} connections of the fruit fly's connectome, {subtitle}",
            fontsize=13,
            color=_FAINT,
        )
        _left(figure, result)
        _right(figure, eye, sweeps)
        figure.savefig(path, dpi=150)


def _left(figure: Any, result: Result) -> None:
    """Tuning curves of bright and of dark edges."""
    for bottom, family, title in ((0.51, "T4", "T4, bright edges"), (0.08, "T5", "T5, dark edges")):
        figure.text(0.03, bottom + 0.345, title, fontsize=15, weight="bold")
        _tuning(figure.add_axes((0.108, bottom, 0.16, 0.285), projection="polar"), family, result)
    figure.text(0.03, 0.03, "●  preferred here\n▲  in the living fly", fontsize=11, color=_FAINT)


def _right(figure: Any, eye: Eye, sweeps: dict[float, Sweep]) -> None:
    """Three moments of the wave in T4c, and its course in time."""
    scale = float(max(np.abs(sweep.change["T4c"]).max() for sweep in sweeps.values()))
    figure.text(0.375, 0.855, "T4c while a bright edge crosses the eye upwards", fontsize=15, weight="bold")
    for k, fraction in enumerate((0.25, 0.5, 0.75)):
        axes = figure.add_axes((0.362 + 0.192 * k, 0.455, 0.192, 0.355))
        _snapshot(axes, eye, sweeps[90.0], fraction, scale)
    figure.text(0.375, 0.4, "The course in time, by the height of columns in the eye", fontsize=15, weight="bold")
    panels = [("light", 90.0, "light"), ("Mi1", 90.0, "Mi1"), ("T4c", 90.0, "T4c"), ("T4c", 270.0, "T4c, edge down")]
    image = None
    for k, (name, direction, title) in enumerate(panels):
        axes = figure.add_axes((0.375 + 0.1375 * k, 0.085, 0.125, 0.26))
        image = _space_time(axes, eye, name, sweeps[direction], scale)
        axes.set_title(title)
        axes.tick_params(labelleft=k == 0)
        if k == 0:
            axes.set_ylabel("height (columns)", labelpad=2)
    bar = figure.colorbar(image, cax=figure.add_axes((0.922, 0.085, 0.008, 0.26)))
    bar.outline.set_visible(False)
    bar.set_label("change of voltage")


def _tuning(axes: Any, family: str, result: Result) -> None:
    """Curves of four types; a ray for the direction each prefers, a triangle for the one known from biology."""
    angles = np.deg2rad([*DIRECTIONS, DIRECTIONS[0]])
    tuning, preferred = result.tuning(), result.preferred()
    for letter, known in BIOLOGY.items():
        name, colour = family + letter, _COLOUR[letter]
        curve = np.append(tuning[name], tuning[name][0])
        curve = curve / max(float(curve.max()), 1e-9)
        axes.fill(angles, curve, color=colour, alpha=0.13, lw=0)
        axes.plot(angles, curve, color=colour, lw=2.2)
        axes.plot(np.deg2rad([preferred[name]] * 2), [0, 1.0], color=colour, lw=1.4, ls=(0, (3, 2)))
        axes.plot(np.deg2rad(preferred[name]), 1.0, "o", color=colour, ms=8, clip_on=False, zorder=4)
        # Pointing inwards from the rim.
        axes.plot(np.deg2rad(known), 1.12, marker=(3, 0, known + 90.0), color=colour, ms=11, clip_on=False)
        across, up = np.cos(np.deg2rad(known)), np.sin(np.deg2rad(known))
        separator = "  " if round(across) == 0 else "\n"
        axes.annotate(
            f"{name}{separator}{preferred[name]:.0f}°",
            (np.deg2rad(known), 1.2),
            xytext=(4 * across, 4 * up),
            textcoords="offset points",
            color=colour,
            weight="bold",
            ha={-1: "right", 0: "center", 1: "left"}[round(across)],
            va={-1: "top", 0: "center", 1: "bottom"}[round(up)],
            annotation_clip=False,
        )
    axes.set(ylim=(0, 1.0), yticks=[0.5, 1.0], yticklabels=[], xticks=np.deg2rad(DIRECTIONS), xticklabels=[])
    axes.grid(color="#e3e3e3", lw=0.8)
    axes.spines["polar"].set_color("#cccccc")


def _snapshot(axes: Any, eye: Eye, sweep: Sweep, fraction: float, scale: float) -> None:
    """Every column as a hexagon, at the moment when the edge has done a fraction of its way."""
    from matplotlib.collections import PolyCollection

    x, y = eye.positions("T4c")
    reach = float(np.hypot(x, y).max()) + 2.0
    moment = int(np.argmin(np.abs(sweep.ts - fraction * 2 * reach / SPEED * 1000.0)))
    front = -reach + SPEED * sweep.ts[moment] / 1000.0
    corners = np.deg2rad(np.arange(0, 360, 60))
    outline = 2 / np.sqrt(3) * np.stack([np.cos(corners), np.sin(corners)], -1)
    hexagons = PolyCollection(
        np.stack([x, y], -1)[:, None] + outline,
        array=sweep.change["T4c"][moment],
        cmap="RdBu_r",
        clim=(-scale, scale),
        edgecolors="#dddddd",
        linewidths=0.4,
    )
    axes.add_collection(hexagons)
    axes.plot([-reach, reach], [front, front], color=_INK, lw=1.2, ls=(0, (4, 3)))
    tip = front + 0.18 * reach
    axes.annotate("", (-reach, tip), (-reach, front), arrowprops={"arrowstyle": "->", "color": _INK, "lw": 1.6})
    axes.set(xlim=(-reach - 2, reach + 1), ylim=(-reach - 1, reach + 1), aspect="equal")
    axes.set_title(f"{sweep.ts[moment] / 1000:.2f} s", color=_FAINT)
    axes.axis("off")


def _space_time(axes: Any, eye: Eye, name: str, sweep: Sweep, scale: float) -> Any:
    """Time against height; columns of equal height are averaged."""
    _, y = eye.positions("T4c")
    heights, row = np.unique(np.round(y), return_inverse=True)
    values = sweep.light if name == "light" else sweep.change[name]
    mean = np.stack([values[:, row == k].mean(axis=1) for k in range(len(heights))])
    limits, cmap = ((0.0, 1.0), "gray") if name == "light" else ((-scale, scale), "RdBu_r")
    image = axes.imshow(
        mean,
        extent=(0, sweep.ts[-1] / 1000.0, (heights[0] - 0.5) / 2, (heights[-1] + 0.5) / 2),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap=cmap,
        clim=limits,
    )
    duration = float(sweep.ts[-1]) / 1000.0
    axes.set(xlabel="time (s)", xticks=np.arange(0.0, duration, 1.0 if duration > 2.0 else 0.5))
    axes.spines[:].set_color("#cccccc")
    return image
