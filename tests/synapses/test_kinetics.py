"""The kinetics of receptors with two states against an independent solver."""

import neuroeqx as nex
import numpy as np
import pytest
from synapse_references import driven, largest, native, solved, train


RATES = {nex.AMPA: (0.98 * 0.5, 0.18, 0.5), nex.GABAa: (0.53, 0.18, 1.0)}  # binding, unbinding; duration of a pulse


# The second pulse ends within a step.
@pytest.mark.parametrize("cell, t_dur", [(cell, t) for cell, (_, _, own) in RATES.items() for t in (own, 0.73)])
def test_kinetics(cell, t_dur, x64, ledger):
    on, off, own = RATES[cell]
    assert float(cell().t_dur) == own
    rates = lambda y, present: on * float(present) * (1.0 - y) - off * y
    expected = solved(rates, lambda y: y, 1, train(), 0.1, t_dur)[:, 0]
    error = largest(driven(cell(t_dur=t_dur), train(), 0.1), expected)
    reference = "SciPy DOP853, rtol 1e-12, from edge to edge of the pulses"
    ledger(cell.__name__, reference, "open fraction, relative", error, 1e-10)


def test_the_opening_does_not_depend_on_the_step(x64):
    """One pulse of a millisecond, in steps of which some are longer."""
    found = []
    for dt in (0.1, 0.4, 2.0):
        spikes = np.zeros(round(8.0 / dt))
        spikes[round(2.0 / dt) - 1] = 1.0
        found.append(driven(nex.AMPA(t_dur=1.0), spikes, dt)[-1])
    np.testing.assert_allclose(found, found[0], rtol=1e-12)


@pytest.mark.parametrize("cell", RATES)
def test_it_runs_natively(cell):
    assert native(cell())


@pytest.mark.parametrize("cell", RATES)
def test_impossible_parameters_are_refused(cell):
    with pytest.raises(ValueError, match=f"{cell.__name__}: `t_dur` must be positive, got 0"):
        cell(t_dur=0.0)
