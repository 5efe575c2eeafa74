"""SWC files of every convention, and broken ones, whose line is named."""

import json
from pathlib import Path

import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx import cable


SECTIONS = json.loads((Path(__file__).parents[1] / "data" / "neuron_swc" / "sections.json").read_text())
DENDRITE = "10 3 0 5 0 1 1\n11 3 0 15 0 1 10\n12 3 10 15 0 1 11\n13 3 -10 15 0 1 11\n"


def shape(text):
    """The regions, lengths, parents and places of all branches."""
    return [(b.region, round(b.length, 6), b.parent, b.at) for b in cable.read_swc(text).branches]


DENDRITES = [("basal", 10.0, 0, 0.5), ("basal", 10.0, 1, 1.0), ("basal", 10.0, 1, 1.0)]


@pytest.mark.parametrize(
    ("soma", "length", "area", "begins"),
    [
        ("1 1 0 0 0 5 -1\n", 10.0, 100.0 * np.pi, None),
        # Three points of NeuroMorpho.Org, on either axis, rounded.
        ("1 1 0 0 0 5 -1\n2 1 0 -5 0 5 1\n3 1 0 5.01 0 5 1\n", 10.0, 100.0 * np.pi, None),
        ("1 1 0 0 0 5 -1\n2 1 5 0 0 5 1\n3 1 -5 0 0 5 1\n", 10.0, 100.0 * np.pi, None),
        ("1 1 0 -4 0 5 -1\n2 1 0 4 0 5 1\n", 8.0, 80.0 * np.pi, -4.0),
        # Chains of frusta: three points that are no sphere, and more.
        ("1 1 0 -4 0 5 -1\n2 1 0 0 0 5 1\n3 1 0 4 0 2 2\n", 8.0, 40.0 * np.pi + 7.0 * np.pi * 5.0, -4.0),
        ("1 1 0 -9 0 3 -1\n2 1 0 -8 0 3 1\n3 1 0 2 0 3 2\n4 1 0 3 0 3 3\n", 12.0, 72.0 * np.pi, -9.0),
        # A thick line that closes is no contour.
        (
            "1 1 4 0 0 3 -1\n2 1 0 4 0 3 1\n3 1 -4 0 0 3 2\n4 1 0 -4 0 3 3\n",
            288.0**0.5,
            72.0 * np.pi * 2.0**0.5,
            5.0 - 41.0**0.5,
        ),
        # A contour, of small radii.
        ("1 1 5 0 0 .1 -1\n2 1 0 5 0 .1 1\n3 1 -5 0 0 .1 2\n4 1 0 -5 0 .1 3\n", 10.0, 100.0 * np.pi, None),
        # Several roots of a soma are one.
        ("1 1 0 -4 0 5 -1\n2 1 0 4 0 5 -1\n", 8.0, 80.0 * np.pi, -4.0),
    ],
)
def test_somata(soma, length, area, begins):
    """The dendrite begins at y = 5, or at `begins` where it is attached to an end of the soma."""
    stem = DENDRITES[0] if begins is None else ("basal", round(15.0 - begins, 6), 0, 0.0)
    assert shape(soma + DENDRITE) == [("soma", round(length, 6), None, 1.0), stem, *DENDRITES[1:]]
    found = cable.read_swc(soma + DENDRITE).branches[0].area
    assert abs(found / area - 1.0) < 1e-9


@pytest.mark.parametrize("name", SECTIONS)
def test_trees_are_those_of_neuron(name, ledger):
    text, expected = SECTIONS[name]
    found = {}
    for branch in cable.read_swc(text).branches:
        own = found.setdefault(branch.region, np.zeros(3))
        own += [1, branch.length, branch.area]
    assert set(found) == set(expected)
    assert all(found[region][0] == expected[region][0] for region in found)
    error = max(np.abs(found[region][1:] / expected[region][1:] - 1.0).max() for region in found)
    ledger("read_swc", "NEURON, Import3d", f"lengths and areas of all regions, relative: {name}", error, 1e-5)


def test_the_soma_is_the_root_wherever_the_file_begins():
    """An axon from far away to a soma in the middle, of one point and of two."""
    one = "1 2 0 -50 0 1 -1\n2 2 0 -20 0 1 1\n3 1 0 0 0 5 2\n4 3 0 5 0 1 3\n5 3 0 30 0 1 4\n"
    assert shape(one) == [("soma", 10.0, None, 1.0), ("axon", 30.0, 0, 0.5), ("basal", 25.0, 0, 0.5)]
    two = "1 2 0 -50 0 1 -1\n2 2 0 -20 0 1 1\n3 1 0 -5 0 5 2\n6 1 0 5 0 5 3\n4 3 0 5 0 1 6\n5 3 0 30 0 1 4\n"
    assert shape(two) == [("soma", 10.0, None, 1.0), ("axon", 45.0, 0, 0.0), ("basal", 25.0, 0, 1.0)]
    # The former root forks.
    forked = one + "6 2 9 -50 0 1 1\n7 2 -8 -50 0 1 1\n"
    assert shape(forked) == [*shape(one), ("axon", 9.0, 1, 1.0), ("axon", 8.0, 1, 1.0)]


def test_any_order_comments_separators_and_roots_that_belong_to_the_cell(tmp_path):
    expected = [("soma", 10.0, None, 1.0), *DENDRITES]
    lines = ("1 1 0 0 0 5 -1\n" + DENDRITE).splitlines()
    backwards = "\n".join(reversed(lines))
    # The two last branches come in the order of the file.
    assert shape(backwards) == expected
    dressed = "# x\r\n\r\n" + "\r\n".join(f"  {line.replace(' ', chr(9))} 7 # y" for line in lines) + "\r\n"
    assert shape(dressed) == expected
    path = tmp_path / "cell.swc"
    path.write_text(dressed)
    assert [b.region for b in cable.read_swc(path).branches] == ["soma", "basal", "basal", "basal"]
    # Files of other systems: byte-order marks, ends of lines, blanks.
    text = "1 1 0 0 0 5 -1\n" + DENDRITE
    for other in (
        "\ufeff" + text,
        "\ufeff# x\x0cy\n" + text,
        text.replace("\n", "\r"),
        text.replace(" ", ", "),
        text + "\n \t\n",
    ):
        path.write_bytes(other.encode())
        assert shape(other) == expected
        assert [b.length for b in cable.read_swc(path).branches] == [b[1] for b in expected]
    # A root within the soma, and one at another point.
    inside = "1 1 0 0 0 5 -1\n" + DENDRITE.replace("10 3 0 5 0 1 1", "10 3 0 5 0 1 -1")
    assert shape(inside) == expected
    contour = "1 1 5 0 0 .1 -1\n2 1 0 5 0 .1 1\n3 1 -5 0 0 .1 2\n4 1 0 -5 0 .1 3\n"
    assert shape(contour + inside[len("1 1 0 0 0 5 -1\n") :].replace("0 5 0 1 -1", "0 5.2 0 1 -1"))[1][1:] == (
        9.8,
        0,
        0.5,
    )
    # A root at a point of a tree whose root is at a point of the cell.
    chained = text + "20 3 -10 25 0 1 -1\n21 3 -10 30 0 1 20\n22 3 -10 15 0 1 -1\n23 3 -10 25 0 1 22\n"
    assert shape(chained) == [*expected[:3], ("basal", 25.0, 1, 1.0)]
    there = "\n".join(lines[:3]) + "\n20 3 0 15 0 1 -1\n12 3 10 15 0 1 20\n13 3 -10 15 0 1 20\n"
    assert shape(there) == expected


def test_trees_without_a_soma_forked_somata_and_points_without_length():
    # The root forks: the second branch begins where the first does.
    axon = "1 2 0 0 0 1 -1\n2 2 10 0 0 1 1\n3 2 -20 0 0 1 1\n4 5 -20 7 0 1 3\n"
    assert shape(axon) == [("axon", 10.0, None, 1.0), ("axon", 20.0, 0, 0.0), ("type5", 7.0, 1, 1.0)]
    forked = "1 1 0 0 0 3 -1\n2 1 0 6 0 3 1\n3 1 6 0 0 3 1\n4 1 -6 0 0 3 1\n5 3 0 9 0 1 2\n"
    assert shape(forked) == [
        ("soma", 6.0, None, 1.0),
        ("soma", 6.0, 0, 0.0),
        ("soma", 6.0, 0, 0.0),
        ("basal", 3.0, 0, 1.0),
    ]
    assert cable.read_swc(forked).branches[3].radii[0] == 1.0
    # One point twice, at a fork and at the end of a branch.
    twice = "1 1 0 0 0 5 -1\n" + DENDRITE.replace(
        "12 3 10 15 0 1 11", "14 3 0 15 0 1 11\n12 3 10 15 0 1 14\n15 3 10 15 0 1 12"
    )
    assert sorted(shape(twice)[1:]) == sorted(DENDRITES)
    # A branch of one point: a cylinder from the soma's.
    stub = cable.read_swc("1 1 0 0 0 5 -1\n2 4 0 8 0 .5 1\n")
    assert [(b.region, b.length, b.at) for b in stub.branches] == [("soma", 10.0, 1.0), ("apical", 8.0, 0.5)]
    np.testing.assert_array_equal(stub.branches[1].radii, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 1 0 0 0 5 -1\n2 3 0 9 0 1\n", "line 2: expected `id type x y z radius parent`, got 6"),
        ("1 1 0 0 0 5 -1\n\n2 3 0 9 zero 1 1\n", "line 3: there is something that is no number"),
        ("1 1 0 0 0 5 -1\n2 3 0 nan 0 1 1\n", "line 2: all numbers must be finite"),
        ("1 1 0 0 0 5 -1\n2.5 3 0 9 0 1 1\n", "line 2: id, type and parent must be whole"),
        ("1 1 0 0 0 5 -1\n2 3 0 9 0 0 1\n", "line 2: the radius must be positive, got 0"),
        ("1 1 0 0 0 5 -1\n2 3 0 9 0 1 2\n", "line 2: point 2 is its own parent"),
        ("1 1 0 0 0 5 -1\n2 3 0 9 0 1 -7\n", "line 2: id and type must not be negative"),
        ("1 1 0 0 0 5 -1\n2 3 0 9 0 1 1\n2 3 0 9 0 1 1\n", "line 3: the id 2 is that of line 2 too"),
        ("1 1 0 0 0 5 -1\n2 3 0 9 0 1 8\n", "line 2: the parent 8 of point 2 is not in the file"),
        ("1 1 0 0 0 5 -1\n2 3 0 9 0 1 3\n3 3 0 9 0 1 2\n", "line 2: point 2 is not connected to a root"),
        (
            "1 1 0 0 0 5 -1\n# x\n2 3 0 90 0 1 -1\n3 3 0 99 0 1 2\n",
            "line 3: point 2 is a second root, besides that of line 1",
        ),
        # Two cells, and trees whose roots are at each other only.
        ("1 1 0 0 0 5 -1\n2 3 0 9 0 1 1\n3 1 99 0 0 5 -1\n4 3 99 9 0 1 3\n", "line 3: point 3 is a second root"),
        (
            "1 1 0 0 0 5 -1\n2 3 50 0 0 1 -1\n3 3 60 0 0 1 2\n4 3 50 0 0 1 -1\n5 3 70 0 0 1 4\n",
            "line 2: point 2 is a second",
        ),
        ("1 1 0 0 0 5 -1\n2 3 0,5 5,1 0 1,5 1\n", "line 2: there is something that is no number"),
        ("1 1 0 0 0 5 0\n2 3 0 9 0 1 1\n", "line 1: the parent 0 of point 1 is not in the file"),
        ("1 3 0 0 0 5 -1\n#\n", "line 1: a single point that is no soma"),
        ("# nothing\n\n", "there are no points"),
    ],
)
def test_broken_files_name_the_line(text, message):
    with pytest.raises(ValueError, match=message):
        cable.read_swc(text)


def test_compartments_keep_areas_and_resistances_and_meet_where_branches_do():
    branches = [
        cable.Branch(10.0, 10.0, region="soma"),
        cable.Branch([0.0, 20.0, 20.0, 50.0], [2.0, 4.0, 1.0, 1.0], parent=0, at=0.5, region="basal"),
        cable.Branch(30.0, 1.0, parent=1, region="apical"),
        cable.Branch(40.0, 1.0, parent=1, region="basal"),
        cable.Branch(5.0, 1.0, parent=3, at=0.0, region="basal"),
        cable.Branch(7.0, 1.0, parent=2, at=0.5, region="apical"),
        cable.Branch([0.0, 0.0, 9.0, 9.0], [2.0, 1.0, 1.0, 3.0], parent=0, region="soma"),
    ]
    morphology = cable.Morphology(branches)
    parts = cable.Compartments(morphology, cable.MaxLength(12.0))
    # Each region is a range, in the order of appearance.
    assert parts.regions == {"soma": (0, 2), "basal": (2, 12), "apical": (12, 16)}
    np.testing.assert_allclose(parts.area.sum(), morphology.area, rtol=1e-12)
    # A frustum, an annulus where the diameter steps, a cylinder.
    np.testing.assert_allclose(branches[1].area, np.pi * (3.0 * np.hypot(20.0, 1.0) + 2.5 * 1.5 + 30.0), rtol=1e-12)
    along = parts.at(branch=1)
    total = (parts.inner + parts.outer)[along].sum()
    np.testing.assert_allclose(total, 20.0 / (np.pi * 2.0) + 30.0 / (np.pi * 0.25), rtol=1e-12)
    np.testing.assert_array_equal(parts.distance[parts.at(branch=2, x=0.0)], [50.0 + 5.0])
    np.testing.assert_array_equal(parts.branch[parts.at("basal", distance=(55.0, 80.0))], [3, 3, 3])
    # The axial resistance between any two compartments is that of the way between them: of the tree without membrane.
    resistance = effective(parts)
    a, b = parts.at(branch=4, x=1.0)[0], parts.at(branch=2, x=0.1)[0]
    expected = 2.5 / (np.pi * 0.25) + 5.0 / (np.pi * 0.25)
    np.testing.assert_allclose(resistance(a, b), expected, rtol=1e-9)
    np.testing.assert_allclose(resistance(0, parts.at(branch=1, x=0.0)[0]), parts.inner[along[0]], rtol=1e-9)
    stub, on = parts.at(branch=5)[0], parts.at(branch=2, x=0.5)[0]
    np.testing.assert_allclose(resistance(stub, on), 3.5 / (np.pi * 0.25), rtol=1e-9)


def effective(parts):
    """The resistance between two nodes of the tree, from its Laplacian."""
    half = np.concatenate([parts.inner, parts.outer, [0.0]])
    laplacian = np.zeros((len(parts.tree),) * 2)
    for k, p in enumerate(parts.tree.parent):
        if p >= 0:
            e = np.zeros(len(parts.tree))
            e[k], e[p] = 1.0, -1.0
            laplacian += np.outer(e, e) / half[parts.halves[k]].sum()
    inverse = np.linalg.pinv(laplacian)
    return lambda a, b: inverse[a, a] + inverse[b, b] - 2.0 * inverse[a, b]


def test_rules_and_values():
    morphology = cable.Morphology([cable.Branch(20.0, 20.0, region="soma"), cable.Branch(500.0, 1.0, parent=0, at=0.5)])
    # At 100 Hz, 1 um, 100 ohm cm and 1 uF/cm2 the length constant is 282 um.
    parts = cable.Compartments(morphology, cable.DLambda(0.1))
    assert [parts.at(branch=k).size for k in range(2)] == [1, 19]
    finer = cable.Compartments(morphology, cable.DLambda(0.1, ra={"soma": 100.0, "dendrite": 400.0}))
    assert [finer.at(branch=k).size for k in range(2)] == [1, 37]
    values = parts.values({"soma": 2.0, "dendrite": lambda distance: 0.01 * distance})
    np.testing.assert_allclose(values[[0, 1, -1]], [2.0, 0.01 * 250.0 / 19.0, 5.0 - 0.01 * 250.0 / 19.0])
    np.testing.assert_array_equal(parts.values({"soma": 2.0}, default=0.0)[:2], [2.0, 0.0])
    cell = cable.Cell(parts, {"leak": nex.channels.leak(values)}, cm={"soma": 1.0, "dendrite": 2.0})
    assert cell.cm.shape == (20,)
    np.testing.assert_allclose(cell.density(0.1, [0])[0] * cell.area[0] * 1e-5, 0.1, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cable.Branch(0.0, 1.0), "`length` must be positive"),
        (lambda: cable.Branch([0.0, 5.0, 3.0], 1.0), "`length` must be positive, positions must go up"),
        (lambda: cable.Branch(5.0, -1.0), "`diameter` must be positive"),
        (lambda: cable.Branch(5.0, 1.0, at=2.0), "`at` must lie between 0"),
        (lambda: cable.Branch([0.0, 5.0], [1.0, 1.0, 1.0]), "give one diameter for each"),
        (lambda: cable.Morphology([]), "`branches` is empty"),
        (lambda: cable.Morphology([cable.Branch(5.0, 1.0)] * 2), "branch 1 has no parent"),
        (
            lambda: cable.Morphology([cable.Branch(5.0, 1.0), cable.Branch(5.0, 1.0, parent=1)]),
            "must come after its parent",
        ),
        (lambda: cable.MaxLength(0.0), "`length` must be positive"),
        (lambda: parts_of(0), "`rule` must give a whole number"),
        (lambda: parts_of(3).at("axon"), "no region 'axon'; there are"),
        (lambda: parts_of(3).at(distance=(50.0, 60.0)), "no compartment there"),
        (lambda: parts_of(3).values({"axon": 1.0}), "no region 'axon'"),
        (lambda: parts_of(3).values({}), "no value for region 'dendrite'"),
        (lambda: parts_of(3).values([1.0, 2.0]), "there are 3 compartments"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def parts_of(rule):
    return cable.Compartments(cable.Morphology([cable.Branch(5.0, 1.0)]), rule)
