"""The page of models, `docs/models.md`, is what the classes say, and they say everything."""

from pathlib import Path

import neuroeqx as nex
import pytest
from jaxtyping import Array, Float
from neuroeqx.testing import _docstrings as docstrings, models


PAGE = Path(__file__).parents[2] / "docs" / "models.md"
ENTRIES = models.models()

# What no paper introduced: everyday notions, and ways to give input.
WITHOUT_PAPER = {
    *(
        "Amplitudes",
        "Leaky",
        "AtPeak",
        "HardReset",
        "COBA",
        "CUBA",
        "Delta",
        "Instant",
        "Additive",
        "Euler",
        "Repeated",
    ),
    *("Poisson", "PoissonInput", "SpikeTimes", "Samples"),
    *("StepCurrent", "PiecewiseCurrent", "RampCurrent", "SineCurrent", "NoiseCurrent"),
}
# Folders that hold matrices, programs and layers, and no equations.
WITHOUT_EQUATIONS = {"adaptive", "connect", "layers", "network", "wrappers"}


def test_the_page_is_up_to_date():
    # Not a comparison of texts, whose difference pytest would take minutes to show.
    same = PAGE.read_text() == models.page()
    assert same, f"docs/models.md is not what the classes say now: run `{models.COMMAND}` and commit the page"


@pytest.mark.parametrize("model", ENTRIES, ids=lambda model: model.name)
def test_docstrings_are_complete(model):
    faults = models.faults(model)
    assert not faults, f"{model.name}: {'; '.join(faults)}. Then run `{models.COMMAND}`"


def test_sources():
    entries = [model for model in ENTRIES if model.group not in WITHOUT_EQUATIONS]
    without = {model.name for model in entries if not docstrings.papers(model.text)}
    assert without - WITHOUT_PAPER == set(), "name the paper in the docstring, as in (Brette & Gerstner 2005)"
    assert WITHOUT_PAPER - without == set(), "these have a paper, or are gone"


def test_every_public_model_is_found():
    names = {model.name for model in ENTRIES}
    assert {"LIF", "Refractory", "Expon", "COBA", "SpikeCurrent", "Poisson", "StepCurrent", "Samples"} <= names
    assert {"bernoulli", "pulse_packets", "CSR", "Network", "Receptor", "ExpEuler", "SuperSpike"} <= names
    assert not {"Bernoulli", "AdExState", "AbstractCell", "simulate", "Recorder"} & names


class Vague(nex.AbstractCell):
    """A cell that leaves out what a reader needs.

    **Arguments:**

    - `tau`: the time constant.
    - `other`: ms.
    """

    tau: Float[Array, ""] = nex.param(1.0)
    gain: Float[Array, ""] = nex.param(1.0)

    def init(self, shape, *, key=None) -> Float[Array, "..."]:
        return shape

    def step(self, state, input, *, dt, t=0.0, key=None):
        return state, input


def test_what_is_missing_is_found():
    found = models.faults(models.Model("Vague", Vague, "neurons"))
    assert found[:2] == [
        "`gain` has no line in **Arguments:**",
        "`other` has a line in **Arguments:** and is no argument",
    ]
    assert found[2].startswith("`tau` has no unit") and found[3].endswith("does not say what its state is")
    assert len(found) == 4


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("threshold, mV; above `v_reset`.", ("mV", "threshold; above `v_reset`.")),
        ("ms; steps in `[start, stop)` are driven.", ("ms", "steps in `[start, stop)` are driven.")),
        ("the quadratic, 1/(mV ms), 1/ms and mV/ms.", ("1/(mV ms), 1/ms and mV/ms", "the quadratic.")),
        ("rest, mV (or dimensionless, as the cell).", ("mV (or dimensionless, as the cell)", "rest.")),
        ("$r(a, ms, b)$, which is no unit.", ("", "$r(a, ms, b)$, which is no unit.")),
        ("a whole number, 1.", ("", "a whole number, 1.")),
        ("sites, uM^4.", ("uM^4", "sites.")),
    ],
)
def test_units_are_read(line, expected):
    assert docstrings.split_unit(line) == expected


def test_papers_are_read():
    text = "Traub & Miles (1991), as in Brette et al.\n(2007) (Wang 1999, Roth & van Rossum 2009; Bellec et al. 2018, 2020)"
    assert docstrings.papers(text) == [
        "Traub & Miles 1991", "Brette et al. 2007", "Wang 1999", "Roth & van Rossum 2009", "Bellec et al. 2018",
        "Bellec et al. 2020",
    ]  # fmt: skip


def test_mathematics_survive_markdown():
    text = models._mathematics(r"Of `a $ b` and $x\, | y_i|$, here, `c`.")
    assert text == r"Of `a $ b` and $`x\, | y_i|`$, here, `c`."
