"""Native steps with branches and loops in them: cells that move now and then, substeps, `cond`, `scan`, `while_loop`."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from native_runs import assert_close, assert_native_run, rounds
from neuroeqx.fuse import _halves, _step
from thorough import all_but


@pytest.fixture(autouse=True)
def small_loops_too(monkeypatch):
    monkeypatch.setattr(_step, "_WORTH", 1)


POINT = {"v_rest": -60.0, "v_th": -50.0, "v_reset": -60.0}
LIF = lambda **kwargs: nex.LIF(**POINT, **kwargs)
TAUS = np.linspace(10.0, 30.0, 37)
CELLS = {
    "every": (lambda: nex.Every(LIF(), 3), 20.0, 0.1),
    "every, taus": (lambda: nex.Every(LIF(tau=TAUS), 2), 20.0, 0.1),
    "every TraubMiles": (lambda: nex.Every(nex.TraubMiles(), 2), 600.0, 0.02),
    "every refractory": (lambda: nex.Every(nex.Refractory(LIF(), 1.0), 5), 30.0, 0.1),
    "every graded": (lambda: nex.Every(nex.Leaky(), 3), 1.0, 0.1),
    "substeps": (lambda: nex.Substeps(LIF(), 50), 20.0, 1.0),
    "substeps, taus": (lambda: nex.Substeps(LIF(tau=TAUS), 50), 20.0, 1.0),
    "substeps TraubMiles": (lambda: nex.Substeps(nex.TraubMiles(), 10), 600.0, 0.2),
    "every substeps": (lambda: nex.Every(nex.Substeps(LIF(tau=TAUS), 50), 2), 20.0, 0.5),
    "substeps of every": (lambda: nex.Substeps(nex.Every(LIF(), 3), 60), 20.0, 1.0),
}


SINGLE = "every, taus", "substeps"
PRECISIONS = [(name, dtype) for dtype in ("float32", "float64") for name in (CELLS if dtype == "float64" else SINGLE)]


USUAL = [("every, taus", "float32"), ("every refractory", "float64"), ("substeps of every", "float64")]


@pytest.mark.parametrize("name, dtype", all_but(PRECISIONS, USUAL), indirect=["dtype"])
def test_cells(name, dtype):
    cell, drive, dt = CELLS[name]
    model = nex.Population(cell(), 37, v0=jnp.linspace(-65.0, -55.0, 37) if "graded" not in name else None)
    assert_native_run(model, drive * jnp.linspace(0.9, 1.2, 37), dtype, t1=200 * dt, dt=dt)


def test_networks_of_cells_that_move_now_and_then(x64):
    receptors = {"e": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0))}
    start = lambda key, shape: -60.0 + 9.0 * jr.uniform(key, shape)
    cells = {
        "A": nex.Population(nex.Every(LIF(), 2), 60, receptors, v0=start),
        "B": nex.Population(nex.Substeps(LIF(), 64), 50, receptors, v0=start),
    }
    pairs = [("A", "B"), ("B", "A"), ("A", "A")]
    rule = nex.connect.bernoulli(0.2, 0.1)
    net = nex.Network(cells, [nex.Projection(a, b, "e", rule) for a, b in pairs], key=jr.key(0))
    record, drive = {name: nex.spikes(name) for name in cells}, {"A": 12.0, "B": 12.0}
    told = nex.explain(net, inputs=drive, record=record)
    assert told.kept == [] and {"cond", "scan"} <= set(told.calls)
    run = lambda fused: nex.simulate(net, 60.0, 0.1, drive, record=record, key=jr.key(1), fused=fused)
    ours, truth = run(True), run(False)
    for name in cells:
        assert truth.records[name].count > 60
        np.testing.assert_array_equal(ours.records[name].steps, truth.records[name].steps)
        np.testing.assert_array_equal(ours.records[name].neurons, truth.records[name].neurons)
    assert_close(ours.state, truth.state, tolerance=1e-9)


def test_gradients_of_cells_that_move_now_and_then(x64):
    model = nex.Population(nex.Every(LIF(), 3), 20)

    def loss(drive, fused):
        sol = nex.simulate(model, 20.0, 0.1, drive, record={"o": nex.output()}, fused=fused)
        return (sol.records["o"].values * jnp.linspace(0.0, 1.0, 20)[None]).sum() + (sol.state.v**2).sum()

    gradient = lambda fused: jax.jit(jax.grad(lambda drive: loss(drive, fused)))(jnp.linspace(15.0, 30.0, 20))
    assert np.any(np.asarray(gradient(False)) != 0.0)
    assert_close(gradient(True), gradient(False))


# Branches


@pytest.mark.parametrize("n", [1, 37])
def test_branches_that_keep_swap_and_make(n, dtype):
    """One keeps what it is given, one gives it back in other places, one makes new arrays; and single numbers."""

    def body(i, c):
        keep = lambda a, b, k: (a, b, a + b, k)
        swap = lambda a, b, k: (b, a, jnp.zeros_like(a), k + 2)
        make = lambda a, b, k: (a * 0.5 + b, jnp.sin(a), b, k * k + jnp.int32(1))
        a, b, d, k = lax.switch((i + c["first"]) % 4 - 1, [keep, swap, make], c["a"], c["b"], c["k"])
        return {"a": a, "b": b, "d": d + c["d"], "k": k, "first": c["first"]}

    x = jnp.linspace(0.0, 1.0, n, dtype=dtype)
    for first in range(4):
        start = {"a": x, "b": 2.0 * x + 1.0, "d": x, "k": jnp.int32(3), "first": jnp.int32(first)}
        assert_close(*rounds(body, start, count=9), dtype)


def test_what_a_branch_changes_in_place_is_read_elsewhere(dtype):
    """An array that a branch changes is also read beside it, by the other branch for another output, and carried twice."""

    def body(i, c):
        fired = i % 2 == 0
        a, b = lax.cond(fired, lambda a: (a * 2.0, a), lambda a: (a, a + 1.0), c["a"])
        again, _ = lax.cond(fired, lambda a, b: (a + b, a), lambda a, b: (a, b), b, b)
        return {"a": a - c["a"] * 0.5, "b": again + c["a"], "last": c["a"] + 0.0}

    x = jnp.linspace(0.0, 1.0, 37, dtype=dtype)
    assert_close(*rounds(body, {"a": x, "b": x, "last": x}, count=6), dtype)


def test_two_results_trade_places(dtype):
    """What a branch keeps becomes the other part of the carry in the next round."""

    def body(i, c):
        a, b = lax.cond(i % 3 == 0, lambda a, b: (a * 0.5, b + 1.0), lambda a, b: (a, b), c["a"], c["b"])
        return {"a": b, "b": a}

    x = jnp.linspace(0.0, 1.0, 37, dtype=dtype)
    assert_close(*rounds(body, {"a": x, "b": 3.0 * x}, count=7), dtype)


def test_random_numbers_and_products_of_branches():
    key, w = jr.key(3), nex.connect.fixed_out_degree(5, 0.1)(40, 40, key=jr.key(0))

    def body(i, c):
        own = jr.fold_in(key, i)
        draw = lambda x, g: (x + jr.uniform(own, x.shape), w.add_to(g * 0.9, (x > 1.0).astype(x.dtype)))
        return lax.cond(i % 2 == 1, draw, lambda x, g: (x * 0.5, g), *c)

    ours, truth = rounds(body, (jnp.linspace(0.0, 4.0, 40), jnp.zeros(40)), count=9)
    assert np.any(np.asarray(truth[1]) > 0.0)
    assert_close(ours, truth, "float32")


def test_spikes_that_a_branch_changes_in_place():
    """Products follow the list of the spikes, whose array is changed once they are through with it."""
    w = nex.connect.fixed_out_degree(5, 0.4)(40, 40, key=jr.key(0))

    def body(i, c):
        spikes = (c["v"] > 1.0).astype(c["v"].dtype)
        g = w.add_to(0.5 * c["g"], spikes)
        changed = lax.cond(i % 2 == 0, lambda s, g: s * 0.5 + jnp.sin(g), lambda s, g: s, spikes, g)
        return {"v": jnp.where(spikes > 0.0, 0.0, c["v"] + g * 0.3 + 0.1), "g": g, "s": changed}

    start = {"v": jnp.linspace(0.0, 2.0, 40), "g": jnp.zeros(40), "s": jnp.zeros(40)}
    ours, truth = rounds(body, start, count=20)
    assert np.any(np.asarray(truth["g"]) > 0.0)
    assert_close(ours, truth, "float32")


def test_branches_in_branches(dtype):
    def body(i, x):
        inner = lambda x: lax.cond(i % 4 == 0, lambda x: x + 1.0, lambda x: jnp.cos(x), x)
        return lax.cond(i % 2 == 0, inner, lambda x: x, x * 0.75)

    assert_close(*rounds(body, jnp.linspace(0.0, 1.0, 37, dtype=dtype), count=8), dtype)


# Loops


@pytest.mark.parametrize("length", [0, 1, 600])
def test_loops_over_a_carry(length, dtype):
    scale = jnp.linspace(0.5, 0.9, 37, dtype=dtype)

    def body(i, c):
        def once(carry, _):
            k, x, total = carry
            x = jnp.where(x > 1.0, x * scale, x + 0.3 * jnp.exp(-scale)) + 0.001 * k.astype(x.dtype)
            return (k + 1, x, total + x * c["x"]), None

        k, x, total = lax.scan(once, (i, c["x"], jnp.zeros_like(c["x"])), None, length=length)[0]
        return {"x": x, "total": c["total"] * 0.5 + total, "k": c["k"] + k}

    start = {"x": scale, "total": scale, "k": jnp.int32(0)}
    assert_close(*rounds(body, start, count=3), dtype)


def test_loops_with_conditions(dtype):
    """A condition of arrays, rounds that differ from step to step, and none at all."""

    def body(i, c):
        limit = c["limit"] * 2.0
        goes_on = lambda state: (state[0] < 3 * (i % 3)) & (state[1].sum() < limit)
        once = lambda state: (state[0] + 1, state[1] * 1.25 + 0.1)
        k, x = lax.while_loop(goes_on, once, (jnp.int32(0), c["x"] * 0.5))
        return {"x": x, "limit": c["limit"] + 1.0, "k": c["k"] + k}

    start = {"x": jnp.linspace(0.0, 1.0, 37, dtype=dtype), "limit": jnp.asarray(8.0, dtype), "k": jnp.int32(0)}
    ours, truth = rounds(body, start, count=9)
    assert truth["k"] > 5
    assert_close(ours, truth, dtype)


def test_what_programs_compute_from_constants_is_computed_once():
    """The factor of decay, an exponential of the time constants: in a loop, in a branch and in a loop with a condition."""
    taus = jnp.linspace(10.0, 30.0, 37)

    def step(x):
        factor = lambda: jnp.exp(-0.1 / taus)
        x = lax.scan(lambda x, _: (x * factor() + 1.0, None), x, None, length=600)[0]
        x = lax.cond(x[0] > 3.0, lambda x: x * factor(), lambda x: x, x)
        return lax.while_loop(lambda x: x[0] > 2.0, lambda x: x * factor(), x)

    found = _step.as_step(jax.make_jaxpr(step)(jnp.ones(37)))
    assert found.kept == []
    assert sum("exp" in str(eqn) for eqn in found.before) >= 1
    assert not any("exp " in str(eqn) for eqn in found.equations)


def test_what_loops_cannot_do_is_told():
    shift = lambda i, x: lax.scan(lambda c, _: ((c[1], 0.9 * c[0]), None), (x, x * 2.0), None, length=600)[0][0]
    told = nex.explain(nex.Population(nex.LIF(), 4), inputs=lambda t: shift(0, jnp.ones(4) * t))
    assert any("another place" in why for _, why in told.kept)
    assert_close(*rounds(shift, jnp.ones(40), native=False), "float32")
    factor = lambda i, x: lax.scan(lambda c, _: ((c[1] * 1.0, 0.9 * c[0]), None), (x, x + 1.0), None, length=600)[0][0]
    assert_close(*rounds(factor, jnp.ones(40), native=False), "float32")
    over = lambda i, x: lax.scan(lambda c, y: (c + y, None), x, jnp.ones((600, 40)) * x[None])[0]
    assert_close(*rounds(over, jnp.ones(40), native=False), "float32")


def test_loops_of_a_step_in_two_threads(dtype, monkeypatch):
    monkeypatch.setattr(_halves, "WORTH_TWO", 1)
    model = nex.Population(nex.Every(nex.Substeps(LIF(), 40), 2), 1000)
    assert_native_run(model, jnp.linspace(12.0, 30.0, 1000), dtype, t1=40.0, dt=1.0)
