"""What every figure needs: axes to draw on, records to draw, plain style."""

from collections.abc import Iterable
from typing import Any, TYPE_CHECKING

import numpy as np

from .._record import Spikes, Trace
from .._simulate import Solution


if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Blue and vermilion first: excitation and inhibition in most figures, and safe for colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5b5b5b")


def new_axes(ax: "Axes | None", size: tuple[float, float]) -> "Axes":
    """The given axes, or those of a new figure of the given size (inches)."""
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=size, layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def time_axis(ax: "Axes", spans: Iterable[tuple[float, float]]) -> None:
    """To be called before drawing: the axis covers the given spans of time, ms, and those of earlier calls."""
    ends = list(spans)
    if ax.has_data() and not ax.get_autoscalex_on():
        ends.append(ax.get_xlim())
    begin, end = min(t0 for t0, _ in ends), max(t1 for _, t1 in ends)
    if begin < end:
        ax.set_xlim(begin, end)
    ax.set_xlabel("time (ms)")


def check_count(name: str, value: int) -> None:
    """Raise a `ValueError` unless `value` is a whole number, at least 1."""
    if not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"`{name}` must be a whole number, at least 1, got {value!r}.")


def pick(source: Any, kind: type[Spikes] | type[Trace], names: Any) -> dict[str, Any]:
    """The records of one kind, by name, from a solution, a dictionary of records, or a single record."""
    if isinstance(source, kind):
        return {"": source}
    records = source.records if isinstance(source, Solution) else source
    if not isinstance(records, dict):
        raise TypeError(f"Expected a Solution, its records or a {kind.__name__}, got {type(source).__name__}.")
    if names is None:
        found = {name: record for name, record in records.items() if isinstance(record, kind)}
    else:
        names = [names] if isinstance(names, str) else list(names)
        missing = [name for name in names if not isinstance(records.get(name), kind)]
        if missing:
            raise ValueError(f"There is no {kind.__name__} called {missing}; the records are {sorted(records)}.")
        found = {name: records[name] for name in names}
    if not found:
        raise ValueError(
            f"There is nothing of kind {kind.__name__} to draw; the records are {sorted(records)}. Record some with "
            f"{'nex.spikes' if kind is Spikes else 'nex.voltage, nex.output or nex.state'}."
        )
    return found
