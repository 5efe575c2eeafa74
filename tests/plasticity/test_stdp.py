"""Pair STDP against sums over pairs of spikes."""

import neuroeqx as nex
import numpy as np
import pytest
from plasticity_references import as_matrix, driven, each_synapse, matrices, pairs, trains


RULES = {
    "additive": (nex.plasticity.Additive, (), False, lambda w: 0.01, lambda w: 0.0085),
    "multiplicative": (nex.plasticity.Multiplicative, (), True, lambda w: 0.01 * (1 - w), lambda w: 0.0085 * w),
    "power": (nex.plasticity.PowerLaw, (0.4, 0.7), False, lambda w: 0.01 * (1 - w) ** 0.4, lambda w: 0.0085 * w**0.7),
}
LAGS = {"Dense": 1, "CSR": 3, "FanOut": 2}


def test_weights_of_random_trains(x64, ledger):
    """1000 ms of 100 Hz with every coincidence that a step of 1 ms makes, and some by hand, for all forms at once."""
    rng = np.random.default_rng(0)
    pre, post = trains(rng, 6, 1000), trains(rng, 5, 1000)
    pre[[10, 11, 12, 20, 30], 0] = 1
    post[[11, 12, 13, 20, 21], :] = 1  # with every lag a spike of the target meets an arrival, one before and one after
    given = matrices(rng, 6, 5, 3)
    rules = {
        name: nex.plasticity.STDP(0.01, 0.0085, 16.8, 33.7, dependence(*mu), nearest)
        for name, (dependence, mu, nearest, *_) in RULES.items()
    }
    projections = {
        f"{rule} {matrix}": nex.Projection(
            "pre", "post", "syn", given[matrix][0], delay=float(LAGS[matrix]), plasticity=rules[rule]
        )
        for rule in RULES
        for matrix in given
    }
    net, sol = driven(projections, pre, post, 1.0)
    errors = {rule: 0.0 for rule in RULES}
    for name, projection in projections.items():
        rule, matrix = name.split()
        _, _, nearest, up, down = RULES[rule]

        def of_pairs(w, arrivals, spikes, up=up, down=down, nearest=nearest):
            taus = {"tau_plus": 16.8, "tau_minus": 33.7}
            return pairs(w, arrivals, spikes, 1.0, up=up, down=down, nearest=nearest, low=0.0, high=1.0, **taus)

        expected = each_synapse(of_pairs, given[matrix][1], pre, post, LAGS[matrix])
        assert np.nanmax(np.abs(expected - given[matrix][1])) > 0.1  # it learns
        found = as_matrix(projection.comm, sol.state.weights[name])
        assert np.array_equal(np.isnan(found), np.isnan(expected))
        errors[rule] = max(errors[rule], np.nanmax(np.abs(found - expected)))
    for rule, error in errors.items():
        pairing = "nearest" if RULES[rule][2] else "all-to-all"
        ledger(
            "STDP",
            "NumPy, sums over pairs for every synapse",
            f"weights, {rule}, {pairing}, after 1 s at 100 Hz",
            error,
            1e-10,
            "a pair within a step changes nothing, as in NEST",
        )
    assert len(net.plasticity) == 3 and len(sol.state.traces.sources) == 9 and len(sol.state.traces.targets) == 3


def test_the_window_of_a_single_pair(x64, ledger):
    """dw = A+ exp(-d / tau+), -A- exp(d / tau-), and 0 at d = 0, for all distances at once: one target for each."""
    steps, lag = np.arange(-40, 41), 2
    pre, post = np.zeros((100, 1)), np.zeros((100, steps.size))
    pre[50 - lag] = 1  # arrives in step 50
    post[50 + steps, np.arange(steps.size)] = 1
    rule = nex.plasticity.STDP(0.02, 0.03, 15.0, 25.0)
    comm = nex.connect.all_to_all(0.5)  # one weight for all, of which the state has one for each
    _, sol = driven([nex.Projection("pre", "post", "syn", comm, delay=lag * 0.5, plasticity=rule)], pre, post, 0.5)
    d = steps * 0.5
    expected = np.where(d > 0, 0.02 * np.exp(-np.abs(d) / 15.0), -0.03 * np.exp(-np.abs(d) / 25.0)) * (d != 0)
    found = sol.state.weights["pre->post:syn"] - 0.5
    ledger("STDP", "closed form of the window", "change by a single pair", np.max(np.abs(found - expected)), 1e-12)


def test_it_is_refused_what_makes_no_sense():
    with pytest.raises(ValueError, match="STDP: `tau_plus` must be positive, got -1"):
        nex.plasticity.STDP(tau_plus=-1.0)
    with pytest.raises(ValueError, match="STDP: parameter `a_plus` must be finite"):
        nex.plasticity.STDP(a_plus=float("nan"))
    with pytest.raises(
        ValueError, match="PowerLaw the weight is measured between its limits: give `w_min` and `w_max`"
    ):
        nex.plasticity.STDP(dependence=nex.plasticity.PowerLaw(), w_max=None)
    with pytest.raises(ValueError, match="`w_min` must lie below `w_max`, got .*: no weight would be allowed"):
        nex.plasticity.STDP(w_min=2.0)
    with pytest.raises(ValueError, match="PowerLaw: `mu_plus` must not be negative"):
        nex.plasticity.PowerLaw(mu_plus=-0.1)
    with pytest.raises(ValueError, match=r"STDP: `a_plus` must be one number, got shape \(3,\)"):
        nex.plasticity.STDP(a_plus=[0.1, 0.2, 0.3])
