"""The kinetics of NMDASecondOrder against an independent solver."""

import neuroeqx as nex
import numpy as np
import pytest
from synapse_references import driven, largest, native, solved, train


def rates(y, present):
    g, x = y
    return [2.0 * x * (1.0 - g) - 0.01 * g, 1.0 * present * (1.0 - x) - 0.5 * x]


@pytest.mark.parametrize("t_dur", [0.5, 0.73])
def test_kinetics(t_dur, x64, ledger):
    coarse = train()
    fine = np.zeros(2 * coarse.size)
    fine[1::2] = coarse
    errors = []
    for dt, spikes in ((0.1, coarse), (0.05, fine)):
        expected = solved(rates, lambda y: y, 2, spikes, dt, t_dur)[:, 0]
        errors.append(largest(driven(nex.NMDASecondOrder(t_dur=t_dur), spikes, dt), expected))
    reference = "SciPy DOP853, rtol 1e-12, from edge to edge of the pulses"
    ledger("NMDASecondOrder", reference, "open fraction at 0.1 ms, relative", errors[0], 1e-4)
    order = np.log2(errors[0] / errors[1])
    ledger("NMDASecondOrder", reference, "order of convergence, what it lacks of 2", 2.0 - order, 0.1)


def test_it_runs_natively():
    assert native(nex.NMDASecondOrder())


def test_impossible_parameters_are_refused():
    with pytest.raises(ValueError, match="NMDASecondOrder: `beta1` must be positive, got 0"):
        nex.NMDASecondOrder(beta1=0.0)
