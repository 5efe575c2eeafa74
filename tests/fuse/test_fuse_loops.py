"""Native loops over time against the same steps in XLA."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from jaxtyping import Array
from neuroeqx.fuse import _step, while_loop
from thorough import all_but


class AdExState(eqx.Module):
    v: Array
    w: Array


class AdEx(nex.AbstractNeuron):
    """The adaptive exponential neuron as a user would write it."""

    stepper: nex.AbstractStepper = nex.Euler()
    surrogate: nex.AbstractSurrogate = eqx.field(default_factory=nex.SuperSpike)

    def init(self, shape, *, key=None):
        return AdExState(jnp.full(shape, -65.0), jnp.zeros(shape))

    def vector_field(self, t, y, current):
        slope = jnp.exp(jnp.minimum((y.v + 50.0) / 2.0, 10.0))
        return AdExState((-65.0 - y.v + 2.0 * slope + current(y.v) - y.w) / 20.0, (0.1 * (y.v + 65.0) - y.w) / 100.0)

    def threshold(self, y):
        return y.v + 30.0

    def reset(self, y, spike):
        return AdExState(y.v + spike * (-60.0 - y.v), y.w + 3.0 * spike)


LIF = functools.partial(nex.LIF, v_rest=-60.0, v_th=-50.0, v_reset=-60.0)
CELLS = {
    "Euler": lambda: LIF(stepper=nex.Euler()),
    "ExpEuler": lambda: nex.Refractory(LIF(), 5.0),
    "soft": lambda: LIF(resetting=nex.SoftReset()),
    "RK4": lambda: LIF(stepper=nex.RK4()),
    "each its own": lambda: LIF(tau=np.linspace(10.0, 30.0, N)),
    "TraubMiles": nex.TraubMiles,
    "AdEx": AdEx,
}
N = 77  # four whole vectors of float32, and a rest


def network(cell, rule=None, **delay):
    receptors = {"e": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0)), "i": nex.Receptor(nex.Expon(10.0), nex.COBA(-80.0))}
    rule = rule or (lambda w: nex.connect.bernoulli(0.2, w, **delay))
    strong = 100.0 if isinstance(cell, nex.TraubMiles) else 1.0
    return nex.Network(
        {"N": nex.Population(cell, N, receptors, v0=lambda key, shape: -60.0 + 8.0 * jr.uniform(key, shape))},
        [
            nex.Projection(nex.part("N", 0, 50), "N", "e", rule(0.2 * strong)),
            nex.Projection(nex.part("N", 50, N), "N", "i", rule(0.9 * strong)),
        ],
        key=jr.key(3),
    )


def both(net, t1=60.0, drive=20.0, **kwargs):
    record = {"s": nex.spikes("N"), "v": nex.voltage("N", every=7)}
    run = lambda fused: nex.simulate(net, t1, 0.1, {"N": drive}, record=record, key=jr.key(1), fused=fused, **kwargs)
    return run(True), run(False)


def assert_native(net, drive=20.0):
    assert nex.explain(net, inputs={"N": drive}).kept == []


def assert_same(a, b, dtype):
    assert a.records["s"].count > 20
    if dtype == "float64":
        np.testing.assert_array_equal(a.records["s"].steps, b.records["s"].steps)
        np.testing.assert_array_equal(a.records["s"].neurons, b.records["s"].neurons)
        np.testing.assert_allclose(a.records["v"].values, b.records["v"].values, rtol=1e-9)
        for x, y in zip(jax.tree.leaves(a.state), jax.tree.leaves(b.state), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-10)
    else:
        assert abs(a.records["s"].count - b.records["s"].count) <= 0.05 * b.records["s"].count
        # Seven steps: in the upstroke of a spike, and with other spikes, differences grow.
        np.testing.assert_allclose(a.records["v"].values[0], b.records["v"].values[0], rtol=2e-6)


SINGLE = "ExpEuler", "TraubMiles"
PRECISIONS = [(name, dtype) for dtype in ("float32", "float64") for name in (CELLS if dtype == "float64" else SINGLE)]


USUAL = [("ExpEuler", "float32"), ("each its own", "float64"), ("AdEx", "float64")]


@pytest.mark.parametrize("name, dtype", all_but(PRECISIONS, USUAL), indirect=["dtype"])
def test_every_cell(name, dtype):
    net = network(CELLS[name]())
    drive = 600.0 if name == "TraubMiles" else 20.0
    assert_native(net, drive)
    assert_same(*both(net, drive=drive), dtype)


@pytest.mark.parametrize("delay", ["projection", "synapse", "lists"])
def test_delays(delay, x64):
    if delay == "synapse":
        net = network(CELLS["ExpEuler"](), delay=nex.connect.integers(1, 9))
    elif delay == "lists":
        net = network(CELLS["ExpEuler"]())
        projections = {
            f"{name} {k}": nex.Projection("N", "N", name, nex.connect.bernoulli(0.1, weight))
            for k in range(2)
            for name, weight in {"e": 0.1, "i": 0.3}.items()
        }
        net = nex.Network(net.populations, projections, key=jr.key(5))
    else:
        net = network(CELLS["ExpEuler"]())
        projections = {
            name: nex.Projection(p.pre, p.post, p.receptor, p.comm, delay=0.7) for name, p in net.projections.items()
        }
        net = nex.Network(net.populations, projections)
    assert_native(net)
    assert_same(*both(net), "float64")


def test_fixed_out_degrees(x64):
    net = network(CELLS["ExpEuler"](), lambda w: nex.connect.fixed_out_degree(11, w))
    assert_native(net)
    assert_same(*both(net), "float64")


def test_parts_of_a_run_are_the_run():
    net = network(CELLS["ExpEuler"]())
    run = lambda t1, **kwargs: nex.simulate(net, t1, 0.1, {"N": 20.0}, key=jr.key(1), **kwargs)
    whole, half = run(40.0), run(13.0)
    rest = run(40.0, state=half.state, t0=13.0)
    for a, b in zip(jax.tree.leaves(whole.state), jax.tree.leaves(rest.state), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_stays_in_xla_is_told():
    sorted_drive = lambda t: jnp.sort(jnp.cos(jnp.arange(5.0) * t))
    told = nex.explain(nex.Population(CELLS["Euler"](), 5), inputs=sorted_drive)
    assert "sort" in repr(told) and "XLA" in repr(told) and told.kept
    record = {"v": nex.voltage("N", indices=[0, 2])}
    told = nex.explain(network(CELLS["Euler"]()), inputs={"N": 20.0}, record=record)
    assert "native" in repr(told) and "gather" in told.calls and not told.kept


# Loops made by hand


@pytest.fixture
def small_loops_too(monkeypatch):
    monkeypatch.setattr(_step, "_WORTH", 1)


def rounds(body, carry, native=True, count=5):
    """Some rounds, in native code (or said not to be) and in XLA."""
    condition = lambda state: state[0] < count
    full = lambda state: (state[0] + 1, body(state[1]))
    ours = jax.jit(lambda carry: while_loop(condition, full, (jnp.int32(0), carry))[1])
    assert ("neuroeqx_fused_while" in ours.lower(carry).as_text()) == native
    truth = jax.jit(lambda carry: lax.while_loop(condition, full, (jnp.int32(0), carry))[1])(carry)
    for a, b in zip(jax.tree.leaves(ours(carry)), jax.tree.leaves(truth), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 64, 100])
def test_values_are_read_before_they_are_overwritten(n, small_loops_too):
    x, y = jnp.arange(1.0, n + 1.0), jnp.linspace(0.0, 1.0, n)
    rounds(lambda c: {"x": c["x"] + c["y"], "y": c["x"] * 0.5}, {"x": x, "y": y})
    ring = jnp.arange(3.0 * n)

    def shifted(c):
        ring = lax.dynamic_update_slice(c["ring"], c["x"] * 2.0, (n * c["k"],))
        old = lax.dynamic_slice(c["ring"], (n * c["k"],), (n,))
        new = lax.dynamic_slice(ring, (n * c["k"],), (n,))  # so `old` is read once the ring has changed
        return {"ring": ring, "x": old - 0.5 * new, "k": (c["k"] + 1) % 3}

    rounds(shifted, {"ring": ring, "x": x, "k": jnp.int32(2)})


def test_parts_of_the_carry_that_move_are_left_to_xla(small_loops_too):
    x = jnp.arange(20.0)
    rounds(lambda c: {"a": c["b"], "b": c["a"] + 1.0}, {"a": x, "b": -x}, native=False)
    rounds(lambda c: {"a": c["b"].reshape(20), "b": c["a"].reshape(4, 5) + 1.0}, {"a": x, "b": -x.reshape(4, 5)}, False)


WHOLE = {
    "//": lambda a, b: a // b, "%": lambda a, b: a % b, "div": lax.div, "rem": lax.rem, "<<": lambda a, b: a << (b & 31),
    ">>": lambda a, b: a >> (b & 31), "max": jnp.maximum, "xor": lambda a, b: a ^ b, "sign": lambda a, b: jnp.sign(a) * b,
    "abs": lambda a, b: jnp.abs(a) - b, "float": lambda a, b: (a.astype(float) / b.astype(float)).astype(a.dtype),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("kind", ["int32", "uint32"])
def test_whole_numbers(name, kind, small_loops_too):
    rng = np.random.default_rng(1)
    edges = np.array([0, 1, 2, 2**31 - 1, 2**31, 2**32 - 1], np.uint32)
    a, b = (np.concatenate([edges[rng.permutation(6)], rng.integers(0, 2**32, 90, np.uint32)]) for _ in range(2))
    a, b = jnp.asarray(a.view(kind)), jnp.asarray((b >> rng.integers(0, 32, 96, np.uint32)).view(kind))
    rounds(lambda c: {"a": WHOLE[name](c["a"], c["b"]), "b": c["b"]}, {"a": a, "b": b})


mask = lambda a: (a > 0.0).astype(a.dtype)
REAL = {
    "min": jnp.minimum,
    "max": jnp.maximum,
    "clip": lambda a, b: lax.clamp(jnp.full_like(a, -1.0), a, b),
    "where": lambda a, b: jnp.where(a < b, a, b),
    "div": lambda a, b: a / b,
    "cube": lambda a, b: a**3 - a**-2,
    "sqrt": lambda a, b: jnp.sqrt(jnp.abs(a)),
    "round": lambda a, b: jnp.round(a) + jnp.floor(b) - jnp.ceil(a),
    "sign": lambda a, b: jnp.sign(a),
    "finite": lambda a, b: jnp.isfinite(a).astype(a.dtype),
    "rem": lax.rem,
    "log": lambda a, b: jnp.log(jnp.abs(a)),
}
FINITE = {
    "mask": lambda a, b: mask(a) * b + (1.0 - mask(a)) * a,
    "masks": lambda a, b: mask(a) * mask(b) + a,
    "jump": lambda a, b: a + mask(b) * (b - a),
    "mask > 0": lambda a, b: jnp.where(mask(a) > 0.0, b, a),
    "difference": lambda a, b: jnp.where(a - b >= 0.0, a, b),
    "factors": lambda a, b: a * b[0] * b[1] / b[2],
}


@pytest.mark.parametrize("name", FINITE)
def test_shorter_forms(name, dtype, small_loops_too):
    rng = np.random.default_rng(4)
    a, b = (jnp.asarray(rng.normal(size=70), dtype) for _ in range(2))
    rounds(lambda c: {"a": FINITE[name](c["a"], c["b"]), "b": c["b"]}, {"a": a, "b": b})


@pytest.mark.parametrize("name", REAL)
def test_real_numbers(name, dtype, small_loops_too):
    rng = np.random.default_rng(2)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e30, 3e38, 1e-30])
    a = np.concatenate([np.repeat(special, 10), rng.normal(size=50)]).astype(dtype)
    b = np.concatenate([np.tile(special, 10), rng.normal(size=50)]).astype(dtype)
    with np.errstate(all="ignore"):
        rounds(
            lambda c: {"a": REAL[name](c["a"], c["b"]), "b": c["b"]},
            {"a": jnp.asarray(a), "b": jnp.asarray(b)},
            count=1,
        )
