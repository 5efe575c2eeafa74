"""Products and loops that two threads share, each with its half of the targets; arrays of which only the list is kept."""

import itertools

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from llvmlite import ir
from native_runs import rounds
from neuroeqx.fuse import _emit, _halves, _second_thread, _step
from neuroeqx.ops import csr, fanout


limits = itertools.count(1)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """Kernels are kept from test to test, programs not: none has the limits of another."""
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture
def groups(monkeypatch, kernels):
    """Everything that can be is shared; what was, is noted, in code that is not known yet."""
    monkeypatch.setenv("NEUROEQX_CACHE_DIR", str(kernels))
    monkeypatch.setattr(_step, "_WORTH", 1)
    monkeypatch.setattr(_halves, "WORTH_TWO", next(limits))
    seen = []

    def noted(e, group):
        seen.append((len(group.calls), len(group.loops), len(group.alone)))
        _halves.run_group(e, group)

    monkeypatch.setattr(_emit, "run_group", noted)
    return seen


def cells(product, n_pre, initial=None):
    """Spikes of the round before are added to `g`, which decays and makes spikes: of 1, or of `initial` in the first round."""

    def body(i, c):
        g = product(c["g"], c["x"])
        fired = (g > 0.9) & (g < 4.0)
        return {"x": fired[:n_pre].astype(g.dtype), "g": jnp.where(fired, 0.3, g * 0.8 + 0.2)}

    def start(n_post, dtype):
        g = jnp.asarray(np.random.default_rng(1).uniform(0.0, 1.2, n_post), dtype)
        return {"x": jnp.zeros(n_pre, dtype).at[::3].set(1.0 if initial is None else initial), "g": g}

    return body, start


def assert_same(body, start, dtype):
    ours, truth = rounds(body, start, count=8 if dtype == "float32" else 30)
    assert np.count_nonzero(truth["x"]) > 0
    for name in truth:
        np.testing.assert_allclose(ours[name], truth[name], rtol=2e-5 if dtype == "float32" else 1e-13, err_msg=name)


CASES = [(70, 3, False), (130, 40, True), (1000, 80, False), (513, 700, False), (513, 700, True)]


@pytest.mark.parametrize("dtype", ["float64"], indirect=True)
@pytest.mark.parametrize("n, degree, own", CASES)
def test_rows_of_one_length(groups, n, degree, own, dtype):
    """In any order, with several synapses to one target, longer than the list that a thread keeps; of one weight or many."""
    rng = np.random.default_rng(0)
    indices = jnp.asarray(rng.integers(0, n, (n, degree)), jnp.int32)
    weight = jnp.asarray(rng.normal(size=(n, degree)) / degree if own else 0.5 / degree, dtype)
    body, start = cells(lambda g, x: fanout.add_matvec(g, weight, indices, x), n)
    assert_same(body, start(n, dtype), dtype)
    assert any(calls == 1 and loops for calls, loops, _ in groups)


@pytest.mark.parametrize("half", [False, True])
def test_rows_of_any_length(groups, half):
    rng = np.random.default_rng(0)
    n, degrees = 300, rng.integers(0, 60, 300)
    indptr = jnp.asarray(np.concatenate([[0], np.cumsum(degrees)]), jnp.int32)
    indices = jnp.asarray(rng.integers(0, n, degrees.sum()), jnp.int32)
    weight = jnp.asarray(rng.normal(size=degrees.sum()) / 20, jnp.bfloat16 if half else jnp.float32)
    body, start = cells(lambda g, x: csr.add_matvec(g, weight, indices, indptr, x), n)
    assert_same(body, start(n, "float32"), "float32")
    assert any(calls == 1 for calls, _, _ in groups)


@pytest.mark.parametrize("threads, initial", [(1, 0.5), (2, 1.0), (2, -2.0)])
def test_spikes_of_the_first_round_have_any_size(monkeypatch, groups, threads, initial, x64):
    """Later ones are 1, and only listed until the run ends."""
    if threads == 1:
        monkeypatch.setattr(_halves, "WORTH_TWO", 2**60)
    indices = jnp.asarray(np.random.default_rng(0).integers(0, 200, (200, 9)), jnp.int32)
    body, start = cells(lambda g, x: fanout.add_matvec(g, jnp.asarray(0.1), indices, x), 200, initial)
    for count in (0, 1, 2, 30):
        ours, truth = rounds(body, start(200, "float64"), count=count)
        for name in truth:
            np.testing.assert_allclose(ours[name], truth[name], rtol=1e-13, err_msg=f"{name} {count}")


def test_what_reads_the_spikes_themselves_sees_them(groups, x64):
    """A loop that reads the array, not its list, and a product that reads what a loop of the same stage writes."""
    indices = jnp.asarray(np.random.default_rng(0).integers(0, 200, (200, 9)), jnp.int32)
    product = lambda g, x: fanout.add_matvec(g, jnp.asarray(0.1), indices, x)
    inner, start = cells(product, 200)

    def traced(i, c):
        after = inner(i, {"x": c["x"], "g": c["g"]})
        return after | {"trace": 0.9 * c["trace"] + c["x"]}

    def graded(i, c):
        g = product(c["g"], c["x"])
        return {"x": jnp.where(g > 0.9, g, 0.0), "g": jnp.where(g > 0.9, 0.3, g * 0.8 + 0.2)}

    assert_same(traced, start(200, "float64") | {"trace": jnp.zeros(200)}, "float64")
    assert any(calls == 1 for calls, _, _ in groups)
    groups.clear()
    assert_same(graded, start(200, "float64"), "float64")
    assert all(calls == 0 for calls, _, _ in groups)


def one_after_the_other(second, builder, frame, given, half):
    """In place of `SecondThread.run`: no thread, and the second half first."""
    for which in (1, 0):
        builder.call(half, [frame, given, ir.IntType(64)(which)])


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("sizes", [(400, 100), (64, 63)])
def test_a_network_of_populations(groups, sizes, backwards, monkeypatch, x64):
    """Several projections of one source share its list; targets of two sizes; all spikes recorded."""
    if backwards:
        monkeypatch.setattr(_second_thread.SecondThread, "run", one_after_the_other)
    cell = nex.Refractory(nex.LIF(v_rest=-60.0, v_th=-50.0, v_reset=-60.0), 2.0)
    receptors = {
        "ampa": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0)),
        "gaba": nex.Receptor(nex.Expon(10.0), nex.COBA(-80.0)),
    }
    start = lambda key, shape: jr.uniform(key, shape, minval=-60.0, maxval=-50.0)
    populations = {name: nex.Population(cell, n, receptors, v0=start) for name, n in zip("EI", sizes, strict=True)}
    rule = {"E": nex.connect.bernoulli(0.1, 0.3), "I": nex.connect.fixed_out_degree(20, 2.0)}
    receptor = {"E": "ampa", "I": "gaba"}
    net = nex.Network(
        populations, [nex.Projection(a, b, receptor[a], rule[a]) for a in "EI" for b in "EI"], key=jr.key(0)
    )
    run = lambda fused: nex.simulate(
        net, 40.0, 0.1, {"E": 20.0, "I": 20.0}, record={n: nex.spikes(n) for n in "EI"}, key=jr.key(1), fused=fused
    )
    ours, truth = run(True), run(False)
    assert any(calls == 4 and loops == 2 for calls, loops, _ in groups)
    for name, n in zip("EI", sizes, strict=True):
        assert truth.records[name].count > n / 4
        np.testing.assert_array_equal(ours.records[name].steps, truth.records[name].steps)
        np.testing.assert_array_equal(ours.records[name].neurons, truth.records[name].neurons)
    for a, b in zip(jax.tree.leaves(ours.state), jax.tree.leaves(truth.state), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


def test_an_array_that_one_thread_changes_keeps_a_short_loop_in_one(groups, x64):
    """A ring of delays is turned and added to by one thread: the loop that reads it is not shared unless it has much to do."""
    rule = nex.connect.fixed_out_degree(9, 0.2, delay=nex.connect.integers(1, 5))
    receptors = {"g": nex.Receptor(nex.Expon(5.0), nex.CUBA())}
    population = nex.Population(nex.LIF(), 200, receptors, v0=lambda key, shape: 30.0 * jr.uniform(key, shape))
    net = nex.Network({"N": population}, [nex.Projection("N", "N", "g", rule)], key=jr.key(0))
    run = lambda fused: nex.simulate(
        net, 30.0, 0.5, {"N": 25.0}, record={"s": nex.spikes("N")}, key=jr.key(1), fused=fused
    )
    ours, truth = run(True).records["s"], run(False).records["s"]
    assert truth.count > 100
    np.testing.assert_array_equal(ours.neurons, truth.neurons)
    assert all(calls == 0 for calls, _, _ in groups)
