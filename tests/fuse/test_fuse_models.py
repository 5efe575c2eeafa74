"""Native steps of methods and sources whose plain form has matrices or loops: propagators, solvers of diffrax, given spikes,
matrices that are drawn again at every use."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jaxtyping import Array
from native_runs import assert_close, assert_native_run, rounds
from neuroeqx import connect
from neuroeqx.fuse import _step
from thorough import all_but


@pytest.fixture(autouse=True)
def small_loops_too(monkeypatch):
    monkeypatch.setattr(_step, "_WORTH", 1)


class AdaptiveState(eqx.Module):
    v: Array
    w: Array


class Adaptive(nex.AbstractNeuron):
    """A neuron of two coupled linear equations."""

    tau: Array = eqx.field(default=20.0, converter=jnp.asarray)
    stepper: nex.AbstractStepper = nex.Exact()
    surrogate: nex.AbstractSurrogate = eqx.field(default_factory=nex.SuperSpike)

    def init(self, shape, *, key=None):
        return AdaptiveState(jnp.full(shape, -65.0), jnp.zeros(shape))

    def vector_field(self, t, y, current):
        return AdaptiveState((-65.0 - y.v + current(y.v) - y.w) / self.tau, (0.1 * (y.v + 65.0) - y.w) / 100.0)

    def threshold(self, y):
        return y.v + 50.0

    def reset(self, y, spike):
        return AdaptiveState(y.v + spike * (-60.0 - y.v), y.w + spike)


DRIVE = jnp.linspace(20.0, 40.0, 37)


@pytest.mark.parametrize(
    "tau, dtype", [(15.0, "float32"), (np.linspace(10.0, 30.0, 37), "float64")], ids=["one", "each"], indirect=["dtype"]
)
def test_exact_propagators_of_several_variables(tau, dtype):
    assert_native_run(nex.Population(Adaptive(tau), 37), jnp.asarray(DRIVE, dtype), dtype)


SOLVERS = [(diffrax.Heun(), "float32"), (diffrax.Bosh3(), "float64"), (diffrax.Tsit5(), "float64")]


@pytest.mark.parametrize("solver, dtype", SOLVERS, ids=["Heun", "Bosh3", "Tsit5"], indirect=["dtype"])
def test_solvers_of_diffrax(solver, dtype):
    model = nex.Population(nex.TraubMiles(stepper=nex.FromDiffrax(solver)), 37)
    assert_native_run(model, jnp.asarray(20.0 * DRIVE, dtype), dtype, t1=8.0, dt=0.02)


def cells(n, **kwargs):
    receptors = {"e": nex.Receptor(nex.Expon(5.0), nex.COBA(0.0))}
    return nex.Population(nex.LIF(v_rest=-60.0, v_th=-50.0, v_reset=-60.0), n, receptors, **kwargs)


START = lambda key, shape: -60.0 + 9.0 * jr.uniform(key, shape)


def same_spikes(net, names, drive=None):
    """In double precision, from Python and under `jit`."""
    record = {name: nex.spikes(name) for name in names}
    assert nex.explain(net, inputs=drive, record=record).kept == []
    run = lambda fused: nex.simulate(net, 40.0, 0.1, drive, record=record, key=jr.key(1), fused=fused)
    ours, truth = run(True), run(False)
    for name in names:
        assert truth.records[name].count > 60
        np.testing.assert_array_equal(ours.records[name].steps, truth.records[name].steps)
        np.testing.assert_array_equal(ours.records[name].neurons, truth.records[name].neurons)
    assert_close(ours.state, truth.state, tolerance=1e-9)
    final = jax.jit(lambda key: nex.simulate(net, 40.0, 0.1, drive, key=key).state).lower(jr.key(1))
    assert "neuroeqx_fused_" in final.as_text()
    assert_close(final.compile()(jr.key(1)), truth.state, tolerance=1e-9)


@pytest.mark.parametrize("delay", [0.1, 1.3])
def test_spikes_at_given_times(delay, x64):
    rng = np.random.default_rng(0)
    times, sources = rng.uniform(0.0, 35.0, 400), rng.integers(0, 50, 400)
    times[:3], sources[:3] = (0.0, 7.05, 7.05), (49, 3, 3)  # in the first step, and two of one source
    nodes = {"P": nex.SpikeTimes(times, sources, 50), "N": cells(40)}
    pairs = [("P", "N"), ("N", "N")]
    rule = connect.bernoulli(0.3, 0.1)
    net = nex.Network(nodes, [nex.Projection(a, b, "e", rule, delay=delay) for a, b in pairs], key=jr.key(0))
    same_spikes(net, ["P", "N"])


RULES = {
    "bernoulli": lambda: connect.bernoulli(0.1, 0.05),
    "normal": lambda: connect.fixed_out_degree(10, connect.normal(0.05, 0.01)),
    "uniform": lambda: connect.bernoulli(0.02, connect.uniform(0.0, 0.1)),
    "lattice": lambda: connect.lattice(lambda y, x: 0.5 + 0 * y * x, (12, 10), radius=3, weight=0.05),
    "delays": lambda: connect.bernoulli(0.1, 0.05, delay=connect.integers(1, 9)),
}


DRAWN = [*((name, False) for name in RULES), ("bernoulli", True), ("lattice", True), ("delays", True)]


@pytest.mark.parametrize("name, part", all_but(DRAWN, [("bernoulli", False), ("lattice", True), ("delays", True)]))
def test_matrices_that_are_drawn_again(name, part, x64):
    """Along the list of spikes of a whole population, or of those of a part of it."""
    n = 300 if part else 120
    pre = nex.part("N", 100, 220) if part else "N"
    if part and name != "lattice":
        pre = nex.part("N", 100, 250)
    post = nex.part("N", 0, 120) if part and name == "lattice" else "N"
    own = {} if name == "delays" else {"delay": 0.7}
    net = nex.Network(
        {"N": cells(n, v0=START)},
        [nex.Projection(pre, post, "e", connect.procedural(RULES[name]()), **own)],
        key=jr.key(0),
    )
    same_spikes(net, ["N"], {"N": 15.0})


def test_matrices_that_are_drawn_again_for_more_than_spikes(dtype):
    """For numbers that are not 0 or 1, given by a caller or made in a loop, and for a list of them."""
    matrix = connect.procedural(connect.bernoulli(0.1, connect.normal(0.3, 0.1)))(60, 60, key=jr.key(0))

    def body(i, c):
        g = matrix.add_to(0.5 * c["g"], c["x"])
        return {"g": matrix.add_to(g, 0.5 * c["x"]), "x": jnp.where(g > 1.0, g, 0.0)}

    x = jnp.zeros(60, dtype).at[jnp.array([0, 15, 16, 59])].set(jnp.asarray([2.0, -1.0, 0.25, 3.0], dtype))
    ours, truth = rounds(body, {"g": jnp.zeros(60, dtype), "x": x}, count=4)
    assert np.any(np.asarray(truth["g"]) != 0.0)
    assert_close(ours, truth, dtype)
