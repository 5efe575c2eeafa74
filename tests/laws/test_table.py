"""The table holds every public class."""

import inspect

import neuroeqx as nex
import pytest
from neuroeqx.testing import models

from . import table


def public_finals(base):
    """The public, final subclasses of an abstract class: exported by the package or one of its public folders."""
    classes = {name: x for name, x in models.public().items() if inspect.isclass(x) and not name.startswith("Abstract")}
    return {name for name, x in classes.items() if issubclass(x, base) and not inspect.isabstract(x)}


# Whose laws are others: compartments see each other (tests/cable), steps of a solver end where they may (test_adaptive.py).
ELSEWHERE = {"Cell", "Adaptive"}


def classes_of(entries):
    return {type(x).__name__ for x in entries}


@pytest.mark.parametrize(
    ("base", "covered"),
    [
        (nex.AbstractCell, classes_of(make() for make, _ in table.CELLS.values())),
        (nex.AbstractStepper, classes_of(table.STEPPERS.values())),
        (nex.AbstractSurrogate, classes_of(table.SURROGATES.values())),
        (nex.AbstractOutput, classes_of(table.OUTPUTS.values())),
        (nex.AbstractCoupling, classes_of(table.COUPLINGS.values())),
        (nex.AbstractReset, classes_of(table.RESETS.values())),
        (nex.AbstractDrive, classes_of(table.DRIVES.values())),
        (nex.AbstractDynamics, classes_of(table.SOURCES.values()) | {"Population", "Network", "Force"}),
    ],
)
def test_every_public_class_is_in_the_table(base, covered):
    public = public_finals(base)
    assert public, "the search finds nothing, so it cannot fail"
    assert public - covered - ELSEWHERE == set()


def test_a_missing_class_would_be_found():
    nex.Stranger = type("Stranger", (nex.LIF,), {})
    try:
        assert "Stranger" in public_finals(nex.AbstractCell)
    finally:
        del nex.Stranger
