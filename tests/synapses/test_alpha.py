"""The alpha synapse against its closed form."""

import neuroeqx as nex
import numpy as np
import pytest
from synapse_references import hold


def test_it_is_the_alpha_function(x64, ledger):
    hold(ledger, "Alpha", nex.Alpha(4.0), lambda t: np.e * t / 4.0 * np.exp(-t / 4.0))


def test_a_time_constant_must_be_positive():
    with pytest.raises(ValueError, match="Alpha: `tau` must be positive, got -1"):
        nex.Alpha([2.0, -1.0])
