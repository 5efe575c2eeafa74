"""Model over recording."""

from pathlib import Path
from typing import Any

import numpy as np

from ._cell import Record


PEAK = 20.0  # mV, to which spikes of the model are drawn


def draw(path: Path, model: str, record: Record, v: np.ndarray, spikes: np.ndarray, result: dict[str, Any]) -> None:
    """Write the figure: the f-I curve, and one free run of the model over the recording of four sweeps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7.5), layout="constrained", facecolor="white")
    axes = figure.subplot_mosaic([["f", "a"], ["f", "b"], ["f", "c"], ["f", "d"]], width_ratios=[1.0, 1.7])
    _curve(axes["f"], model, result)
    levels = np.asarray(result["pA"])
    shown = [i for i in np.argsort(levels) if levels[i] > 0.0][-4:]
    t = np.arange(len(record.v)) * record.dt
    for axis, i in zip((axes[name] for name in "abcd"), shown, strict=False):
        own = np.where(spikes[:, i] > 0.0, PEAK, v[:, i])
        axis.plot(t, record.v[:, i], color="#888888", lw=0.9, label="recorded")
        axis.plot(t, own, color="#0072B2", lw=0.9, alpha=0.85, label=model)
        out = ", not used in the fit" if levels[i] in result["left_out"] else ""
        axis.set_title(f"{levels[i]:.0f} pA{out}", loc="left", fontsize=10)
        axis.set_ylabel("mV")
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlim(t[0], t[-1])
    axes["a"].legend(loc="upper right", ncols=2, frameon=False, fontsize=9)
    axes["d"].set_xlabel("time (ms)")
    figure.savefig(path, dpi=130)


def _curve(axis: Any, model: str, result: dict[str, Any]) -> None:
    order = np.argsort(result["pA"])
    levels, rates, recorded = (np.asarray(result[name])[order] for name in ("pA", "Hz", "recorded_Hz"))
    out = np.isin(levels, result["left_out"])
    axis.plot(levels, rates, color="#0072B2", label=f"{model}, mean of free runs")
    axis.plot(levels[~out], recorded[~out], "o", color="#555555", label="recorded, used in the fit")
    axis.plot(levels[out], recorded[out], "o", mfc="white", color="#D55E00", label="recorded, left out")
    axis.set_xlabel("current (pA)")
    axis.set_ylabel("spikes per second of the stimulus")
    axis.set_title(
        f"f-I curve; error on sweeps left out {100 * result['error_left_out']:.1f} %", loc="left", fontsize=11
    )
    axis.legend(frameon=False, fontsize=9, loc="upper left")
    axis.spines[["top", "right"]].set_visible(False)
