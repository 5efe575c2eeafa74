"""The shape of a cell: a tree of branches."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._branch import Branch


class Morphology:
    """The shape of a cell: a tree of branches, with the one from which all others come first.

    ```python
    ball_and_stick = nex.cable.Morphology([
        nex.cable.Branch(20.0, 20.0, region="soma"),
        nex.cable.Branch(200.0, [3.0, 1.0], region="apical", parent=0, at=0.5),
    ])
    ```

    It is plain data on the host; a `Cell` is made of its `Compartments`.

    **Arguments:**

    - `branches`: each comes after its parent.

    **Errors:** `ValueError` for no branches, several roots, and parents that come later.
    """

    def __init__(self, branches: Sequence[Branch]):
        self.branches = tuple(branches)
        if not self.branches:
            raise ValueError("Morphology: `branches` is empty.")
        for k, branch in enumerate(self.branches):
            if not isinstance(branch, Branch):
                raise TypeError(f"Morphology: `branches` holds a {type(branch).__name__}, not a Branch.")
            if k == 0 and branch.parent is not None:
                raise ValueError("Morphology: the first branch is the root, which has no parent.")
            if k == 0:
                continue
            if branch.parent is None:
                raise ValueError(f"Morphology: branch {k} has no parent; only the first branch is a root.")
            if not 0 <= branch.parent < k:
                raise ValueError(f"Morphology: branch {k} must come after its parent, got parent {branch.parent}.")

    def __repr__(self) -> str:
        regions = ", ".join(f"{self.length_of(name):.0f} um {name}" for name in self.regions)
        return f"Morphology({len(self.branches)} branches: {regions})"

    @functools.cached_property
    def regions(self) -> tuple[str, ...]:
        """The names of its parts, in the order in which they appear."""
        return tuple(dict.fromkeys(branch.region for branch in self.branches))

    @property
    def area(self) -> float:
        """The area of the membrane, um^2."""
        return sum(branch.area for branch in self.branches)

    def length_of(self, region: str) -> float:
        """The length of all branches of a region, um."""
        return sum(branch.length for branch in self.branches if branch.region == region)

    @functools.cached_property
    def begins(self) -> np.ndarray:
        """How far each branch begins from the middle of the soma along the tree, or from the beginning of the root where
        that is no soma, um, `[branches]`."""
        begins = np.zeros(len(self.branches))
        for k, branch in enumerate(self.branches[1:], 1):
            begins[k] = self.distance(branch.parent, branch.at, begins)  # pyright: ignore[reportArgumentType]
        return begins

    def distance(self, branch: int, x: Any, begins: np.ndarray | None = None) -> Any:
        """How far a place is from the soma along the tree (see `begins`), um.

        **Arguments:**

        - `branch`: by its position.
        - `x`: from 0 at the beginning of the branch to 1 at its end; a number or an array.
        """
        begins = self.begins if begins is None else begins
        if branch == 0 and self.branches[0].region == "soma":
            return np.abs(x - 0.5) * self.branches[0].length
        return begins[branch] + x * self.branches[branch].length
