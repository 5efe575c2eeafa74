"""Weight matrices."""

from collections.abc import Sequence
from typing import Any, TYPE_CHECKING

import numpy as np

from .._interfaces import AbstractConnectivity, AbstractSparseConnectivity
from ..network import Network
from ._axes import check_count, new_axes


if TYPE_CHECKING:
    from matplotlib.axes import Axes


def connectivity(source: Any, name: str | None = None, *, ax: "Axes | None" = None, max_pixels: int = 400) -> "Axes":
    """A weight matrix as a picture, sources downwards and targets across.

    **Arguments:**

    - `source`: a connectivity, or a `Network` together with the `name` of one of its projections. Sparse matrices are
        never made dense.
    - `ax`: where to draw; new axes by default.
    - `max_pixels`: larger matrices are averaged over blocks, so that each pixel shows the mean weight of its pairs, those
        without a synapse counting as zero.

    **Returns:** the axes.
    """
    check_count("max_pixels", max_pixels)
    label = ""
    if isinstance(source, Network):
        if name not in source.projections:
            raise ValueError(f"`name` must be one of the projections {sorted(source.projections)}, got {name!r}.")
        projection = source.projections[name]
        source, label = projection.comm, f" (projection {name})"
    if not isinstance(source, AbstractConnectivity):
        raise TypeError(f"Expected a connectivity or a Network, got {type(source).__name__}.")
    if 0 in source.shape:
        raise ValueError(f"A matrix of shape {source.shape} has nothing to draw.")
    blocks = [max(1, -(-n // max_pixels)) for n in source.shape]
    weights = _block_means(source, blocks)
    ax = new_axes(ax, (4.6, 3.8))
    signed = bool((weights < 0).any() and (weights > 0).any())
    top = float(np.abs(weights).max(initial=0.0)) or 1.0
    lowest = -top if (weights < 0).any() else 0.0
    highest = top if (weights > 0).any() or not (weights < 0).any() else 0.0
    image = ax.imshow(
        weights, cmap="RdBu_r" if signed else ("Blues_r" if lowest < 0 else "Reds"), vmin=lowest, vmax=highest, aspect="auto",
        interpolation="nearest", extent=(0, source.shape[1], source.shape[0], 0),
    )  # fmt: skip
    ax.set(xlabel="target (neuron)", ylabel="source (neuron)")
    title = "weight" if max(blocks) == 1 else f"mean weight of {blocks[0]} x {blocks[1]} pairs"
    ax.figure.colorbar(image, ax=ax, label=title + label)
    return ax


def _block_means(source: AbstractConnectivity, blocks: Sequence[int]) -> np.ndarray:
    """The matrix averaged over blocks of rows and columns; those at its ends may be smaller."""
    starts = [np.arange(0, n, b) for n, b in zip(source.shape, blocks, strict=True)]
    if isinstance(source, AbstractSparseConnectivity):
        csr: Any = source.to_csr()
        weights = np.broadcast_to(np.asarray(csr.weight, np.float64), (csr.nnz,))
        rows = np.repeat(np.arange(source.shape[0]), np.diff(np.asarray(csr.indptr, np.int64)))
        places = rows // blocks[0] * len(starts[1]) + np.asarray(csr.indices) // blocks[1]
        sums = np.bincount(places, weights, len(starts[0]) * len(starts[1])).reshape(len(starts[0]), len(starts[1]))
    else:
        dense = np.asarray(source.todense(), np.float64)
        sums = np.add.reduceat(np.add.reduceat(dense, starts[0], 0), starts[1], 1)
    heights, widths = (np.diff(np.append(s, n)) for s, n in zip(starts, source.shape, strict=True))
    return sums / np.outer(heights, widths)
