"""Every public model has a row in the ledger, `docs/fidelity.md`."""

import re
from pathlib import Path

import neuroeqx as nex
import pytest
from neuroeqx.testing import ledger

from .test_table import public_finals


PAGE = (Path(__file__).parents[2] / "docs" / "fidelity.md").read_text().split(ledger.BEGIN)[1].split(ledger.END)[0]
NAMED = {
    name for row in PAGE.splitlines() if row.startswith("| ") for name in re.findall(r"`(\w+)`", row.split("|")[1])
}
# What only composes others, or runs them.
EXEMPT = {"Chain", "Counted", "Every", "Substeps", "Population", "Network"}


BASES = [
    nex.AbstractCell,
    nex.AbstractOutput,
    nex.AbstractCoupling,
    nex.AbstractStepper,
    nex.AbstractDrive,
    nex.AbstractDynamics,
    nex.AbstractPlasticity,
    nex.AbstractSurrogate,
]


@pytest.mark.parametrize("base", BASES)
def test_every_model_has_a_row(base):
    models = public_finals(base) - EXEMPT
    assert models - NAMED == set(), "python -m neuroeqx.testing.ledger writes rows from the fixture `ledger`"


def test_every_function_of_nest_has_a_row():
    models = {name for name, x in vars(nex.nest).items() if callable(x) and not name.endswith("generator")}
    assert len(models) == 10
    assert models - NAMED == set()
