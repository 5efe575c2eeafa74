"""Branches in compartments: their sizes, and the tree of conductances between them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..ops.tree import Tree
from ._morphology import Morphology
from ._rules import value_at


# Two nodes, and the two resistances between them (see `Compartments.halves`).
_Edge = tuple[int, int, int, int]


class Compartments:
    """A morphology in compartments, cylinders of equal length along each branch whose membrane and axial resistance are
    integrals
    over the branch's frusta. Plain data on the host.

    Compartments are numbered region by region, so that each region is a range, and within it branch by branch.

    - `area`: of the membrane, um^2, `[compartments]`.
    - `inner`, `outer`: axial resistance from the centre to the end nearer to the root and to the other one, for a
        resistivity of 1,
        1/um, `[compartments]`.
    - `length`: um; `distance`: of the centre from the soma along the tree, um; `branch`: the position of the branch,
        `[compartments]`.
    - `centres`: in space, um, `[compartments, 3]`; `None` if the morphology has no points.
    - `tree`: of the compartments, and after them of the points where branches meet, which have no membrane.
    - `halves`: for each of its nodes the two resistances on the way to its parent: positions in `inner`, then in `outer`,
        then a
        last one for none, `[nodes, 2]`.

    **Arguments:**

    - `morphology`: a `Morphology`.
    - `rule`: the number of compartments of each branch; or a rule such as `DLambda()` or `MaxLength(20.0)`, or any
        function `(morphology, branch) -> int` of the position of a branch.
    """

    def __init__(self, morphology: Morphology, rule: Any):
        if not isinstance(morphology, Morphology):
            raise TypeError(f"Compartments: `morphology` must be a Morphology, got {type(morphology).__name__}.")
        self.morphology = morphology
        counts = [_count(rule, morphology, k) for k in range(len(morphology.branches))]
        begins = morphology.begins
        first = [0] * len(counts)
        order = sorted(range(len(counts)), key=lambda k: morphology.regions.index(morphology.branches[k].region))
        total = 0
        for k in order:
            first[k], total = total, total + counts[k]
        self.size = total
        self.area, self.inner, self.outer = (np.zeros(total) for _ in range(3))
        self.length, self.distance = np.zeros(total), np.zeros(total)
        self.branch = np.zeros(total, np.int64)
        points = all(branch.points is not None for branch in morphology.branches)
        self.centres = np.zeros((total, 3)) if points else None
        for k, (branch, n) in enumerate(zip(morphology.branches, counts, strict=True)):
            own = slice(first[k], first[k] + n)
            edges = np.linspace(0.0, branch.length, n + 1)
            middle = 0.5 * (edges[1:] + edges[:-1])
            # Steps of the diameter at the beginning are of the first compartment.
            self.area[own] = np.diff(branch.area_until(edges[1:]), prepend=0.0)
            self.inner[own] = branch.resistance_until(middle) - branch.resistance_until(edges[:-1])
            self.outer[own] = branch.resistance_until(edges[1:]) - branch.resistance_until(middle)
            self.length[own], self.branch[own] = branch.length / n, k
            self.distance[own] = morphology.distance(k, middle / branch.length, begins)
            if self.centres is not None:
                self.centres[own] = branch.point(middle)
        self._first, self._counts = first, counts
        self.tree, self.halves = _tree(morphology, first, counts, total)

    def __repr__(self) -> str:
        return f"Compartments({self.size} of {self.morphology!r})"

    @property
    def regions(self) -> dict[str, tuple[int, int]]:
        """The first compartment of each region and the one after its last."""
        found = {}
        for name in self.morphology.regions:
            own = self.at(name)
            found[name] = int(own[0]), int(own[-1]) + 1
        return found

    def at(
        self, region: str | None = None, *, branch: int | None = None, x: float | None = None, distance: Any = None
    ) -> np.ndarray:
        """The compartments at a place, `[found]`.

        **Arguments:**

        - `region`: those of a region.
        - `branch`: those of a branch, by its position.
        - `x`: the one there, from 0 at the beginning of the branch to 1 at its end.
        - `distance`: (nearest, farthest): those whose centre is between these distances from the soma along the tree, um.

        **Errors:** `ValueError` for regions and branches that there are none of, and where nothing is found.
        """
        chosen = np.ones(self.size, bool)
        names = [b.region for b in self.morphology.branches]
        if region is not None:
            if region not in names:
                raise ValueError(f"at: there is no region {region!r}; there are {list(self.morphology.regions)}.")
            chosen &= np.asarray([name == region for name in names])[self.branch]
        if branch is not None:
            if not 0 <= branch < len(names):
                raise ValueError(f"at: there is no branch {branch}; there are {len(names)}.")
            chosen &= self.branch == branch
        if x is not None:
            if branch is None or not 0.0 <= x <= 1.0:
                raise ValueError(
                    f"at: `x` is a part of a branch, between 0 and 1; got x = {x!r} and branch = {branch!r}."
                )
            n = self._counts[branch]
            chosen &= np.arange(self.size) == self._first[branch] + min(int(x * n), n - 1)
        if distance is not None:
            low, high = distance
            chosen &= (self.distance >= low) & (self.distance <= high)
        found = np.flatnonzero(chosen)
        if not found.size:
            raise ValueError(
                f"at: there is no compartment there (region={region!r}, branch={branch!r}, distance={distance!r})."
            )
        return found

    def values(self, value: Any, *, default: float | None = None) -> np.ndarray:
        """A parameter of every compartment, `[compartments]`.

        **Arguments:**

        - `value`: a number; a function of distances from the soma along the tree (um, an array) to numbers; a dictionary from
            regions to either of these; or an array of one number for each compartment.
        - `default`: of regions that a dictionary leaves out.

        **Errors:** `ValueError` for a region that a dictionary leaves out without a default, and for arrays of another length.
        """
        if isinstance(value, Mapping):
            unknown = set(value) - set(self.morphology.regions)
            if unknown:
                raise ValueError(
                    f"values: there is no region {sorted(unknown)[0]!r}; there are {list(self.morphology.regions)}."
                )
        elif not isinstance(value, Callable):
            return _whole(value, self.size)
        found = np.zeros(self.size)
        for name, (start, stop) in self.regions.items():
            found[start:stop] = value_at("values: `value`", value, name, self.distance[start:stop], default)
        return found


def _whole(value: Any, size: int) -> np.ndarray:
    found = np.asarray(value, np.float64)
    if found.shape not in ((), (size,)):
        raise ValueError(f"values: the array has shape {found.shape}; there are {size} compartments.")
    return np.broadcast_to(found, (size,)).copy()


def _count(rule: Any, morphology: Morphology, branch: int) -> int:
    n = rule(morphology, branch) if isinstance(rule, Callable) else rule
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
        raise ValueError(
            f"Compartments: `rule` must give a whole number of compartments, at least 1, got {n!r} for branch {branch}."
        )
    return int(n)


def _tree(morphology: Morphology, first: list[int], counts: list[int], size: int) -> tuple[Tree, np.ndarray]:
    """The tree of compartments and of points without membrane, and the resistances along it (see `Compartments`)."""
    inner, outer, none = (lambda k: k), (lambda k: size + k), 2 * size
    edges: list[_Edge] = []  # a node, another one, the two resistances between
    ends: dict[tuple[int, int], list[int]] = {}  # (branch, its end 0 or 1) -> compartments that begin there

    for k, branch in enumerate(morphology.branches):
        start, last = first[k], first[k] + counts[k] - 1
        edges += [(c + 1, c, outer(c), inner(c + 1)) for c in range(start, last)]
        if branch.parent is None:
            continue
        p, at = branch.parent, branch.at
        above = morphology.branches[p].parent
        while at == 0.0 and above is not None:  # where the parent itself begins
            p, at = above, morphology.branches[p].at
            above = morphology.branches[p].parent
        if 0.0 < at < 1.0:
            n = counts[p]
            edges.append((start, first[p] + min(int(at * n), n - 1), inner(start), none))
        else:
            ends.setdefault((p, int(at)), []).append(start)
    node = size
    for (p, end), starts in ends.items():
        near = first[p] + (counts[p] - 1 if end else 0)
        half = outer(near) if end else inner(near)
        if len(starts) == 1:
            edges.append((starts[0], near, half, inner(starts[0])))
            continue
        edges += [(node, near, half, none), *((c, node, inner(c), none) for c in starts)]
        node += 1
    return _rooted(edges, first[0], node)


def _rooted(edges: list[_Edge], root: int, nodes: int) -> tuple[Tree, np.ndarray]:
    neighbours: list[list[tuple[int, tuple[int, int]]]] = [[] for _ in range(nodes)]
    for a, b, one, other in edges:
        neighbours[a].append((b, (one, other)))
        neighbours[b].append((a, (one, other)))
    parent, halves, seen = np.full(nodes, -1), np.zeros((nodes, 2), np.int32), [root]
    for node in seen:
        for other, own in neighbours[node]:
            if other != parent[node]:
                parent[other], halves[other] = node, own
                seen.append(other)
    return Tree(parent.tolist()), halves
