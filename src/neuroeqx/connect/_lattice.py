"""Connections whose probability depends on the distance between cells on two grids."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import numpy as np

from .. import ops
from .._interfaces import AbstractRule
from .._types import Key
from ..ops.procedural import Grid
from ._csr import CSR
from ._delays import as_delay, show_delay
from ._draw import generator, matrix
from ._weights import as_weight, show


class Lattice(AbstractRule):
    """As made by `lattice`."""

    profile: Callable[..., Any] = eqx.field(static=True)
    shape_pre: tuple[int, int] = eqx.field(static=True)
    shape_post: tuple[int, int] = eqx.field(static=True)
    radius: tuple[int, int] = eqx.field(static=True)
    weight: Any
    periodic: bool = eqx.field(static=True)
    autapses: bool = eqx.field(static=True)
    delay: Any

    def __check_init__(self) -> None:
        self.probabilities()
        if not self.autapses and self.shape_pre != self.shape_post:
            raise ValueError(
                f"lattice: `autapses=False` speaks of one grid connected to itself, but there are {self.shape_pre} sources "
                f"and {self.shape_post} targets."
            )

    @property
    def grid(self) -> Grid:
        return Grid(self.shape_pre, self.shape_post, self.radius, self.periodic)

    def probabilities(self) -> np.ndarray:
        """Of every offset within the radius: `[2 radius + 1, 2 radius + 1]`."""
        grid = self.grid
        dy, dx = (np.arange(-r, r + 1, dtype=np.float64) for r in self.radius)
        p = np.asarray(self.profile(dy[:, None], dx[None, :]), np.float64)
        p = np.array(np.broadcast_to(p, grid.box))
        if not np.all((p >= 0.0) & (p <= 1.0)):
            raise ValueError(f"lattice: `profile` must give probabilities, got values from {p.min()} to {p.max()}.")
        if not self.autapses:
            p[self.radius] = 0.0
        return p

    def tables(self, n_pre: int, n_post: int) -> tuple[Grid, np.ndarray, np.ndarray, float]:
        """The grid, the tables of gaps and of acceptance, and how many synapses to expect."""
        grid = self.grid
        if (int(np.prod(grid.pre)), int(np.prod(grid.post))) != (n_pre, n_post):
            raise ValueError(
                f"lattice: grids of {grid.pre} sources and {grid.post} targets do not fit {n_pre} sources and {n_post} "
                "targets."
            )
        p = self.probabilities()
        most, accept = ops.procedural.accept_table(p)
        pairs = np.outer(*(_sources(grid, axis) for axis in range(2)))  # within the grid, of every offset
        return grid, ops.procedural.gap_table(most or 1.0), accept, float((p * pairs).sum())

    def __call__(self, n_pre: int, n_post: int, *, key: Key | None = None) -> CSR:
        from ._procedural import can_be_procedural, draw  # which imports this module

        rng_key = generator("lattice", key)[1]
        assert key is not None
        if can_be_procedural(self.weight, self.delay):
            return draw(self, n_pre, n_post, key).to_csr()
        bare = Lattice(
            self.profile,
            self.shape_pre,
            self.shape_post,
            self.radius,
            as_weight(1.0),
            self.periodic,
            self.autapses,
            None,
        )
        places = draw(bare, n_pre, n_post, key).to_csr()
        indices, indptr = np.asarray(places.indices), np.asarray(places.indptr)
        return matrix("lattice", None, indices, indptr, (n_pre, n_post), self.weight, self.delay, rng_key)

    def __repr__(self) -> str:
        flags = (", periodic=True" if self.periodic else "") + ("" if self.autapses else ", autapses=False")
        name = getattr(self.profile, "__name__", repr(self.profile))
        return (
            f"lattice({name}, {self.shape_pre}, {self.shape_post}, radius={self.radius}, weight={show(self.weight)}{flags}"
            f"{show_delay(self.delay)})"
        )


def _sources(grid: Grid, axis: int) -> np.ndarray:
    """How many sources have a target at each offset along an axis."""
    y = np.arange(grid.pre[axis], dtype=np.int64)
    centres = (2 * y + 1) * grid.post[axis] // (2 * grid.pre[axis])
    offsets = np.arange(-grid.radius[axis], grid.radius[axis] + 1)
    if grid.periodic:
        return np.full(offsets.shape, grid.pre[axis])
    places = np.sort(centres)
    below = np.searchsorted(places, -offsets)
    return np.searchsorted(places, grid.post[axis] - offsets) - below


def lattice(
    profile: Callable[..., Any],
    shape_pre: Any,
    shape_post: Any = None,
    *,
    radius: Any,
    weight: Any = 1.0,
    periodic: bool = False,
    autapses: bool = True,
    delay: Any = None,
) -> Lattice:
    """Two grids of cells over the same area; the probability of a connection depends on the offset between two cells.

    Source (y, x) of a grid (H, W) lies over target ((2 y + 1) Ht // (2 H), (2 x + 1) Wt // (2 W)) of the grid (Ht, Wt).

    **Arguments:**

    - `profile`: from the offsets `dy, dx` of a target from this place, in units of the distance between neighbouring
        targets, to the probability of a connection. Called once with NumPy arrays `[2 radius + 1, 1]` and
        `[1, 2 radius + 1]`.
    - `shape_pre`, `shape_post`: rows and columns of the two grids; the same for both by default. Cells are numbered row by
        row.
    - `radius`: the largest offset in either direction, or along each of both.
    - `weight`: a number, or a function `(key, shape) -> array` such as `normal(mean, sd)`.
    - `periodic`: whether the grids are wrapped around at their borders. By default nothing lies beyond.
    - `autapses`: whether a cell may be connected to itself.
    - `delay`: as in `bernoulli`.

    **Returns:** a rule that draws a `CSR`; `procedural(lattice(...))` draws the same matrix and does not store it.
    """
    radii = (radius, radius) if isinstance(radius, int | np.integer) else tuple(radius)
    sides = _sides("shape_pre", shape_pre)
    return Lattice(
        profile,
        sides,
        sides if shape_post is None else _sides("shape_post", shape_post),
        (int(radii[0]), int(radii[1])),
        as_weight(weight),
        periodic,
        autapses,
        as_delay("lattice", delay),
    )


def _sides(name: str, shape: Any) -> tuple[int, int]:
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise ValueError(f"lattice: `{name}` must be the two sides of a grid, got {shape!r}.")
    return int(shape[0]), int(shape[1])
