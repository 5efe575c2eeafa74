"""The runs that the tests of `nex.nest` share: one network for each of two steps."""

import jax
import pytest
from nest_cases import CASES, of_trace, PATTERNS, SILENT, SQUID_CURRENTS, STIMULI, TRACED
from nest_references import simulated


@pytest.fixture(scope="session")
def coarse():
    """At 0.1 ms: the traces, and cells with other parameters."""
    cases = {f"trace {model}": (model, {}, of_trace(model, 0.1)) for model in TRACED}
    cases |= {name: (model, p, STIMULI[name]) for name, (model, p, _) in CASES.items()}
    cases["direct current"] = ("iaf_psc_exp", {"I_e": 1000.0, "V_th": 1e3}, SILENT)
    with jax.enable_x64(True):
        return simulated(cases, 0.1, 7990)


@pytest.fixture(scope="session")
def fine():
    """At 0.01 ms: the traces, and cells with published figures."""
    cases = {f"trace {model}": (model, {}, of_trace(model, 0.01)) for model in TRACED}
    names = ("C_m", "g_L", "E_L", "a", "tau_w", "b", "V_reset", "I_e")
    for i, row in enumerate(PATTERNS):
        p = dict(zip(names, row, strict=False)) | {"V_th": -50.0, "V_m": row[2]}
        cases[f"pattern {i}"] = ("aeif_psc_exp", p, SILENT)
    cases |= {f"squid {i}": ("hh_psc_alpha", {"I_e": x}, SILENT) for i, x in enumerate(SQUID_CURRENTS)}
    with jax.enable_x64(True):
        return simulated(cases, 0.01, 79900)
