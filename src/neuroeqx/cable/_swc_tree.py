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
    points = _from_soma(_joined(name, points))
    by_id = {p.id: p for p in points}
    children: dict[int, list[Any]] = {p.id: [] for p in points}
    for p in points:
        if p.parent != -1:
            children[p.parent].append(p)
    root = next(p for p in points if p.parent == -1)
    branches: list[Branch] = []
    # For each point from which others go on: the branch it lies on, and where they are attached to it.
    attached: dict[int, tuple[int | None, float]] = {}
    soma = _soma(root, children) if root.kind == _SOMA else None
    waiting: list[Any] = []
    # The points of the soma whose branches begin with their own first point: those on which it goes on.
    inner = {p.id for p in points if p.kind == _SOMA and len(_soma_children(p, children)) + (p.parent != -1) > 1}
    if soma is not None:
        branch, places = soma
        inner |= {p for p, at in places.items() if at == 0.5}
        branches.append(branch)
        attached.update({p: (0, at) for p, at in places.items()})
        waiting += [c for p in points if p.id in attached for c in children[p.id] if c.kind != _SOMA]
    else:
        _begin_at_root(root, children, branches, attached, waiting)
    while waiting:
        start = waiting.pop(0)
        parent, at = attached[start.parent]
        chain = _chain(start, children)
        inside = start.parent in inner
        if (
            inside and len(chain) == 1 and len(children[start.id]) > 1
        ):  # its branches begin in the soma, with this point
            path = None
        else:
            path = _path(chain, None if inside and len(chain) > 1 else by_id[start.parent])
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
    left = sorted(children[root.id], key=lambda p: root.kind == _SOMA != p.kind)
    attached[root.id] = 0, 0.0
    while left:
        start = left.pop(0)
        chain = _chain(start, children)
        path = _path([root, *chain], None)
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
    main = next((p for p in roots if p.kind == _SOMA), roots[0])
    left, connected, joined = [p for p in roots if p is not main], _below(main, points), {}
    while left:
        known = [p for p in points if p.id in connected]
        for root in left:
            own = _below(root, points)
            place = _place_of(root, known, any(p.kind != _SOMA for p in points if p.id in own))
            if place is not None:
                break
        else:
            root = left[0]
            raise ValueError(
                f"{name}, line {root.line}: point {root.id} is a second root, besides that of line {main.line}, and neither "
                "touches the soma nor lies at another point. Give it a parent, or a file of its own."
            )
        joined[root.id] = root._replace(parent=place.id)
        left.remove(root)
        connected |= own
    return [joined.get(p.id, p) for p in points]


def _place_of(root: Any, points: list[Any], is_tree: bool) -> Any:
    """Which of these points another root goes out from, or `None`. A root of more than soma is no further piece of the soma,
    unless they touch."""
    there = [p for p in points if np.array_equal(p.xyz, root.xyz)]
    soma = [p for p in points if p.kind == _SOMA]
    if there or not soma:
        return there[0] if there else None
    if root.kind == _SOMA and not is_tree:
        return soma[0]
    gap = lambda p: math.dist(p.xyz, root.xyz) - p.radius - root.radius
    nearest = min(soma, key=gap)
    if gap(nearest) <= 0.0:
        return nearest
    centre = np.mean([p.xyz for p in soma], 0)
    outline = max(math.dist(p.xyz, centre) for p in soma)
    return nearest if math.dist(root.xyz, centre) - root.radius <= outline else None


def _below(root: Any, points: list[Any]) -> set[int]:
    """The ids of a root and of all that go out from it."""
    children: dict[int, list[int]] = {}
    for p in points:
        children.setdefault(p.parent, []).append(p.id)
    found = [root.id]
    for own in found:
        found += children.get(own, ())
    return set(found)


def _from_soma(points: list[Any]) -> list[Any]:
    """The same tree with its root in the soma, if that is in one piece: along the way to the former root, parents become
    children."""
    by_id = {p.id: p for p in points}
    tops = [p for p in points if p.kind == _SOMA and (p.parent == -1 or by_id[p.parent].kind != _SOMA)]
    if len(tops) != 1 or tops[0].parent == -1:
        return points
    point, parent, turned = tops[0], -1, {}
    while True:
        turned[point.id] = point._replace(parent=parent)
        if point.parent == -1:
            return [turned.get(p.id, p) for p in points]
        point, parent = by_id[point.parent], point.id


def _soma_children(point: Any, children: dict[int, list[Any]]) -> list[Any]:
    return [c for c in children[point.id] if c.kind == _SOMA]


def _soma(root: Any, children: dict[int, list[Any]]) -> tuple[Branch, dict[int, float]] | None:
    """The soma at the root as one branch, and where along it each of its points is; `None` where it forks."""
    soma, chain = [root], [root]
    for p in soma:
        soma += _soma_children(p, children)
    while len(_soma_children(chain[-1], children)) == 1:
        chain += _soma_children(chain[-1], children)
    sphere = _sphere_of(soma, chain)
    if sphere is not None:
        return sphere, {p.id: 0.5 for p in soma}
    if len(chain) < len(soma):
        return None
    positions, diameters, xyz = _path(chain, None)  # pyright: ignore[reportGeneralTypeIssues]
    places = {p.id: float(x) for p, x in zip(chain, positions / positions[-1], strict=True)}
    return Branch(positions, diameters, region="soma", points=xyz), places


def _sphere_of(soma: list[Any], chain: list[Any]) -> Branch | None:
    """The sphere that these points are, of which some are a chain; `None` if they are none."""
    first, xyz = soma[0], np.stack([p.xyz for p in chain])
    if len(soma) == 3 and len(chain) == 1:
        a, b = soma[1:]
        off = max(abs(math.dist(p.xyz, first.xyz) - first.radius) for p in (a, b))
        # Opposite, and a radius away; files are rounded.
        if off <= 0.05 * first.radius and math.dist(a.xyz, b.xyz) >= 1.9 * first.radius:
            return _sphere(first.xyz, first.radius)
    if len(chain) < len(soma):
        return None
    length = np.linalg.norm(np.diff(xyz, axis=0), axis=1).sum()
    if length == 0.0:
        return _sphere(first.xyz, max(p.radius for p in soma))
    centre = xyz.mean(0)
    radius = float(np.linalg.norm(xyz - centre, axis=1).mean())
    # A thin line that closes.
    thin = np.mean([p.radius for p in chain]) < 0.5 * radius
    if len(chain) > 3 and thin and np.linalg.norm(xyz[-1] - xyz[0]) < 0.5 * length:
        return _sphere(centre, radius)
    return None


def _sphere(centre: np.ndarray, radius: float) -> Branch:
    """A cylinder of the same area."""
    along = np.asarray([[0.0, -radius, 0.0], [0.0, radius, 0.0]])
    return Branch(2.0 * radius, 2.0 * radius, region="soma", points=centre + along)


def _path(chain: list[Any], parent: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Positions, diameters and points of a branch, which begins at the parent if there is one; `None` if it has no length."""
    xyz, radii = [p.xyz for p in chain], [p.radius for p in chain]
    if parent is not None:
        begin = radii[0] if parent.kind == _SOMA != chain[0].kind else parent.radius
        xyz, radii = [parent.xyz, *xyz], [begin, *radii]
    points = np.stack(xyz)
    positions = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    if positions[-1] == 0.0:
        return None
    return positions, 2.0 * np.asarray(radii), points
