"""Trees, and the order in which their nodes are eliminated."""

import functools
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Tree:
    """A tree of nodes, which is part of a program's structure: hashable, never traced.

    **Arguments:**

    - `parent`: the parent of each node, -1 for the root, in any order.

    **Errors:** `ValueError` where that is no tree: several roots or none, an unknown parent, a cycle.
    """

    def __init__(self, parent: Iterable[int]):
        self.parent = tuple(int(p) for p in parent)
        self._hash = hash(self.parent)
        n, roots = len(self.parent), [k for k, p in enumerate(self.parent) if p == -1]
        if len(roots) != 1:
            raise ValueError(f"Tree: one node must be the root (its parent -1), got {len(roots)} among {n} nodes.")
        unknown = [p for p in self.parent if not -1 <= p < n]
        if unknown:
            raise ValueError(f"Tree: the parent {unknown[0]} is none of the nodes 0 to {n - 1}.")
        self.root = roots[0]
        self._heights = _heights(self.parent, self.root)

    def __len__(self) -> int:
        return len(self.parent)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Tree) and self.parent == other.parent)

    def __repr__(self) -> str:
        return f"Tree({len(self)} nodes)"

    @functools.cached_property
    def order(self) -> np.ndarray:
        """Every node but the root, children before parents, then for each of them its parent, int32 `[2 * (nodes - 1)]`.

        Nodes of one height follow each other: they do not wait for one another's results."""
        order = np.argsort(self._heights, kind="stable")
        order = order[order != self.root]
        return np.concatenate([order, np.asarray(self.parent)[order]]).astype(np.int32)

    @functools.cached_property
    def rounds(self) -> tuple["Round", ...]:
        """A schedule of parallel elimination, some log2(nodes) rounds of nodes that are not neighbours."""
        return _rounds(self.parent, self.root)


class Round(NamedTuple):
    """Nodes that are eliminated together: `leaves` that have no child left, and `links` between a parent and one `child`.

    All are positions of nodes; `leaf_parents` and `link_parents` as the tree is by then."""

    leaves: np.ndarray
    leaf_parents: np.ndarray
    links: np.ndarray
    link_parents: np.ndarray
    children: np.ndarray


def _heights(parent: tuple[int, ...], root: int) -> np.ndarray:
    """The longest way from each node down to a leaf."""
    waiting = np.bincount([p for p in parent if p >= 0], minlength=len(parent))
    heights = np.zeros(len(parent), np.int64)
    ready, seen = [k for k in range(len(parent)) if waiting[k] == 0], 0
    while ready:
        node = ready.pop()
        seen += 1
        up = parent[node]
        if up >= 0:
            heights[up] = max(heights[up], heights[node] + 1)
            waiting[up] -= 1
            if waiting[up] == 0:
                ready.append(up)
    if seen < len(parent):
        raise ValueError(f"Tree: {len(parent) - seen} of the nodes are not reached from the root {root}: a cycle.")
    return heights


def _rounds(parent: tuple[int, ...], root: int) -> tuple[Round, ...]:
    up = list(parent)
    children: list[set[int]] = [set() for _ in parent]
    for node, p in enumerate(parent):
        if p >= 0:
            children[p].add(node)
    left = [k for k in np.argsort(_heights(parent, root), kind="stable").tolist() if k != root]
    rounds = []
    while left:
        taken: set[int] = set()
        leaves, links = [], []
        for node in left:
            if len(children[node]) > 1 or up[node] in taken or children[node] & taken:
                continue
            taken.add(node)
            (links if children[node] else leaves).append(node)
        below = [next(iter(children[node])) for node in links]
        above = [[up[node] for node in nodes] for nodes in (leaves, links)]
        arrays = (np.asarray(x, np.int32) for x in (leaves, above[0], links, above[1], below))
        rounds.append(Round(*arrays))
        for node in leaves:
            children[up[node]].remove(node)
        for node, child in zip(links, below, strict=True):
            children[up[node]].remove(node)
            children[up[node]].add(child)
            up[child] = up[node]
        left = [node for node in left if node not in taken]
    return tuple(rounds)
