"""The kinetics of AMPA against an independent solver."""

import neuroeqx as nex
import numpy as np
import pytest
from synapse_references import driven, largest, native, solved, train


# The second pulse ends within a step.
@pytest.mark.parametrize("t_dur", [0.5, 0.73])
def test_kinetics(t_dur, x64, ledger):
    rates = lambda y, present: 0.98 * (0.5 if present else 0.0) * (1.0 - y) - 0.18 * y
    expected = solved(rates, lambda y: y, 1, train(), 0.1, t_dur)[:, 0]
    error = largest(driven(nex.AMPA(t_dur=t_dur), train(), 0.1), expected)
    ledger("AMPA", "SciPy DOP853, rtol 1e-12, from edge to edge of the pulses", "open fraction, relative", error, 1e-10)


def test_the_opening_does_not_depend_on_the_step(x64):
    """One pulse of a millisecond, in steps of which some are longer."""
    found = []
    for dt in (0.1, 0.4, 2.0):
        spikes = np.zeros(round(8.0 / dt))
        spikes[round(2.0 / dt) - 1] = 1.0
        found.append(driven(nex.AMPA(t_dur=1.0), spikes, dt)[-1])
    np.testing.assert_allclose(found, found[0], rtol=1e-12)


def test_it_runs_natively():
    assert native(nex.AMPA())


def test_impossible_parameters_are_refused():
    with pytest.raises(ValueError, match="AMPA: `t_dur` must be positive, got 0"):
        nex.AMPA(t_dur=0.0)
