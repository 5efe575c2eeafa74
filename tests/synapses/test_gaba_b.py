"""The kinetics of GABAb against an independent solver."""

import neuroeqx as nex
import pytest
from synapse_references import driven, largest, native, solved, train


# The second pulse ends within a step.
@pytest.mark.parametrize("t_dur", [0.3, 0.73])
def test_kinetics(t_dur, x64, ledger):
    rates = lambda y, present: [
        0.52 * (0.5 if present else 0.0) * (1.0 - y[0]) - 0.0013 * y[0],
        0.098 * y[0] - 0.033 * y[1],
    ]
    g_protein = solved(rates, lambda y: y, 2, train(), 0.1, t_dur)[:, 1]
    expected = g_protein**4 / (g_protein**4 + 100.0)
    error = largest(driven(nex.GABAb(t_dur=t_dur), train(), 0.1), expected)
    ledger(
        "GABAb", "SciPy DOP853, rtol 1e-12, from edge to edge of the pulses", "open fraction, relative", error, 1e-10
    )


def test_it_runs_natively():
    assert native(nex.GABAb())


def test_impossible_parameters_are_refused():
    with pytest.raises(ValueError, match="GABAb: `kd` must be positive, got -1"):
        nex.GABAb(kd=-1.0)
