"""Native steps that are more than loops: random numbers, sums, selections, products, spikes; and loops in two threads."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
import scipy.special
from jax import lax
from native_runs import rounds
from neuroeqx.fuse import _halves, _step


@pytest.fixture(autouse=True)
def small_loops_too(monkeypatch):
    monkeypatch.setattr(_step, "_WORTH", 1)


def assert_equal(body, carry, **kwargs):
    for a, b in zip(*map(jax.tree.leaves, rounds(body, carry, **kwargs)), strict=True):
        np.testing.assert_array_equal(a, b)


# Random numbers: the same bits as JAX draws


@pytest.mark.parametrize("n", [1, 16, 37])
def test_uniform_numbers(n, dtype):
    key = jr.key(5)
    assert_equal(lambda i, x: x + jr.uniform(jr.fold_in(key, i), (n,), dtype), jnp.zeros(n, dtype))
    assert_equal(lambda i, x: x + jr.uniform(jr.fold_in(key, i), (n, 2), dtype), jnp.zeros((n, 2), dtype))


def test_split_keys():
    def body(i, x):
        a, b = jr.split(jr.fold_in(jr.key(1), i))
        several = jr.split(b, 3)
        return x + jr.uniform(a, (50,)) - jr.uniform(several[2], (50,)) * jr.uniform(b)

    ours, truth = rounds(body, jnp.zeros(50))
    np.testing.assert_allclose(ours, truth, rtol=1e-5, atol=1e-6)
    assert np.std(np.asarray(ours)) > 0.1


def test_unpacked_keys_and_arrays():
    def body(i, x):
        rows = jr.split(jr.fold_in(jr.key(1), i), (2, 3))
        (a, b, c), _ = rows
        top, middle, (left, right) = x
        top = top + jr.uniform(a, (2,)) * jr.uniform(c) - jr.uniform(b, (2,))
        return jnp.stack([middle, top * 0.5, jnp.stack([right, left])])

    ours, truth = rounds(body, jnp.arange(6.0).reshape(3, 2))
    np.testing.assert_allclose(ours, truth, rtol=1e-5, atol=1e-6)


def test_bits_and_coins():
    key = jr.key(2)
    assert_equal(lambda i, x: x ^ jr.bits(jr.fold_in(key, i), (40,), jnp.uint32), jnp.zeros(40, jnp.uint32))
    fired = lambda i, x: x + jr.bernoulli(jr.fold_in(key, i), 0.3, (40,)).astype(jnp.int32)
    assert_equal(fired, jnp.zeros(40, jnp.int32))


def test_normal_numbers(dtype):
    key = jr.key(3)
    ours, truth = rounds(lambda i, x: x + jr.normal(jr.fold_in(key, i), (500,), dtype), jnp.zeros(500, dtype))
    np.testing.assert_allclose(
        ours, truth, rtol=1e-5 if dtype == "float32" else 1e-13, atol=1e-6 * (dtype == "float32")
    )


def test_the_inverse_error_function(dtype):
    """Against SciPy's. In float32 to two units in the last place, in float64 to eight."""
    rng = np.random.default_rng(0)
    x = np.concatenate([
        rng.uniform(-1, 1, 5000), 1.0 - np.exp2(rng.uniform(-52, 0, 5000)), np.exp2(rng.uniform(-90, 0, 5000)),
        [0.0, 1.0, -1.0, 1.5, np.nan],
    ]).astype(dtype)  # fmt: skip
    (_, ours), _ = rounds(lambda i, c: [c[0], lax.erf_inv(c[0])], [jnp.asarray(x), jnp.zeros(x.shape, dtype)], count=1)
    truth = scipy.special.erfinv(x.astype(float))
    finite = np.isfinite(truth)
    np.testing.assert_array_equal(np.asarray(ours)[~finite], truth[~finite].astype(dtype))
    error = np.abs(np.asarray(ours)[finite].astype(float) - truth[finite]) / np.spacing(
        np.abs(truth[finite]).astype(dtype)
    )
    assert error.max() <= (2 if dtype == "float32" else 8)


def test_other_generators_stay_in_xla():
    key = jr.key(0, impl="rbg")
    assert_equal(lambda i, x: x + jr.uniform(jr.fold_in(key, i), (20,)), jnp.zeros(20), native=False)


# Calls


@pytest.mark.parametrize("mode", ["fill", "clip", "promise_in_bounds"])
def test_selections(mode, dtype):
    chosen = jnp.array([3, 0, 7, 7] if mode == "promise_in_bounds" else [3, -1, 100, 7], jnp.int32)

    def body(i, c):
        x = c["x"] * 2.0 + 1.0
        return {"x": x, "y": x.at[chosen].get(mode=mode) - c["y"]}

    assert_equal(body, {"x": jnp.arange(8.0, dtype=dtype), "y": jnp.zeros(4, dtype)})


def test_sums(dtype):
    body = lambda i, x: x * 0.5 + (x.sum() - x) / 37.0
    ours, truth = rounds(body, jnp.linspace(-1.0, 2.0, 37, dtype=dtype))
    np.testing.assert_allclose(ours, truth, rtol=1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("first", [True, False])
def test_products_of_vectors_and_matrices(first, dtype):
    w = jr.normal(jr.key(0), (30, 30), dtype)
    body = lambda i, x: jnp.tanh((x @ w if first else w @ x) * 0.2 + x)
    ours, truth = rounds(body, jnp.linspace(-1.0, 2.0, 30, dtype=dtype))
    np.testing.assert_allclose(ours, truth, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-6)


RULES = {
    "dense": nex.connect.Dense(jnp.full((40, 40), 0.02)),
    "all to all": nex.connect.all_to_all(0.01),
    "one to one": nex.connect.one_to_one(0.5),
}


@pytest.mark.parametrize("name", RULES)
def test_networks_of_random_sources(name):
    receptors = {"e": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0))}
    cells = nex.Population(nex.LIF(v_rest=-60.0, v_th=-59.0, v_reset=-60.0), 40, receptors)
    projection = nex.Projection("P", "N", "e", RULES[name], delay=0.1)
    net = nex.Network({"P": nex.Poisson(50.0, 40), "N": cells}, [projection], key=jr.key(0))
    record = {"p": nex.spikes("P"), "s": nex.spikes("N"), "v": nex.voltage("N", indices=[3, 17])}
    assert nex.explain(net, record=record, key=jr.key(0)).kept == []
    run = lambda fused: nex.simulate(net, 100.0, 0.1, record=record, key=jr.key(4), fused=fused).records
    ours, truth = run(True), run(False)
    assert truth["p"].count > 100 and truth["s"].count > 5
    for name in ("p", "s"):
        np.testing.assert_array_equal(ours[name].steps, truth[name].steps)
        np.testing.assert_array_equal(ours[name].neurons, truth[name].neurons)
    np.testing.assert_allclose(ours["v"].values, truth["v"].values, rtol=1e-5)


def test_substeps_are_written_out():
    cells = nex.Population(nex.Substeps(nex.LIF(), 4), 20)
    assert nex.explain(cells, inputs=30.0).kept == []
    run = lambda fused: nex.simulate(cells, 100.0, 0.5, 30.0, record={"s": nex.spikes()}, fused=fused).records["s"]
    assert run(False).count > 20
    np.testing.assert_array_equal(run(True).steps, run(False).steps)


# Spikes: lists of where an array is not zero


def test_spikes_of_other_sizes_than_one():
    """At the beginning of a run, as a caller gives them, and those that a loop makes."""
    w = nex.connect.fixed_out_degree(5, 1.0)(60, 60, key=jr.key(0))

    def body(i, c):
        g = w.add_to(0.5 * c["g"], c["x"])
        return {"g": g, "x": jnp.where(g > 1.0, g, 0.0)}

    x = jnp.zeros(60).at[jnp.array([0, 15, 16, 59])].set(jnp.array([2.0, -1.0, 0.25, 3.0]))
    ours, truth = rounds(body, {"g": jnp.zeros(60), "x": x}, count=7)
    np.testing.assert_allclose(ours["g"], truth["g"], rtol=1e-5)
    np.testing.assert_allclose(ours["x"], truth["x"], rtol=1e-5)
    unit = lambda i, c: body(i, c) | {"x": (body(i, c)["g"] > 1.0).astype(float)}
    ours, truth = rounds(unit, {"g": jnp.zeros(60), "x": x}, count=7)
    np.testing.assert_allclose(ours["g"], truth["g"], rtol=1e-5)
    np.testing.assert_array_equal(ours["x"], truth["x"])


@pytest.mark.parametrize("count", [0, 1, 4])
def test_decays_end_the_round_before(count):
    """What a call changes decays first; the last round must not decay again, and no round at all changes nothing."""
    w = nex.connect.fixed_out_degree(5, 1.0)(60, 60, key=jr.key(0))

    def body(i, c):
        g = w.add_to(c["g"] * 0.75, c["x"])
        x = (g > 0.5).astype(float)
        # This reads `g` once the loop is over that could decay in the same place.
        return {"g": g, "x": x, "v": c["v"] + g, "sum": w.add_to(0.5 * c["sum"] + x, g)}

    none = jnp.zeros(60)
    start = {"g": jnp.arange(60.0) / 60.0, "x": none.at[3].set(1.0), "v": none, "sum": none}
    ours, truth = rounds(body, start, count=count)
    for name in truth:
        np.testing.assert_allclose(ours[name], truth[name], rtol=1e-6)


# Threads


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000, 4097])
def test_loops_in_two_threads(n, dtype, monkeypatch):
    monkeypatch.setattr(_halves, "WORTH_TWO", 1)
    monkeypatch.setattr(_halves, "DENSE", 1)
    x = jnp.linspace(-3.0, 3.0, n, dtype=dtype)
    scale, each = jnp.asarray(0.7, dtype), jnp.linspace(1.0, 2.0, 3 * n, dtype=dtype)

    def body(i, c):
        part = lax.dynamic_slice(each, (n * (i % 3),), (n,))
        y = c["y"] * scale + part
        return {"x": jnp.where(c["x"] > y, c["x"] - y, c["x"] + part), "y": y - c["x"] * i.astype(dtype)}

    ours, truth = rounds(body, {"x": x, "y": x * 0.5}, count=50)
    for name in truth:
        np.testing.assert_allclose(ours[name], truth[name], rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-5)


def test_spikes_of_two_threads(monkeypatch, x64):
    monkeypatch.setattr(_halves, "WORTH_TWO", 1)
    monkeypatch.setattr(_halves, "DENSE", 1)
    receptors = {"e": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0))}
    cells = nex.LIF(v_rest=-60.0, v_th=-50.0, v_reset=-60.0)
    net = nex.Network(
        {"N": nex.Population(cells, 300, receptors, v0=lambda key, shape: -60.0 + 9.0 * jr.uniform(key, shape))},
        [nex.Projection("N", "N", "e", nex.connect.bernoulli(0.05, 0.1))],
        key=jr.key(0),
    )
    run = lambda fused: nex.simulate(
        net, 50.0, 0.1, {"N": 15.0}, record={"s": nex.spikes("N")}, key=jr.key(1), fused=fused
    )
    ours, truth = run(True).records["s"], run(False).records["s"]
    assert truth.count > 300
    np.testing.assert_array_equal(ours.steps, truth.steps)
    np.testing.assert_array_equal(ours.neurons, truth.neurons)
