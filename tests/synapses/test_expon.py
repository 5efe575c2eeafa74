"""The exponential synapse and the one without kinetics, in every place where they may be kept."""

import neuroeqx as nex
import numpy as np
from synapse_references import hold


def test_expon(x64, ledger):
    hold(ledger, "Expon", nex.Expon(5.0), lambda t: np.exp(-t / 5.0))


def test_instant(x64, ledger):
    hold(ledger, "Instant", nex.Instant(), lambda t: (t == 0.0).astype(float))
