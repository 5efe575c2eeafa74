"""Cells from SWC files."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ._morphology import Morphology
from ._swc_tree import morphology_of


_LINE_END = re.compile(r"\r\n|\r|\n")


class Point(NamedTuple):
    """A line of an SWC file: `xyz` and `radius` in um, `parent` the id of another point or -1."""

    line: int
    id: int
    kind: int
    xyz: np.ndarray
    radius: float
    parent: int


def read_swc(source: str | os.PathLike[str]) -> Morphology:
    r"""A cell from an SWC file (Cannon et al. 1998; the conventions of NeuroMorpho.Org).

    Lines are `id type x y z radius parent`, in um and in any order, separated by blanks or commas; what follows `#`, empty
    lines and further columns are left out. Types become regions: 1 `"soma"`, 2 `"axon"`, 3 `"basal"`, 4 `"apical"`, others
    `"type0"`, `"type5"`, ... A branch is a piece of one type without forks; it begins at the point it is attached to, except
    where that lies within the soma.

    Somata:

    - one point is a sphere, a compartment whose length is its diameter;
    - three points, the second and third a radius away from the first on opposite sides, are a sphere too;
    - a thin line that closes, four points or more, is a contour: a sphere around its centre with the mean distance as radius;
    - any other chain is one of frusta; forked points of type 1 are branches as others.

    Branches go out from the middle of a sphere, with their own first point; if they fork there, so do all their branches, and
    if they have no other point, they begin at the soma's. From frusta they go out where they are attached, at the ends with
    the way from the soma's point, in between without. This is how NEURON's `Import3d` reads such files.

    If the root is not in the soma, the tree is turned round, so that all goes out from the soma, if that is in one piece.
    Several roots are one tree if the others are points of the soma, touch it, or are where another point is.

    **Arguments:**

    - `source`: a path; or the text of a file, which has more than one line.

    **Errors:** `ValueError` naming the line, for lines that are no points, ids that are there twice, parents that are not
    there,
    cycles, radii that are not positive, roots that belong to nothing, and files without points.
    """
    text = str(source)
    is_text = isinstance(source, str) and _LINE_END.search(source) is not None
    if not is_text:
        text = Path(source).read_text(encoding="utf-8", errors="replace")
    text = text.removeprefix("\ufeff")
    name = "SWC text" if is_text else str(source)
    points = [
        p for number, line in enumerate(_LINE_END.split(text), 1) if (p := _point(name, number, line)) is not None
    ]
    if not points:
        raise ValueError(f"{name}: there are no points.")
    _check_tree(name, points)
    return morphology_of(name, points)


def _point(name: str, number: int, line: str) -> Point | None:
    given = line.split("#", 1)[0]
    if not given.strip():
        return None
    # Seven numbers between commas; commas within words between blanks are those of decimals, which are refused below.
    words = given.split(",") if given.count(",") >= 6 else given.split()
    if len(words) < 7:
        raise _broken(
            name, number, f"expected `id type x y z radius parent`, got {len(words)} columns: {line.strip()!r}"
        )
    try:
        numbers = [float(word) for word in words[:7]]
    except ValueError:
        raise _broken(name, number, f"there is something that is no number: {line.strip()!r}") from None
    if not np.all(np.isfinite(numbers)):
        raise _broken(name, number, f"all numbers must be finite: {line.strip()!r}")
    whole = [numbers[0], numbers[1], numbers[6]]
    if any(x != int(x) for x in whole):
        raise _broken(name, number, f"id, type and parent must be whole numbers: {line.strip()!r}")
    own, kind, parent = map(int, whole)
    if own < 0 or kind < 0 or parent < -1:
        raise _broken(name, number, f"id and type must not be negative, nor a parent other than -1: {line.strip()!r}")
    if numbers[5] <= 0.0:
        raise _broken(name, number, f"the radius must be positive, got {numbers[5]:g}")
    if parent == own:
        raise _broken(name, number, f"point {own} is its own parent")
    return Point(number, own, kind, np.asarray(numbers[2:5]), numbers[5], parent)


def _check_tree(name: str, points: list[Point]) -> None:
    by_id: dict[int, Point] = {}
    for point in points:
        if point.id in by_id:
            raise _broken(name, point.line, f"the id {point.id} is that of line {by_id[point.id].line} too")
        by_id[point.id] = point
    for point in points:
        if point.parent != -1 and point.parent not in by_id:
            raise _broken(name, point.line, f"the parent {point.parent} of point {point.id} is not in the file")
    rooted: set[int] = set()
    for point in points:
        way, node = set(), point
        while node.id not in rooted:
            way.add(node.id)
            if node.parent == -1:
                break
            node = by_id[node.parent]
            if node.id in way:
                raise _broken(name, point.line, f"point {point.id} is not connected to a root: its parents are a cycle")
        rooted.update(way)


def _broken(name: str, number: int, what: str) -> ValueError:
    return ValueError(f"{name}, line {number}: {what}.")
