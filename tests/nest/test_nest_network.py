"""A network of `nex.nest` against a loop with NEST's order of events: delays between neurons, and what is refused."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest


DT, STEPS, N = 0.1, 500, 12
DELAY = {"E": 15, "I": 8}  # steps


def edges(seed=1):
    """Weights between the neurons of two populations, `[pre, post]`, in pA."""
    rng = np.random.default_rng(seed)
    mean = {"E": 200.0, "I": -500.0}
    return {(a, b): mean[a] * rng.uniform(0.5, 1.5, (N, N)) * (rng.random((N, N)) < 0.4) for a in mean for b in mean}


CURRENT = {"E": np.linspace(400.0, 900.0, N), "I": np.linspace(300.0, 900.0, N)}
TARGET = {"E": "ex", "I": "in"}


def as_nest():
    """`iaf_psc_exp` with default parameters: voltages, then currents, then arrivals, then threshold."""
    tau, tau_s, c = 10.0, 2.0, 250.0
    p22, p11 = np.exp(-DT / tau), np.exp(-DT / tau_s)
    p21, p20 = (p22 - p11) / (1.0 - tau_s / tau) * tau_s / c, (1.0 - p22) * tau / c
    w = edges()
    v = {a: np.zeros(N) for a in DELAY}
    i = {(kind, a): np.zeros(N) for kind in TARGET.values() for a in DELAY}
    left = {a: np.zeros(N, int) for a in DELAY}
    ring = {}
    voltages, spikes = [], []
    for k in range(1, STEPS + 1):
        fired = {}
        for a in DELAY:
            moved = v[a] * p22 + (i["ex", a] + i["in", a]) * p21 + CURRENT[a] * p20
            v[a] = np.where(left[a] > 0, v[a], moved)
            for kind in TARGET.values():
                i[kind, a] = i[kind, a] * p11 + ring.pop((k, kind, a), 0.0)
            fired[a] = (left[a] == 0) & (v[a] >= 15.0)
            v[a] = np.where(fired[a], 0.0, v[a])
            left[a] = np.where(fired[a], 20, np.maximum(left[a] - 1, 0))
            spikes += [(k, a, int(j)) for j in np.flatnonzero(fired[a])]
        for a in DELAY:
            for b in DELAY:
                place = k + DELAY[a], TARGET[a], b
                ring[place] = ring.get(place, 0.0) + fired[a] @ w[a, b]
        voltages.append(np.concatenate([v["E"], v["I"]]) - 70.0)
    return np.array(voltages), spikes


def network(own_delays):
    populations = {name: nex.nest.iaf_psc_exp(N, I_e=CURRENT[name]) for name in DELAY}
    projections = []
    for (a, b), w in edges().items():
        pre, post = np.nonzero(w)
        if own_delays:
            comm, delay = nex.connect.from_edges(pre, post, w[pre, post], N, N, delay=DELAY[a]), None
        else:
            comm, delay = nex.connect.from_edges(pre, post, w[pre, post], N, N), DELAY[a] * DT
        projections.append(nex.Projection(a, b, TARGET[a], comm, delay=delay))
    return nex.Network(populations, projections)


@pytest.mark.parametrize("own_delays", [False, True], ids=["of projections", "of synapses"])
def test_a_network_spike_for_spike(own_delays, ledger, x64):
    voltages, spikes = as_nest()
    assert len(spikes) > 50
    record = {name: nex.spikes(name) for name in DELAY} | {f"v{name}": nex.voltage(name) for name in DELAY}
    sol = nex.simulate(network(own_delays), STEPS * DT, DT, record=record)
    found = [(k + 1, a, j) for a in DELAY for k, j in zip(sol.records[a].steps, sol.records[a].indices, strict=True)]
    assert sorted(found) == sorted(spikes)
    v = np.concatenate([sol.records["vE"].values, sol.records["vI"].values], 1)
    error = np.abs(v - voltages).max()
    delays = "of synapses" if own_delays else "of projections"
    ledger("iaf_psc_exp", f"a loop in NEST's order, two populations, delays {delays}", "voltage, mV", error, 1e-9)


def test_generators_have_nests_times(x64):
    source = nex.nest.spike_generator([0.1, 0.5, 0.5, 2.0], [0, 1, 2, 0], 3)
    spikes = nex.simulate(nex.Network({"s": source}), 3.0, 0.1, record={"s": nex.spikes("s")}).records["s"]
    np.testing.assert_allclose(spikes.times, [0.1, 0.5, 0.5, 2.0])
    np.testing.assert_array_equal(spikes.indices, [0, 1, 2, 0])
    current = nex.nest.dc_generator(3.0, 10.0, 20.0, 1.5)
    at = [float(current(jnp.asarray(t), dt=0.1)) for t in (11.4, 11.5, 21.4, 21.5)]
    assert at == [0.0, 3.0, 3.0, 0.0]
    with pytest.raises(ValueError, match="`spike_times` must be positive, got 0 ms"):
        nex.nest.spike_generator([0.0, 1.0])


EVERY = [name for name, x in vars(nex.nest).items() if callable(x) and not name.endswith("generator")]


@pytest.mark.parametrize("model", EVERY)
def test_unknown_and_impossible_parameters_are_named(model):
    make = getattr(nex.nest, model)
    assert make((2, 3)).shape == (2, 3)
    with pytest.raises(TypeError, match=rf"nest.{model}: unknown parameter `V_resett`; there are .*V_m"):
        make(1, V_resett=-60.0)
    with pytest.raises(TypeError, match=rf"nest.{model}: `I_e` must be a number"):
        make(1, I_e="much")
    with pytest.raises(ValueError, match=rf"nest.{model}: `I_e` must be finite"):
        make(1, I_e=np.inf)
    if model != "izhikevich":
        with pytest.raises(ValueError, match=rf"nest.{model}: `C_m` must be positive, got -1"):
            make(1, C_m=-1.0)
        with pytest.raises(ValueError, match=rf"nest.{model}: `t_ref` must be not negative, got -1"):
            make(1, t_ref=-1.0)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda n: n.iaf_psc_exp(1, delta=1.0), ValueError, "`delta` = 1.0 is not supported, only NEST's default 0.0"),
        (lambda n: n.iaf_psc_delta(1, refractory_input=True), ValueError, "`refractory_input` = True is not supported"),
        (lambda n: n.iaf_psc_alpha(1, V_min=-90.0), ValueError, "`V_min` = -90.0 is not supported"),
        (lambda n: n.iaf_psc_exp(1, V_reset=-50.0), ValueError, "`V_reset` must be below `V_th`, got -50 and -55 mV"),
        (lambda n: n.iaf_cond_exp(1, tau_syn_in=0.0), ValueError, "`tau_syn_in` must be positive, got 0"),
        (lambda n: n.aeif_cond_exp(1, Delta_T=0.0), ValueError, "`Delta_T` must be positive"),
        (lambda n: n.aeif_psc_exp(1, V_peak=-55.0), ValueError, "`V_th` must be below `V_peak`"),
        (lambda n: n.izhikevich(1, c=40.0), ValueError, "`c` must be below `V_th`"),
        (lambda n: n.iaf_psc_exp(1, tau_sin_ex=1.0), TypeError, "Did you mean `tau_syn_ex`"),
    ],
)
def test_what_is_not_supported_is_named(make, error, match):
    with pytest.raises(error, match=match):
        make(nex.nest)


def test_defaults_that_have_no_meaning_here_are_accepted():
    lowest = -1.7976931348623157e308  # how NEST shows minus infinity
    nex.nest.iaf_psc_delta(1, V_min=lowest, refractory_input=False)
    nex.nest.izhikevich(1, V_min=lowest)
    nex.nest.iaf_psc_exp(1, delta=0.0, rho=0.01)
    nex.nest.aeif_cond_exp(1, gsl_error_tol=1e-6)


def test_initial_voltages(x64):
    model = nex.nest.iaf_psc_exp(5, V_m=lambda key, shape: -70.0 + 10.0 * jax.random.uniform(key, shape))
    v = np.asarray(model.init(dt=0.1, key=jax.random.key(0)).v)
    assert np.ptp(v) > 1.0
