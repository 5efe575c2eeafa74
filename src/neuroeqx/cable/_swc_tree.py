"""Branches from the points of an SWC file."""

import math
from typing import Any

import numpy as np

from ._branch import Branch
from ._morphology import Morphology


_REGIONS = {1: "soma", 2: "axon", 3: "basal", 4: "apical"}
_SOMA = 1


def morphology_of(name: str, points: list[Any]) -> Morphology:
    """The branches of points that are a forest: each has a parent among them or is a root."""
    points = _joined(name, points)
    by_id = {p.id: p for p in points}
    children: dict[int, list[Any]] = {p.id: [] for p in points}
    for p in points:
        if p.parent != -1:
            children[p.parent].append(p)
    root = next(p for p in points if p.parent == -1)
    branches: list[Branch] = []
    # For each point from which others go on: the branch it lies on, and where they are attached to it.
    attached: dict[int, tuple[int | None, float]] = {}
    soma = _soma(points, children) if root.kind == _SOMA else None
    waiting: list[Any] = []
    if soma is not None:
        branches.append(soma)
        for p in points:
            if p.kind == _SOMA:
                attached[p.id] = 0, 0.5
                waiting += [c for c in children[p.id] if c.kind != _SOMA]
    else:
        _begin_at_root(root, children, branches, attached, waiting)
    while waiting:
        start = waiting.pop(0)
        parent, at = attached[start.parent]
        chain = _chain(start, children)
        path = _path(chain, by_id[start.parent], soma if at == 0.5 else None)
        if path is None:  # without length: what goes on from it goes on from where it begins
            place = parent, at
        else:
            branches.append(Branch(*path[:2], region=_region(start.kind), parent=parent, at=at, points=path[2]))
            place = len(branches) - 1, 1.0
        for p in chain:
            attached[p.id] = place
        waiting += children[chain[-1].id]
    if not branches:
        raise ValueError(f"{name}, line {root.line}: a single point that is no soma has no length.")
    return Morphology(branches)


def _begin_at_root(root: Any, children: Any, branches: list[Branch], attached: Any, waiting: list[Any]) -> None:
    """The first branch of a cell whose root is not a soma of one piece: from its root point along its first child. Other
    children
    of the root begin at the beginning of that branch."""
    left = list(children[root.id])
    attached[root.id] = 0, 0.0
    while left:
        start = left.pop(0)
        chain = _chain(start, children)
        path = _path([root, *chain], None, None)
        if path is not None:
            branches.append(Branch(*path[:2], region=_region(start.kind), points=path[2]))
            attached.update({p.id: (0, 1.0) for p in chain})
            waiting += left + children[chain[-1].id]
            return
        attached.update({p.id: (0, 0.0) for p in chain})
        left = children[chain[-1].id] + left


def _chain(start: Any, children: Any) -> list[Any]:
    """The points of one type from this one on, as long as they do not fork."""
    chain = [start]
    while len(children[chain[-1].id]) == 1 and children[chain[-1].id][0].kind == start.kind:
        chain.append(children[chain[-1].id][0])
    return chain


def _region(kind: int) -> str:
    return _REGIONS.get(kind, f"type{kind}")


def _joined(name: str, points: list[Any]) -> list[Any]:
    """The same points with one root."""
    roots = [p for p in points if p.parent == -1]
    somatic = [p for p in roots if p.kind == _SOMA]
    main = (somatic or roots)[0]
    joined = {main.id: main}
    for root in roots:
        if root is main:
            continue
        if root.kind == _SOMA and main.kind == _SOMA:
            joined[root.id] = root._replace(parent=main.id)
            continue
        inside = [p for p in points if p.kind == _SOMA and math.dist(p.xyz, root.xyz) <= p.radius]
        own = _below(root, points)
        there = [p for p in points if p.id not in own and np.array_equal(p.xyz, root.xyz)]
        if not (there or inside):
            raise ValueError(
                f"{name}, line {root.line}: point {root.id} is a second root, besides that of line {main.line}, and lies "
                "neither within the soma nor at another point. Give it a parent, or a file of its own."
            )
        joined[root.id] = root._replace(parent=(there or inside)[0].id)
    return [joined.get(p.id, p) for p in points]


def _below(root: Any, points: list[Any]) -> set[int]:
    """The ids of a root and of all that go out from it."""
    found, parents = {root.id}, {p.id: p.parent for p in points}
    for p in points:
        way = [p.id]
        while way[-1] not in found and way[-1] != -1:
            way.append(parents[way[-1]])
        if way[-1] in found:
            found.update(way)
    return found


def _soma(points: list[Any], children: dict[int, list[Any]]) -> Branch | None:
    """The soma as one branch, or `None` where it forks or is in several pieces."""
    soma = [p for p in points if p.kind == _SOMA]
    within = {p.id: [c for c in children[p.id] if c.kind == _SOMA] for p in soma}
    first = next(p for p in soma if p.parent == -1)
    if len(soma) == 1:
        return _sphere(first.xyz, first.radius)
    if len(soma) == 3 and len(within[first.id]) == 2:
        a, b = within[first.id]
        off = max(abs(math.dist(p.xyz, first.xyz) - first.radius) for p in (a, b))
        # Opposite, and a radius away; files are rounded.
        if off <= 0.05 * first.radius and math.dist(a.xyz, b.xyz) >= 1.9 * first.radius:
            return _sphere(first.xyz, first.radius)
    chain = [first]
    while len(within[chain[-1].id]) == 1:
        chain.append(within[chain[-1].id][0])
    if len(chain) < len(soma):
        return None
    xyz = np.stack([p.xyz for p in chain])
    steps = np.linalg.norm(np.diff(xyz, axis=0), axis=1)
    if len(chain) > 3 and np.linalg.norm(xyz[-1] - xyz[0]) < 0.5 * steps.sum():
        centre = xyz.mean(0)
        return _sphere(centre, float(np.linalg.norm(xyz - centre, axis=1).mean()))
    path = _path(chain, None, None)
    return _sphere(first.xyz, first.radius) if path is None else Branch(*path[:2], region="soma", points=path[2])


def _sphere(centre: np.ndarray, radius: float) -> Branch:
    """A cylinder of the same area."""
    along = np.asarray([[0.0, -radius, 0.0], [0.0, radius, 0.0]])
    return Branch(2.0 * radius, 2.0 * radius, region="soma", points=centre + along)


def _path(chain: list[Any], parent: Any, soma: Branch | None) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Positions, diameters and points of a branch; `None` if it has no length."""
    xyz = [p.xyz for p in chain]
    radii = [p.radius for p in chain]
    if parent is not None and (soma is None or len(chain) == 1):
        start = parent.xyz
        if soma is not None:
            way = xyz[0] - start
            far = float(np.linalg.norm(way))
            start = start + way * (min(parent.radius, 0.999 * far) / far) if far > 0.0 else start
        xyz, radii = [start, *xyz], [radii[0] if parent.kind == _SOMA != chain[0].kind else parent.radius, *radii]
    points = np.stack(xyz)
    positions = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    if positions[-1] == 0.0:
        return None
    return positions, 2.0 * np.asarray(radii), points
