"""One test for each arrow of a step, and for what networks refuse."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest


DT = 0.1


def receptors(tau=5.0, e=0.0):
    return {"ampa": nex.Receptor(nex.Expon(tau), nex.COBA(e))}


def coba(n_e=80, n_i=20, key=0, shared=True, rule=None, p=0.2):
    """A small balanced network; with `shared=False` every projection has a receptor of its own."""
    cell = nex.Refractory(nex.LIF(tau=20.0, v_rest=-60.0, v_th=-50.0, v_reset=-60.0), 5.0)
    kinds = {"E": (nex.Expon(5.0), nex.COBA(0.0)), "I": (nex.Expon(10.0), nex.COBA(-80.0))}
    if shared:
        names = {(s, t): s for s in "EI" for t in "EI"}
    else:
        names = {(s, t): s + t for s in "EI" for t in "EI"}
    populations = {
        t: nex.Population(cell, n, {names[s, t]: nex.Receptor(*kinds[s]) for s in "EI"}, v0=_spread)
        for t, n in (("E", n_e), ("I", n_i))
    }
    weights = {"E": 0.6 * 4, "I": 6.7 * 4}
    make = (lambda w: nex.connect.bernoulli(p, w)) if rule is None else rule
    projections = [nex.Projection(s, t, names[s, t], make(weights[s]), delay=0.1) for s in "EI" for t in "EI"]
    return nex.Network(populations, projections, key=jr.key(key))


def _spread(key, shape):
    return -60.0 + 10.0 * jr.uniform(key, shape)


def spikes_of(net, t1=200.0, **kwargs):
    record = {name: nex.spikes(name) for name in net.populations}
    return nex.simulate(net, t1, DT, {name: 20.0 for name in net.populations}, record=record, key=jr.key(1), **kwargs)


def assert_same_spikes(a, b):
    for name in a.records:
        np.testing.assert_array_equal(a.records[name].steps, b.records[name].steps)
        np.testing.assert_array_equal(a.records[name].neurons, b.records[name].neurons)


@pytest.mark.parametrize("kind", ["COBA", "CUBA"])
def test_decay_then_add_then_the_cell_moves(kind, x64, ledger):
    """The order of a step, against the same equations written as a plain loop."""
    source = nex.SpikeTimes([0.0, 0.3, 0.4], [0, 0, 0], 1)
    receptor = nex.Receptor(nex.Expon(5.0), nex.COBA(2.0) if kind == "COBA" else nex.CUBA())
    target = nex.Population(nex.Leaky(tau=20.0, stepper=nex.Euler()), 1, {"ampa": receptor})
    net = nex.Network({"s": source, "t": target}, [nex.Projection("s", "t", "ampa", nex.connect.one_to_one(0.5))])
    sol = nex.simulate(net, 1.0, DT, {"t": 0.3}, record={"v": nex.voltage("t")})
    g = v = 0.0
    expected = []
    for n in range(10):
        g = g * np.exp(-DT / 5.0) + 0.5 * ((n - 1) in (0, 3, 4))
        v = v + DT / 20.0 * (-v + (g * (2.0 - v) if kind == "COBA" else g) + 0.3)
        expected.append(v)
    error = np.abs(sol.records["v"].values[:, 0] / expected - 1.0).max()
    for model, departures in ((kind, ""), ("Expon", "an arrival acts at full weight in its step")):
        ledger(model, "a plain loop: decay, add, move", "voltage of a cell, relative", error, 1e-12, departures)


def test_release_sits_between_delay_and_connectivity(x64):
    """AlignPre: a filter per source gives what the same linear filter at the target gives."""
    source = nex.SpikeTimes([0.0, 0.2, 0.7], [0, 1, 1], 2)
    weights = np.array([[0.5, 0.1, 0.0], [0.2, 0.0, 0.9]])
    at_target = nex.Population(nex.Leaky(), 3, {"in": nex.Receptor(nex.Expon(5.0), nex.CUBA())})
    at_source = nex.Population(nex.Leaky(), 3, {"in": nex.Receptor(nex.Instant(), nex.CUBA())})
    rule = nex.connect.from_dense(weights)
    net = nex.Network(
        {"s": source, "post": at_target, "pre": at_source},
        [
            nex.Projection("s", "post", "in", rule, delay=0.3),
            nex.Projection("s", "pre", "in", rule, delay=0.3, release=nex.Expon(5.0)),
        ],
    )
    sol = nex.simulate(net, 3.0, DT, record={"post": nex.voltage("post"), "pre": nex.voltage("pre")})
    assert np.abs(sol.records["post"].values).max() > 1e-3
    np.testing.assert_allclose(sol.records["pre"].values, sol.records["post"].values, rtol=1e-12, atol=1e-15)


def test_parts_as_source_and_target(x64):
    """One population addressed in parts equals two populations."""
    whole = coba()
    cell, kinds = whole.populations["E"].cell, whole.populations["E"].receptors
    parts = {"E": nex.part("N", 0, 80), "I": nex.part("N", 80, 100)}
    projections = []
    for s in "EI":
        for t in "EI":
            comm = whole.projections[f"{s}->{t}:{s}"].comm
            projections.append(nex.Projection(parts[s], parts[t], s, comm, delay=0.1))
    state = whole.init(dt=DT, key=jr.key(3))
    v0 = jnp.concatenate([state.populations["E"].v, state.populations["I"].v])
    one = nex.Network({"N": nex.Population(cell, 100, kinds, v0=v0)}, projections)
    a = nex.simulate(whole, 100.0, DT, {"E": 20.0, "I": 20.0}, state=state, record={n: nex.spikes(n) for n in "EI"})
    b = nex.simulate(one, 100.0, DT, {"N": 20.0}, record={"N": nex.spikes("N")})
    assert a.records["E"].count > 50
    assert b.records["N"].count == a.records["E"].count + a.records["I"].count
    np.testing.assert_array_equal(b.records["N"].counts()[:80], a.records["E"].counts())
    np.testing.assert_array_equal(b.records["N"].counts()[80:], a.records["I"].counts())


def test_a_shared_receptor_equals_one_per_projection(x64):
    a, b = spikes_of(coba(shared=True)), spikes_of(coba(shared=False))
    assert a.records["E"].count > 100
    assert_same_spikes(a, b)


def test_dense_and_csr_give_the_same_spikes(x64):
    sparse = coba()
    dense = eqx.tree_at(
        lambda n: [p.comm for p in n.projections.values()],
        sparse,
        [nex.connect.Dense(p.comm.todense()) for p in sparse.projections.values()],
    )
    a, b = spikes_of(sparse), spikes_of(dense)
    assert a.records["E"].count > 100
    assert_same_spikes(a, b)


def test_the_order_of_definition_does_not_matter(x64):
    a = coba()
    b = nex.Network(dict(reversed(a.populations.items())), dict(reversed(a.projections.items())))
    state = a.init(dt=DT, key=jr.key(0))
    assert_same_spikes(spikes_of(a, state=state), spikes_of(b, state=state))


def test_eager_steps_equal_simulate(x64):
    net = coba(20, 5)
    state = net.init(dt=DT, key=jr.key(0))
    sol = nex.simulate(net, 1.0, DT, {"E": 20.0, "I": 20.0}, state=state)
    for i in range(10):
        state, _ = net.step(state, {"E": 20.0, "I": 20.0}, dt=DT, t=i * DT)
    for x, y in zip(jax.tree_util.tree_leaves(state), jax.tree_util.tree_leaves(sol.state), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


def test_stacked_populations_equal_separate_ones(x64):
    """A population of shape (3, 4) is three populations of four."""
    drive = np.linspace(1.1, 3.0, 12).reshape(3, 4)
    stacked = nex.simulate(nex.Population(nex.LIF(), (3, 4)), 100.0, DT, drive, record={"s": nex.spikes()})
    assert stacked.records["s"].size == 12
    for i in range(3):
        single = nex.simulate(nex.Population(nex.LIF(), 4), 100.0, DT, drive[i], record={"s": nex.spikes()})
        np.testing.assert_array_equal(single.records["s"].counts(), stacked.records["s"].counts()[4 * i : 4 * i + 4])


def test_a_source_needs_no_receptors_and_a_drive_sets_its_rate():
    net = nex.Network({"noise": nex.Poisson(0.0, 50)})
    sol = nex.simulate(net, 1000.0, 1.0, {"noise": 100.0}, record={"s": nex.spikes("noise")}, key=jr.key(0))
    np.testing.assert_allclose(sol.records["s"].rate, 100.0, rtol=0.06)


def population(n=3):
    return nex.Population(nex.LIF(), n, receptors())


@pytest.mark.parametrize(
    ("projection", "message"),
    [
        (("X", "E", "ampa"), r"names a population 'X'; there are \['E', 'I'\]"),
        (("E", "X", "ampa"), r"names a population 'X'; there are \['E', 'I'\]"),
        (("E", "E", "gaba"), r"names a receptor 'gaba' of population 'E', which has \['ampa'\]"),
        ((nex.part("E", 0, 9), "E", "ampa"), r"part\('E', 0, 9\) does not lie within population 'E' of 3 cells"),
        (("E", nex.part("E", 2, 1), "ampa"), r"does not lie within population 'E' of 3 cells"),
    ],
)
def test_unknown_names_are_refused(projection, message):
    with pytest.raises(ValueError, match=message):
        nex.Network({"E": population(), "I": population()}, [nex.Projection(*projection, nex.connect.one_to_one(1.0))])


def test_a_connectivity_of_the_wrong_shape_is_refused():
    comm = nex.connect.Dense(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"has shape \(2, 3\), but its source and target have 3 and 3 cells"):
        nex.Network({"E": population()}, [nex.Projection("E", "E", "ampa", comm)])


def test_parameters_must_broadcast_to_the_population():
    with pytest.raises(ValueError, match=r"a parameter of `cell` has shape \(2,\), which does not broadcast .* \(3,\)"):
        nex.Population(nex.LIF(tau=[1.0, 2.0]), 3)
    with pytest.raises(ValueError, match=r"a parameter of `ampa` has shape \(4,\)"):
        nex.Population(nex.LIF(), 3, receptors(tau=[1.0, 2.0, 3.0, 4.0]))
    with pytest.raises(ValueError, match="`shape` must not be negative"):
        nex.Population(nex.LIF(), -1)


def test_a_random_initial_voltage_needs_a_key():
    with pytest.raises(ValueError, match="`v0` is random, so `init` .* needs a `key`"):
        nex.simulate(nex.Population(nex.LIF(), 3, v0=_spread), 1.0, DT)


def test_input_for_an_unknown_population_is_refused():
    net = nex.Network({"E": population()})
    with pytest.raises(ValueError, match=r"input for unknown \['X'\]; there are \['E'\]"):
        net.step(net.init(dt=DT), {"X": 1.0}, dt=DT)


def test_repr_is_readable():
    text = repr(coba())
    assert "E: Refractory(LIF), 80" in text
    assert "E->I:E: CSR with" in text


def test_two_projections_between_the_same_populations_are_named_apart():
    projections = [nex.Projection("E", "E", "ampa", nex.connect.one_to_one(w)) for w in (1.0, 2.0)]
    assert sorted(nex.Network({"E": population()}, projections).projections) == ["E->E:ampa", "E->E:ampa #2"]


@pytest.mark.parametrize("projections", [1, 2, 3])
def test_the_active_rows_of_a_source_are_listed_once(projections):
    """Where more than one projection walks along them; the result is that of projections that look for themselves."""
    cell = nex.LIF(tau=5.0, v_rest=0.0, v_th=1.0, v_reset=0.0)
    receptors = {f"r{i}": nex.Receptor(nex.Expon(2.0), nex.CUBA()) for i in range(3)}
    rule = nex.connect.bernoulli(0.5, nex.connect.normal(0.1, 0.1))
    ends = [nex.Projection("E", "E", f"r{i}", rule) for i in range(projections)]
    alone = [nex.Projection(nex.part("E", 0, 30), "E", f"r{i}", rule) for i in range(projections)]
    # A part of the population has a vector of its own, for which no list is made.
    alone += [nex.Projection(nex.part("E", 30, 40), "E", f"r{i}", rule) for i in range(projections)]
    whole = nex.Network({"E": nex.Population(cell, 40, receptors)}, ends, key=jax.random.key(0))
    rows = [p.comm for p in whole.projections.values()]
    cut = [
        nex.connect.from_edges(np.asarray(m.rows)[s] - at, np.asarray(m.indices)[s], np.asarray(m.weight)[s])
        for at, first, last in ((0, 0, 30), (30, 30, 40))
        for m in rows
        for s in [(np.asarray(m.rows) >= first) & (np.asarray(m.rows) < last)]
    ]
    alone = [nex.Projection(p.pre, p.post, p.receptor, comm) for p, comm in zip(alone, cut, strict=True)]
    parts = nex.Network({"E": nex.Population(cell, 40, receptors)}, alone)
    drive = jnp.linspace(0.5, 3.0, 40)
    program = str(jax.make_jaxpr(lambda s: whole.step(s, {"E": drive}, dt=0.1))(whole.init(dt=0.1)))
    assert program.count("neuroeqx_events_compact") == (projections > 1)
    a, b = (nex.simulate(net, 10.0, 0.1, {"E": drive}, record={"v": nex.voltage("E")}) for net in (whole, parts))
    np.testing.assert_allclose(a.records["v"].values, b.records["v"].values, rtol=0, atol=1e-4)


def test_weights_of_half_precision(dtype):
    """bfloat16 weights are read as they are, and summed in the precision of the state."""
    weight = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)), jnp.bfloat16)
    w = nex.connect.FanOut(weight, np.argsort(np.random.default_rng(1).random((6, 5)))[:, :3], 5)
    x = jnp.asarray([1.0, 0.0, 2.0, 0.0, 1.0, 0.5], dtype)
    assert w.weight.dtype == jnp.bfloat16
    assert w.nbytes == 18 * (2 + 4)
    np.testing.assert_allclose(w(x), x @ w.todense().astype(dtype), rtol=1e-6)
    gradient = eqx.filter_grad(lambda w: (w(x) ** 2).sum())(w)
    assert gradient.weight.dtype == jnp.bfloat16
    assert w.to_csr().weight.dtype == jnp.bfloat16


def test_a_receptor_may_be_late_and_jump_and_populations_have_a_state_and_a_current(x64):
    cell = nex.LIF(tau=10.0, v_th=1e9)
    receptors = {
        "now": nex.Receptor(nex.Expon(2.0), nex.CUBA()),
        "late": nex.Receptor(nex.Expon(2.0), nex.CUBA(), lag=2),
        "jump": nex.Receptor(nex.Instant(), nex.Delta()),
    }
    names = list(receptors)
    source = nex.SpikeTimes([0.3] * 3, [0, 1, 2], 3)
    one = nex.connect.one_to_one(1.5)
    populations = {name: nex.Population(cell, 1, receptors, y0=jnp.array(0.5), i0=0.25) for name in names}
    sends = [nex.Projection(nex.part("s", i, i + 1), name, name, one, delay=0.2) for i, name in enumerate(names)]
    net = nex.Network({"s": source, **populations}, sends)
    record = {name: nex.voltage(name) for name in names}
    v = {name: x.values[:, 0] for name, x in nex.simulate(net, 1.2, 0.1, record=record).records.items()}
    quiet = 0.25 + 0.25 * np.exp(-0.01 * np.arange(1, 13))
    # Emitted in step 3; what acts in step 5 shows at its end, a jump at that end and entire.
    np.testing.assert_allclose(v["now"][:5], quiet[:5], rtol=1e-12)
    np.testing.assert_allclose(v["late"][2:] - quiet[2:], v["now"][:-2] - quiet[:-2], atol=1e-12)
    np.testing.assert_allclose(v["jump"] - quiet, [0.0] * 5 + list(1.5 * np.exp(-0.01 * np.arange(7))), atol=1e-12)
    assert v["now"][5] > quiet[5]


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: nex.Receptor(nex.Expon(), nex.Delta()), TypeError, "Expon lasts longer than a step"),
        (lambda: nex.Receptor(nex.Expon(), nex.CUBA(), lag=-1), ValueError, "`lag` must be a whole number of steps"),
        (lambda: nex.Population(nex.AdEx(), 2, y0=jnp.array(1.0)), ValueError, "`y0` must be a state of AdEx"),
        (lambda: nex.Population(nex.LIF(), 2, i0=[1.0, 2.0, 3.0]), ValueError, "`i0` has shape"),
    ],
)
def test_impossible_receptors_and_states_are_refused(make, error, match):
    with pytest.raises(error, match=match):
        make()
