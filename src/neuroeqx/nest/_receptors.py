"""The receptors "ex" and "in" of NEST's models."""

from typing import Any

from ..network import Receptor
from ..synapses import COBA, CUBA


def currents(kinetics: Any, p: dict[str, Any]) -> dict[str, Receptor]:
    """Of synaptic currents with the time constants `tau_syn_ex` and `tau_syn_in`."""
    return {name: Receptor(kinetics(p[f"tau_syn_{name}"]), CUBA(), lag=1) for name in ("ex", "in")}


def conductances(kinetics: Any, p: dict[str, Any]) -> dict[str, Receptor]:
    """Of conductances, with the reversal potentials `E_ex` and `E_in` too. Weights at "in" are negative, as NEST's are."""
    signs = {"ex": None, "in": -1.0}
    return {
        name: Receptor(kinetics(p[f"tau_syn_{name}"]), COBA(p[f"E_{name}"], sign), lag=1)
        for name, sign in signs.items()
    }
