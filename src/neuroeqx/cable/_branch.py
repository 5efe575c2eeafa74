"""Unbranched pieces of a cell, and integrals along them."""

from typing import Any

import numpy as np


class Branch:
    r"""An unbranched piece of a cell: a chain of frusta, cones that are cut off.

    **Arguments:**

    - `length`: um, positive; or the positions along the branch at which diameters are given, `[points]`, from 0 on and not
        falling. A position that is there twice is a step of the diameter.
    - `diameter`: um, positive: one, or one for each point; between points it changes linearly. With a single length, points
        are equally far apart.
    - `region`: the name of its part of the cell, such as `"soma"`, `"axon"`, `"basal"`, `"apical"`.
    - `parent`: the position of the branch that it begins at in the list of branches; `None` for the first one.
    - `at`: where along its parent it begins: 1 is the end, 0 the beginning, between them the centre of the compartment there.
    - `points`: where the points are in space, um, `[points, 3]`, if that is known.

    **Errors:** `ValueError` naming the argument.
    """

    def __init__(
        self,
        length: Any,
        diameter: Any,
        *,
        region: str = "dendrite",
        parent: int | None = None,
        at: float = 1.0,
        points: Any = None,
    ):
        diameters = np.atleast_1d(np.asarray(diameter, np.float64))
        lengths = np.asarray(length, np.float64)
        if lengths.ndim == 0:
            diameters = np.repeat(diameters, 2) if diameters.size == 1 else diameters
            lengths = np.linspace(0.0, float(lengths), diameters.size)
        elif diameters.size == 1:
            diameters = np.repeat(diameters, lengths.size)
        if lengths.ndim != 1 or lengths.shape != diameters.shape or lengths.size < 2:
            raise ValueError(
                f"Branch: `length` has shape {lengths.shape} and `diameter` {diameters.shape}; give one diameter for each of "
                "two points or more."
            )
        if (
            not np.all(np.isfinite(lengths))
            or lengths[0] != 0.0
            or np.any(np.diff(lengths) < 0.0)
            or lengths[-1] <= 0.0
        ):
            raise ValueError(f"Branch: `length` must be positive, positions must go up from 0, got {length!r}.")
        if not np.all(np.isfinite(diameters) & (diameters > 0.0)):
            raise ValueError(f"Branch: `diameter` must be positive, got {diameter!r}.")
        if not 0.0 <= at <= 1.0:
            raise ValueError(
                f"Branch: `at` must lie between 0, the beginning of the parent, and 1, its end, got {at!r}."
            )
        self.positions, self.radii = lengths, 0.5 * diameters
        self.region, self.parent, self.at = str(region), parent, float(at)
        self.points = None if points is None else np.asarray(points, np.float64)
        if self.points is not None and self.points.shape != (lengths.size, 3):
            raise ValueError(f"Branch: `points` has shape {self.points.shape}, expected {(lengths.size, 3)}.")

    def __repr__(self) -> str:
        return f"Branch({self.length:g} um, {self.region!r}, parent={self.parent})"

    @property
    def length(self) -> float:
        """um."""
        return float(self.positions[-1])

    @property
    def area(self) -> float:
        """The area of its membrane, without the ends, um^2."""
        return float(self.area_until(self.length))

    def area_until(self, x: Any) -> Any:
        r"""The area of the membrane from the beginning to `x` (um), um^2: $\pi (r_0 + r_1) \sqrt{h^2 + (r_1 - r_0)^2}$ for each
        frustum."""
        return self._until(x, lambda h, a, b: np.pi * (a + b) * np.hypot(h, b - a))

    def resistance_until(self, x: Any) -> Any:
        r"""The axial resistance from the beginning to `x` (um) of a medium of resistivity 1, 1/um: $\int dx / \pi r^2$,
        which is
        $h / (\pi r_0 r_1)$ for each frustum."""
        return self._until(x, lambda h, a, b: h / (np.pi * a * b))

    def mean_of_root_diameter(self) -> float:
        r"""The mean of $1 / \sqrt{d}$ along the branch, 1/um^0.5: with it electrotonic lengths are integrals too."""
        # Of a frustum, whose diameter is linear, the mean is 2 / (sqrt(d_0) + sqrt(d_1)).
        d = 2.0 * self.radii
        return float(np.sum(np.diff(self.positions) * 2.0 / (np.sqrt(d[:-1]) + np.sqrt(d[1:]))) / self.length)

    def point(self, x: Any) -> np.ndarray | None:
        """Where `x` (um) lies in space, um."""
        if self.points is None:
            return None
        return np.stack([np.interp(x, self.positions, axis) for axis in self.points.T], -1)

    def _until(self, x: Any, of: Any) -> Any:
        x = np.asarray(x, np.float64)
        h, r = np.diff(self.positions), self.radii
        before = np.concatenate([[0.0], np.cumsum(of(h, r[:-1], r[1:]))])
        at = np.clip(np.searchsorted(self.positions, x, side="right") - 1, 0, h.size - 1)
        part = np.clip(x - self.positions[at], 0.0, h[at])
        here = r[at] + (r[at + 1] - r[at]) * np.divide(part, h[at], out=np.ones_like(part), where=h[at] > 0.0)
        return before[at] + of(part, r[at], here)
