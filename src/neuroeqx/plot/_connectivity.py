"""Weight matrices."""

from typing import Any, TYPE_CHECKING

import numpy as np

from .._interfaces import AbstractConnectivity
from ..network import Network
from ._axes import new_axes


if TYPE_CHECKING:
    from matplotlib.axes import Axes


def connectivity(source: Any, name: str | None = None, *, ax: "Axes | None" = None, max_pixels: int = 400) -> "Axes":
    """A weight matrix as a picture, sources downwards and targets across.

    **Arguments:**

    - `source`: a connectivity, or a `Network` together with the `name` of one of its projections.
    - `ax`: where to draw; new axes by default.
    - `max_pixels`: larger matrices are averaged over blocks, so that each pixel shows the mean weight.

    **Returns:** the axes.
    """
    label = ""
    if isinstance(source, Network):
        if name not in source.projections:
            raise ValueError(f"`name` must be one of the projections {sorted(source.projections)}, got {name!r}.")
        projection = source.projections[name]
        source, label = projection.comm, f" (projection {name})"
    if not isinstance(source, AbstractConnectivity):
        raise TypeError(f"Expected a connectivity or a Network, got {type(source).__name__}.")
    weights = np.asarray(source.todense())
    blocks = [max(1, -(-n // max_pixels)) for n in weights.shape]
    if max(blocks) > 1:
        starts = [np.arange(0, n, b) for n, b in zip(weights.shape, blocks, strict=True)]
        sums = np.add.reduceat(np.add.reduceat(weights, starts[0], 0), starts[1], 1)
        sizes = np.outer(*(np.diff([*s, n]) for s, n in zip(starts, weights.shape, strict=True)))
        weights = sums / sizes
    ax = new_axes(ax, (4.6, 3.8))
    signed = bool((weights < 0).any() and (weights > 0).any())
    top = float(np.abs(weights).max(initial=0.0)) or 1.0
    lowest = -top if (weights < 0).any() else 0.0
    highest = top if (weights > 0).any() or not (weights < 0).any() else 0.0
    image = ax.imshow(
        weights, cmap="RdBu_r" if signed else ("Blues_r" if lowest < 0 else "Reds"), vmin=lowest, vmax=highest, aspect="auto",
        interpolation="nearest", extent=(0, source.shape[1], source.shape[0], 0),
    )  # fmt: skip
    ax.set(xlabel="target", ylabel="source")
    title = "weight" if max(blocks) == 1 else f"mean weight of {blocks[0]}x{blocks[1]} pairs"
    ax.figure.colorbar(image, ax=ax, label=title + label)
    return ax
