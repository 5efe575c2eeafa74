"""Synapses with a delay each: a network of them is the network with one projection per delay."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest


DT = 0.1
N = 40


def matrix(kind, seed=0):
    """About 300 synapses with delays of 1, 2 and 5 steps."""
    delay = lambda key, shape: jnp.array([1, 2, 5])[jr.randint(key, shape, 0, 3)]
    rule = {"CSR": lambda: nex.connect.bernoulli(0.2, nex.connect.uniform(0.2, 1.0), delay=delay),
            "FanOut": lambda: nex.connect.fixed_out_degree(8, nex.connect.uniform(0.2, 1.0), delay=delay)}[kind]()  # fmt: skip
    return rule(N, N, key=jr.key(seed))


def by_delay(w):
    """The same synapses as a matrix for every delay."""
    csr = w.to_csr()
    rows, indices, weight, delays = map(np.asarray, (csr.rows, csr.indices, csr.weight, csr.delays))
    return {
        int(d): nex.connect.from_edges(rows[delays == d], indices[delays == d], weight[delays == d], N, N)(N, N)
        for d in np.unique(delays)
    }


def network(projections):
    receptors = {"in": nex.Receptor(nex.Expon(3.0), nex.CUBA())}
    cell = nex.Refractory(nex.LIF(tau=10.0, v_rest=0.0, v_th=1.0, v_reset=0.0), 1.0)
    start = jnp.linspace(-0.5, 0.9, N)
    return nex.Network({"E": nex.Population(cell, N, receptors, v0=start)}, projections)


def together(w):
    return network([nex.Projection("E", "E", "in", w)])


def apart(w):
    return network([nex.Projection("E", "E", "in", m, delay=d * DT) for d, m in by_delay(w).items()])


def voltages(net, steps=60):
    return nex.simulate(net, steps * DT, DT, {"E": 4.0}, record={"v": nex.voltage("E"), "s": nex.spikes("E")})


@pytest.mark.parametrize("kind, dtype", [("CSR", "float64"), ("FanOut", "float32")], indirect=["dtype"])
def test_a_delay_each_equals_a_projection_for_each_delay(kind, dtype):
    one, many = voltages(together(matrix(kind))), voltages(apart(matrix(kind)))
    assert one.records["s"].indices.size > 70
    tolerance = 1e-4 if dtype == "float32" else 1e-11
    np.testing.assert_allclose(one.records["v"].values, many.records["v"].values, rtol=0, atol=tolerance)


def test_a_delay_of_one_step_is_that_of_a_projection():
    w = nex.connect.fixed_out_degree(8, 0.5, delay=1)(N, N, key=jr.key(0))
    plain = nex.connect.fixed_out_degree(8, 0.5)(N, N, key=jr.key(0))
    assert w.horizon == 1
    assert plain.horizon == 0
    a, b = voltages(together(w)), voltages(together(plain))
    np.testing.assert_array_equal(a.records["s"].steps, b.records["s"].steps)
    # One adds up arrivals before it adds them to the state, the other does not: they differ by rounding.
    np.testing.assert_allclose(a.records["v"].values, b.records["v"].values, rtol=0, atol=1e-6)


def test_resuming_keeps_what_is_under_way():
    net = together(matrix("CSR"))
    whole = voltages(net, 60)
    first = voltages(net, 23)
    options = {"t0": first.t1, "state": first.state, "record": {"v": nex.voltage("E")}}
    second = nex.simulate(net, 60 * DT, DT, {"E": 4.0}, **options)
    np.testing.assert_array_equal(second.records["v"].values, whole.records["v"].values[23:])


def test_parts_and_several_projections_share_a_ring():
    """Two projections of different horizon to one part of a population, another to all of it."""
    a = nex.connect.bernoulli(0.3, 0.4, delay=nex.connect.integers(1, 7))(N, 15, key=jr.key(1))
    b = nex.connect.fixed_out_degree(3, 0.5, delay=nex.connect.integers(2, 3))(10, 15, key=jr.key(2))
    c = nex.connect.fixed_out_degree(3, 0.3, delay=4)(N, N, key=jr.key(3))
    part = nex.part("E", 20, 35)

    def split(w, pre, post):
        csr = w.to_csr()
        rows, indices, delays = map(np.asarray, (csr.rows, csr.indices, csr.delays))
        return [
            nex.Projection(
                pre, post, "in", nex.connect.from_edges(rows[delays == d], indices[delays == d], float(csr.weight)),
                delay=float(d) * DT,
            )
            for d in np.unique(delays)
        ]  # fmt: skip

    ends = [("E", part, a), (nex.part("E", 0, 10), part, b), ("E", "E", c)]
    one = network([nex.Projection(pre, post, "in", w) for pre, post, w in ends])
    many = network([projection for pre, post, w in ends for projection in split(w, pre, post)])
    state = one.init(dt=DT)
    assert {place: arrivals.ring.shape for place, arrivals in state.arrivals.items()} == {
        "E[20:35]:in": (7 * 15,), "E:in": (4 * N,)
    }  # fmt: skip
    got, expected = voltages(one), voltages(many)
    np.testing.assert_allclose(got.records["v"].values, expected.records["v"].values, rtol=0, atol=1e-4)


def test_gradients_through_delays(x64):
    w = matrix("FanOut")

    def loss(weight, make):
        changed = eqx.tree_at(lambda m: m.weight, w, weight)
        sol = nex.simulate(make(changed), 30 * DT, DT, {"E": 4.0}, record={"v": nex.voltage("E")})
        return (sol.records["v"].values ** 2).sum()

    def apart_traced(changed):
        csr = changed.to_csr()
        projections = []
        for d in np.unique(csr.delays):
            here = np.flatnonzero(np.asarray(csr.delays) == d)
            rows = np.asarray(csr.rows)[here]
            m = nex.connect.CSR(
                csr.weight[jnp.asarray(here)], np.asarray(csr.indices)[here],
                np.searchsorted(rows, np.arange(N + 1)), N,
            )  # fmt: skip
            projections.append(nex.Projection("E", "E", "in", m, delay=float(d) * DT))
        return network(projections)

    ours, theirs = jax.grad(loss)(w.weight, together), jax.grad(loss)(w.weight, apart_traced)
    assert np.count_nonzero(np.asarray(ours)) > 200
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


def test_the_ring_is_not_copied():
    """In the compiled loop the ring is written in place: no operation copies an array of its size."""
    n, horizon = 64, 37
    w = nex.connect.fixed_out_degree(8, 0.1, delay=nex.connect.integers(1, horizon))(n, n, key=jr.key(0))
    cell = nex.LIF(tau=10.0, v_rest=0.0, v_th=1.0, v_reset=0.0)
    net = nex.Network(
        {"E": nex.Population(cell, n, {"in": nex.Receptor(nex.Expon(3.0), nex.CUBA())})},
        [nex.Projection("E", "E", "in", w)],
    )
    horizon = w.horizon
    state = net.init(dt=DT)

    def run(state):
        return jax.lax.fori_loop(0, 100, lambda _, s: net.step(s, {"E": 4.0}, dt=DT)[0], state)

    options = {"xla_cpu_copy_insertion_use_region_analysis": True}
    text = jax.jit(run, donate_argnums=0).lower(state).compile(options).as_text()
    body = text[: text.index("ENTRY")]
    assert f"f32[{horizon * n}]" in body
    assert not [line for line in body.splitlines() if " copy(" in line and f"f32[{horizon * n}]" in line]


def test_delays_in_ms():
    assert nex.connect.in_steps(0.26, 0.1) == 3
    assert nex.connect.in_steps(0.01, 0.1) == 1
    np.testing.assert_array_equal(nex.connect.in_steps(np.array([0.1, 1.04]), 0.1), [1, 10])
    drawn = nex.connect.in_steps(nex.connect.uniform(0.5, 2.0), 0.1)
    w = nex.connect.bernoulli(0.5, delay=drawn)(N, N, key=jr.key(0))
    assert set(np.asarray(w.delays).tolist()) == set(range(5, 21))


def test_drawn_delays_do_not_change_the_synapses():
    plain, delayed = (nex.connect.bernoulli(0.3, nex.connect.normal(0.0, 1.0), delay=d)(N, N, key=jr.key(0))
                      for d in (None, nex.connect.integers(1, 9)))  # fmt: skip
    np.testing.assert_array_equal(plain.indices, delayed.indices)
    np.testing.assert_array_equal(plain.weight, delayed.weight)
    assert set(np.asarray(delayed.delays).tolist()) == set(range(1, 10))


EDGES = (np.array([0, 1, 1]), np.array([1, 0, 1]))


def test_delays_of_edges():
    w = nex.connect.from_edges(EDGES[0][::-1], EDGES[1][::-1], delay=[3, 2, 1])(2, 2)
    assert [r.delays.tolist() for r in map(w.row, range(2))] == [[1], [2, 3]]
    assert w.transposed().row(1).delays.tolist() == [1, 3]
    drawn = nex.connect.from_edges(*EDGES, delay=nex.connect.integers(4, 4))(2, 3, key=jr.key(0))
    assert (drawn.shape, drawn.horizon) == ((2, 3), 4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nex.connect.bernoulli(0.1, delay=0), ValueError, "`delay` must be at least 1 step, got 0"),
        (lambda: nex.connect.bernoulli(0.1, delay=0.5), TypeError, r"counts steps.*connect.in_steps\(delay, dt\)"),
        (lambda: nex.connect.integers(3, 2), ValueError, "`low` = 3 is above `high` = 2"),
        (lambda: nex.connect.integers(0.5, 2), TypeError, "`low` must be a whole number, got 0.5"),
        (lambda: nex.connect.in_steps(-1.0, 0.1), ValueError, "`delay` must be finite and not negative"),
        (lambda: nex.connect.in_steps(1.0, 0.0), ValueError, "`dt` must be positive"),
        (lambda: nex.connect.from_edges(*EDGES, delay=[1, 2]), ValueError, r"`delay` must be .* shape \(3,\)"),
        (lambda: nex.connect.CSR(1.0, [0], [0, 1], 1, delays=[0]), ValueError, "at least 1, got 0"),
        (lambda: nex.connect.CSR(1.0, [0], [0, 1], 2**20, delays=[2**12]), ValueError, "do not fit into 32 bits"),
        (lambda: nex.connect.bernoulli(0.5, delay=nex.connect.integers(1, 2))(3, 3), ValueError, "`key`"),
        (
            lambda: network([nex.Projection("E", "E", "in", matrix("CSR"), delay=0.1)]),
            ValueError,
            "its synapses have delays of their own",
        ),
    ],
)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("rule", [nex.connect.bernoulli, nex.connect.fixed_out_degree])
def test_drawn_delays_and_weights_are_independent(rule):
    w = rule(0.5 if rule is nex.connect.bernoulli else 100, nex.connect.uniform(0.0, 1.0),
             delay=nex.connect.in_steps(nex.connect.uniform(1.0, 100.0), 1.0))(200, 200, key=jr.key(0))  # fmt: skip
    # Of 20,000 pairs: three standard deviations of the correlation of independent numbers.
    assert abs(np.corrcoef(np.ravel(w.weight), np.ravel(w.delays))[0, 1]) < 3.0 / np.sqrt(20_000)
