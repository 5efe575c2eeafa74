"""What networks do with rules: one step after the other, shared rules, resuming, transformations, derivatives."""

import equinox as eqx
import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from plasticity_references import as_matrix, each_synapse, pairs, relay


def network(rule, n=12, weight=None, others=()):
    weight = nex.connect.uniform(0.2, 0.8) if weight is None else weight
    cell = nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0)
    receptors = {"ampa": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0))}
    comm = nex.connect.bernoulli(0.5, weight=weight)
    return nex.Network(
        {"in": nex.Poisson(60.0, n), "E": nex.Population(cell, n, receptors)},
        [nex.Projection("in", "E", "ampa", comm, delay=1.0, plasticity=rule), *others],
        key=jax.random.key(3),
    )


def arrays(tree):
    return [np.asarray(x) for x in jax.tree.leaves(tree)]


def assert_same(a, b):
    for x, y in zip(arrays(a), arrays(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_rule_given_twice_is_one():
    rule, other, scaling = nex.plasticity.STDP(), nex.plasticity.STDP(), nex.plasticity.SynapticScaling()
    to = lambda *rules, **more: nex.Projection("E", "E", "ampa", nex.connect.all_to_all(0.1), plasticity=rules, **more)
    net = network(rule, others=[to(rule, delay=0.5), to(other, scaling)])
    assert set(net.plasticity) == {"STDP", "STDP #2", "SynapticScaling"}
    assert repr(net).endswith("delay 1 ms, STDP") and "synapses, STDP #2 and SynapticScaling\n" in repr(net)
    state = net.init(dt=0.5, key=jax.random.key(0))
    assert set(state.weights) == set(net.projections)
    assert set(state.traces.sources) == {"STDP:in@2", "STDP:E@1", "STDP #2:E@1", "SynapticScaling:E@1"}
    assert set(state.traces.targets) == {"STDP:E", "STDP #2:E", "SynapticScaling:E"}
    with pytest.raises(ValueError, match="was taken from another network, which keeps its rules"):
        nex.Network(net.populations, net.projections)
    with pytest.raises(ValueError, match="has the same rule twice"):
        network([rule, rule])
    with pytest.raises(TypeError, match="plasticity"):
        network("STDP")
    with pytest.raises(ValueError, match=r"`inputs` names 'STDP'; the network has \['E', 'in'\]"):
        nex.simulate(net, 1.0, 0.5, inputs={"STDP": 1.0}, key=jax.random.key(0))
    plain = network(None)
    empty = plain.init(dt=0.5)
    assert plain.plasticity == {} and jax.tree.leaves((empty.weights, empty.traces)) == []


def test_weights_are_recorded(x64):
    net, inputs, key = network(nex.plasticity.STDP(a_plus=0.05)), {"E": 8.0}, jax.random.key(1)
    record = {"all": nex.weights("in->E:ampa", every=40), "some": nex.weights("in->E:ampa", [3, 0], every=40)}
    sol = nex.simulate(net, 60.0, 0.5, inputs, record=record, key=key)
    found = np.asarray(sol.records["all"].values)
    assert found.shape == (3, *sol.state.weights["in->E:ampa"].shape) and np.ptp(found, axis=0).max() > 0.0
    np.testing.assert_array_equal(found[-1], sol.state.weights["in->E:ampa"])
    np.testing.assert_array_equal(sol.records["some"].values, found.reshape(3, -1)[:, [3, 0]])
    with pytest.raises(ValueError, match=r"weights of 'E->E:ampa'; the model's plastic projections: \['in->E:ampa'\]"):
        nex.simulate(net, 1.0, 0.5, inputs, record={"w": nex.weights("E->E:ampa")}, key=key)
    with pytest.raises(ValueError, match="plastic projections: none, for it is no network"):
        nex.simulate(nex.Population(nex.LIF(), 2), 1.0, 0.5, record={"w": nex.weights("E->E:ampa")})


def test_resumed_jitted_batched_and_without_leaks(x64, no_leaks):
    net, key, inputs = network(nex.plasticity.STDP(a_plus=0.05)), jax.random.key(1), {"E": 8.0}
    record = {"w": nex.state(_weights)}
    plain = lambda net, t1, k, **more: nex.simulate(net, t1, 0.5, inputs, record=record, key=k, fused=False, **more)
    whole, first = plain(net, 60.0, key), plain(net, 25.0, key)
    rest = plain(net, 60.0, key, state=first.state, t0=25.0)
    assert_same(whole.state, rest.state)
    assert_same(whole.records["w"].values, np.concatenate([first.records["w"].values, rest.records["w"].values]))
    change = whole.records["w"].values[-1] - np.asarray(net.projections["in->E:ampa"].comm.weight)
    assert change.min() < -0.005 and change.max() > 0.005
    keys = jnp.stack([key, jax.random.key(2)])
    with no_leaks():
        batch = eqx.filter_jit(eqx.filter_vmap(lambda net, k: plain(net, 60.0, k), in_axes=(None, 0)))(net, keys)
    np.testing.assert_allclose(batch.records["w"].values[0], whole.records["w"].values, rtol=0, atol=1e-12)
    assert np.abs(batch.records["w"].values[0] - batch.records["w"].values[1]).max() > 1e-3


def _weights(state):
    return state.weights["in->E:ampa"]


@pytest.mark.parametrize("n", [12, 80])
def test_with_the_default_loop_weights_are_those_of_pairs(n, x64):
    """Small networks run natively; large ones, whose changes are event-driven, in XLA, and `explain` says why."""
    net, key = network(nex.plasticity.STDP(0.05, 0.03), n=n, weight=0.2), jax.random.key(1)
    large = net.projections["in->E:ampa"].synapses > 2 * nex.ops.CHUNK
    assert large == (n == 80)
    explained = nex.explain(net, 0.5, {"E": 8.0}, key=key)
    assert ("custom_jvp_call" in repr(explained)) == bool(explained.kept) == large
    record = {"in": nex.output("in"), "E": nex.output("E")}
    sol = nex.simulate(net, 40.0, 0.5, inputs={"E": 8.0}, key=key, record=record)
    given, (pre, post) = (
        np.asarray(net.projections["in->E:ampa"].comm.todense()),
        (sol.records[x].values for x in record),
    )
    some = np.where((given > 0) & (np.arange(n)[:, None] < 12), given, np.nan)
    amplitudes = {"up": lambda w: 0.05, "down": lambda w: 0.03, "tau_plus": 20.0, "tau_minus": 20.0}
    one = lambda w, a, p: pairs(w, a, p, 0.5, nearest=False, low=0.0, high=1.0, **amplitudes)
    expected = each_synapse(one, some, pre, post, 2)
    found = as_matrix(net.projections["in->E:ampa"].comm, sol.state.weights["in->E:ampa"])
    assert np.nanmax(np.abs(expected - some)) > 0.01
    np.testing.assert_allclose(np.where(np.isnan(some), np.nan, found), expected, rtol=0, atol=1e-12)


def test_weights_act_in_the_step_after_they_changed(x64):
    """Step by step: an arrival is transmitted by the weight before it; what came with it changes the next one."""
    rule = nex.plasticity.STDP(a_plus=0.5, a_minus=0.25, tau_plus=1e9, tau_minus=1e9, w_max=10.0)
    net = nex.Network(
        {"pre": nex.SpikeTimes([0.5, 3.5], [0, 0], 1), "post": relay(1)},
        {"p": nex.Projection("pre", "post", "syn", nex.connect.Dense([[1.0]]), delay=1.0, plasticity=rule)},
    )
    drive = nex.Samples(jnp.asarray([0.0, 0.0, 1e9, 0.0, 0.0, 0.0])[:, None])
    record = {
        "w": nex.state(lambda s: s.weights["p"]),
        "g": nex.state(lambda s: s.populations["post"].receptors["syn"]),
    }
    found = nex.simulate(net, 6.0, 1.0, inputs={"post": drive}, record=record).records
    # Arrivals in steps 1 and 4, a spike in step 2: +0.5 at once, -0.25 with the second arrival, which passes 1.5.
    np.testing.assert_allclose(found["w"].values[:, 0, 0], [1.0, 1.0, 1.5, 1.5, 1.25, 1.25], rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["g"].values[:, 0], [0.0, 1.0, 0.0, 0.0, 1.5, 0.0], rtol=0, atol=1e-6)


def test_parts_learn_as_the_whole_does(x64):
    rule = nex.plasticity.STDP(a_plus=0.05)
    rng = np.random.default_rng(7)
    steps, cells = np.nonzero(rng.random((80, 6)) < 0.1)
    source = nex.SpikeTimes(steps + 0.5, cells, 6)
    drive = nex.Samples(jnp.asarray(1e9 * (rng.random((80, 5)) < 0.1)))
    w = rng.uniform(0.2, 0.8, (6, 5))
    projection = lambda pre, post, w: nex.Projection(pre, post, "syn", nex.connect.Dense(w), delay=2.0, plasticity=rule)
    net = nex.Network(
        {"a": source, "b": relay(5)},
        {
            "all": projection("a", "b", w),
            "first": projection(nex.part("a", 0, 4), "b", w[:4]),
            "last": projection(nex.part("a", 4, 6), nex.part("b", 1, 4), w[4:, 1:4]),
        },
    )
    state = nex.simulate(net, 80.0, 1.0, inputs={"b": drive}, fused=False).state
    assert len(state.traces.sources) == 1
    np.testing.assert_allclose(state.weights["first"], state.weights["all"][:4], rtol=0, atol=1e-14)
    np.testing.assert_allclose(state.weights["last"], state.weights["all"][4:, 1:4], rtol=0, atol=1e-14)
    assert np.abs(np.asarray(state.weights["all"]) - w).max() > 0.05


def test_the_gradient_of_a_loss_after_learning(x64, ledger):
    """Towards parameters of the rule and the initial weight, against central differences: meta-learning."""
    n = 4
    rng = np.random.default_rng(8)
    steps, cells = np.nonzero(rng.random((40, n)) < 0.15)
    rule = nex.plasticity.STDP(0.04, 0.03, 15.0, 25.0, nex.plasticity.PowerLaw(0.4, 0.6))
    net = nex.Network(
        {"pre": nex.SpikeTimes(steps + 0.5, cells, n), "post": relay(n)},
        {"p": nex.Projection("pre", "post", "syn", nex.connect.all_to_all(0.4), delay=2.0, plasticity=rule)},
    )
    drive = {"post": nex.Samples(jnp.asarray(1e9 * (rng.random((40, n)) < 0.15)))}
    goal = jnp.asarray(rng.random(n * n))
    nominal = jnp.asarray([0.04, 0.03, 15.0, 25.0, 0.4, 0.6, 0.4])

    def parameters(net):
        r = net.plasticity["STDP"]
        own = r.a_plus, r.a_minus, r.tau_plus, r.tau_minus, r.dependence.mu_plus, r.dependence.mu_minus
        return *own, net.projections["p"].comm.weight

    def loss(values):
        changed = eqx.tree_at(parameters, net, tuple(values))
        sol = nex.simulate(changed, 40.0, 1.0, inputs=drive, fused=False)
        return jnp.mean((sol.state.weights["p"] - goal) ** 2)

    h = 1e-5 * nominal
    points = nominal[None] + jnp.concatenate([jnp.diag(h), -jnp.diag(h)])
    ends, gradients = jax.jit(jax.vmap(jax.value_and_grad(loss)))(jnp.concatenate([points, nominal[None]]))
    gradient, differences = gradients[-1], (ends[:7] - ends[7:14]) / (2 * h)
    assert np.all(np.abs(differences) > 1e-7)
    error = np.max(np.abs(gradient / differences - 1))
    ledger("STDP", "central differences", "gradient of a loss after learning, relative", error, 1e-6)


def test_surrogate_derivatives_pass_through_learning(x64):
    """Towards a drive that spikes depend on: also those that did not happen have a derivative."""
    rule = nex.plasticity.STDP(0.1, 0.1)
    cell = nex.LIF(tau=5.0, v_rest=0.0, v_th=1.0, v_reset=0.0)
    net = nex.Network(
        {
            "a": nex.SpikeTimes([1.5, 6.5], [0, 0], 1),
            "b": nex.Population(cell, 1, {"x": nex.Receptor(nex.Expon(), nex.CUBA())}),
        },
        {"p": nex.Projection("a", "b", "x", nex.connect.Dense([[0.1]]), plasticity=rule)},
    )
    loss = lambda drive: nex.simulate(net, 10.0, 1.0, inputs={"b": drive}, fused=False).state.weights["p"].sum()
    silent, firing = jax.jit(jax.vmap(jax.grad(loss)))(jnp.asarray([0.5, 2.0]))
    assert silent > 0 and firing != 0
