"""The figure of the brain demo: structure, the target, the fit, and what it found."""

from pathlib import Path
from typing import Any

import numpy as np

from ..plot._axes import COLOURS
from ._brain import MIDDLE, Result


_INK, _FAINT = "#222222", "#888888"
_NAMED = 4  # areas at either end
_STYLE: Any = {
    "font.size": 12,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "axes.titlesize": 14,
    "text.color": _INK,
    "svg.fonttype": "none",
}


def draw(path: Path, result: Result) -> None:
    """Write the figure; the suffix of `path` says in which format."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(15, 9.2), facecolor="white", layout="constrained")
        axes = figure.subplots(2, 3)
        n, s = len(result.target), result.similarity
        figure.suptitle(
            f"A whole-brain model of {n} areas, fitted by gradients", fontsize=20, weight="bold", x=0.02, ha="left"
        )
        _structure(figure, axes[0, 0], result.connectome.weights, result.order)
        scale = float(np.quantile(np.abs(result.target[np.triu_indices(n, 1)]), 0.99))
        _matrix(axes[0, 1], result.target, scale, result.order, "Target functional connectivity")
        _matrix(
            axes[1, 0], result.before, scale, result.order, f"Before the fit: r = {s['before']:.2f} with the target"
        )
        image = _matrix(axes[1, 1], result.after, scale, result.order, f"After the fit: r = {s['after']:.2f}")
        bar = figure.colorbar(image, ax=axes[:, 1], shrink=0.6, label="correlation of two areas", extend="both")
        bar.outline.set_visible(False)
        _loss(axes[0, 2], result.losses)
        _local(axes[1, 2], result)
        figure.savefig(path, dpi=130)


def _structure(figure: Any, axes: Any, weights: np.ndarray, order: str) -> None:
    from matplotlib.colors import LogNorm

    shown = np.ma.masked_less_equal(weights, 0.0)
    norm = LogNorm(float(np.quantile(weights[weights > 0], 0.02)), float(weights.max()))
    image = axes.imshow(shown, norm=norm, cmap="viridis", interpolation="nearest")
    _areas(axes, order, "Structure: weights of tracts")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, label="weight; an area receives 1 on average", extend="min")
    bar.outline.set_visible(False)


def _matrix(axes: Any, fc: np.ndarray, scale: float, order: str, title: str) -> Any:
    shown = fc.copy()
    np.fill_diagonal(shown, np.nan)
    image = axes.imshow(shown, cmap="RdBu_r", vmin=-scale, vmax=scale, interpolation="nearest")
    _areas(axes, order, title)
    return image


def _areas(axes: Any, order: str, title: str) -> None:
    axes.set(title=title, xlabel=f"areas, {order}")
    half = (axes.get_xlim()[1] + 0.5) / 2 - 0.5
    axes.axhline(half, color=_FAINT, lw=0.6)
    axes.axvline(half, color=_FAINT, lw=0.6)
    axes.tick_params(length=0, labelcolor=_FAINT)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _loss(axes: Any, losses: np.ndarray) -> None:
    axes.plot(np.arange(1, len(losses) + 1), losses, color=COLOURS[0], lw=2.2)
    axes.set(title="Distance from the target", xlabel="iteration", ylabel="mean squared difference")
    axes.set_ylim(bottom=0.0)
    axes.spines[["top", "right"]].set_visible(False)


def _local(axes: Any, result: Result) -> None:
    """Local parameters: as fitted, against those of the target if they are known."""
    fitted = np.asarray(result.fitted.a) * 1000.0
    axes.spines[["top", "right"]].set_visible(False)
    label = "distance from oscillation, 1/s"
    if result.truth is None:
        _found(axes, fitted, result.names, label)
        return
    truth = np.asarray(result.truth.a) * 1000.0
    ends = [min(truth.min(), fitted.min()), max(truth.max(), fitted.max())]
    axes.plot(ends, ends, color=_FAINT, lw=1.2, ls=(0, (4, 3)))
    axes.plot(truth, fitted, "o", color=COLOURS[1], ms=5.5, alpha=0.8)
    _start(axes, ends[1])
    r = np.corrcoef(truth, fitted)[0, 1]
    axes.set(title=f"Local dynamics of each area: r = {r:.2f}", xlabel=f"in the target: {label}", ylabel="as fitted")


def _found(axes: Any, fitted: np.ndarray, names: list[str] | None, label: str) -> None:
    """In order, with the names of those that are furthest out."""
    order = np.argsort(fitted)
    axes.plot(fitted[order], "o", color=COLOURS[1], ms=5, alpha=0.8)
    _start(axes, len(fitted) - 1)
    axes.set(title="Local dynamics that were found", xlabel="areas, the quietest first", ylabel=label)
    if names is not None and len(order) >= 2 * _NAMED:
        first, last = (", ".join(names[k] for k in areas) for areas in (order[:_NAMED], order[: -_NAMED - 1 : -1]))
        text = f"quietest\n{first}\n\nnearest to oscillation\n{last}"
        axes.text(0.98, 0.04, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=10.5)


def _start(axes: Any, x: float) -> None:
    """Where the fit begins, of all areas."""
    axes.axhline(1000.0 * MIDDLE, color=_FAINT, lw=0.8)
    axes.annotate("start", (x, 1000.0 * MIDDLE), textcoords="offset points", xytext=(0, 4), ha="right", color=_FAINT)
