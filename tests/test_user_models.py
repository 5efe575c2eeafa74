"""What people do with the package: their own neuron, our neuron in their model, sweeps, gradients."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from jaxtyping import Array


class QIF(nex.AbstractNeuron):
    tau: Array = nex.param(10.0)
    v_peak: Array = nex.param(10.0)
    v_reset: Array = nex.param(-10.0)
    stepper: nex.AbstractStepper = nex.FromDiffrax(diffrax.Heun())
    surrogate: nex.AbstractSurrogate = eqx.field(default_factory=nex.SuperSpike)

    def init(self, shape, *, key=None):
        return jnp.broadcast_to(self.v_reset, shape)

    def vector_field(self, t, v, current):
        return (v**2 + current(v)) / self.tau

    def threshold(self, v):
        return v - self.v_peak

    def reset(self, v, spike):
        return v + spike * (self.v_reset - v)


def test_a_neuron_of_ones_own_in_a_network(x64):
    # Between reset and peak: tau / sqrt(I) (atan(peak / sqrt(I)) - atan(reset / sqrt(I))).
    current = 4.0
    period = 10.0 / 2.0 * 2 * np.arctan(10.0 / 2.0)
    net = nex.Network({"q": nex.Population(nex.Refractory(QIF(), 0.0), 2)})
    sol = nex.simulate(net, 400.0, 0.002, {"q": current}, record={"s": nex.spikes("q")})
    intervals = np.diff(sol.records["s"].trains()[0])
    assert len(intervals) > 20
    np.testing.assert_allclose(intervals, period, atol=0.005)


class Classifier(eqx.Module):
    """Someone's own model: our cells are fields, their states are values."""

    into: eqx.nn.Linear
    hidden: nex.LIF
    out: eqx.nn.Linear
    readout: nex.Leaky

    def __init__(self, key):
        a, b = jr.split(key)
        self.into, self.out = eqx.nn.Linear(3, 16, key=a), eqx.nn.Linear(16, 2, key=b)
        self.hidden, self.readout = nex.LIF(tau=5.0), nex.Leaky(tau=10.0)

    def __call__(self, xs):
        def step(states, x):
            h, o = states
            h, spikes = self.hidden.step(h, self.into(x), dt=1.0)
            o, y = self.readout.step(o, self.out(spikes), dt=1.0)
            return (h, o), y

        start = (self.hidden.init((16,)), self.readout.init((2,)))
        return lax.scan(step, start, xs)[1].max(0)


def test_a_neuron_inside_someones_own_model_learns():
    import optax

    key = jr.key(0)
    labels = jr.bernoulli(jr.key(1), 0.5, (64,)).astype(jnp.int32)
    xs = 2.0 * jr.normal(jr.key(2), (64, 20, 3)) + 1.5 * (2.0 * labels.astype(float) - 1.0)[:, None, None]
    model, optim = Classifier(key), optax.adam(1e-2)

    def loss(model):
        logits = jax.vmap(model)(xs)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    @eqx.filter_jit
    @jax.numpy_dtype_promotion("standard")  # optax itself mixes dtypes
    def update(model, state):
        value, grads = eqx.filter_value_and_grad(loss)(model)
        updates, state = optim.update(grads, state, model)
        return eqx.apply_updates(model, updates), state, value

    state, values = optim.init(eqx.filter(model, eqx.is_inexact_array)), []
    for _ in range(30):
        model, state, value = update(model, state)
        values.append(float(value))
    assert values[-1] < 0.35 < 0.6 < values[0]
    assert all(np.all(np.isfinite(x)) for x in jax.tree_util.tree_leaves(eqx.filter(model, eqx.is_array)))


def test_filter_vmap_over_a_batch_and_over_a_parameter(x64):
    model = Classifier(jr.key(0))
    xs = jr.normal(jr.key(1), (4, 12, 3))
    np.testing.assert_allclose(eqx.filter_vmap(model)(xs), [model(x) for x in xs], rtol=1e-10)
    taus = jnp.array([2.0, 5.0, 9.0])
    with_tau = lambda tau: eqx.tree_at(lambda m: m.hidden.tau, model, tau)(xs[0])
    np.testing.assert_allclose(eqx.filter_vmap(with_tau)(taus), [with_tau(tau) for tau in taus], rtol=1e-10)


@pytest.fixture
def smooth(x64):
    """A sparse recurrent net of graded cells with delays, everything in it smooth: (net, replacing weights and tau)."""
    receptors = {"in": nex.Receptor(nex.Expon(3.0), nex.COBA(1.5))}
    net = nex.Network(
        {"E": nex.Population(nex.Graded(tau=4.0, activation=jnp.tanh), 6, receptors)},
        [
            nex.Projection("E", "E", "in", nex.connect.bernoulli(0.5, nex.connect.normal(0.0, 1.0)), delay=0.2),
            nex.Projection("E", "E", "in", nex.connect.fixed_out_degree(2), delay=0.7),
        ],
        key=jr.key(0),
    )
    where = lambda n: (n.projections["E->E:in"].comm.weight, n.populations["E"].receptors["in"].syn.tau)
    return where(net)[0], lambda weights, tau: eqx.tree_at(where, net, (weights, tau))


def test_bptt_equals_central_differences(smooth):
    weights, with_values = smooth

    def loss(args):
        weights, tau, drive = args
        sol = nex.simulate(
            with_values(weights, tau), 4.0, 0.1, {"E": nex.Samples(drive)}, record={"o": nex.output("E")}
        )
        return (sol.records["o"].values ** 2).sum()

    drive = jnp.asarray(np.random.default_rng(1).normal(size=(40, 6)))
    args = (weights, jnp.array(3.0), drive)
    grads = jax.jit(jax.grad(loss))(args)
    value = jax.jit(loss)
    h = 1e-6
    for k, index in ((0, (2,)), (0, (5,)), (1, ()), (2, (0, 1)), (2, (20, 3))):
        bump = lambda s, k=k, index=index: (*args[:k], args[k].at[index].add(s), *args[k + 1 :])
        numeric = (value(bump(h)) - value(bump(-h))) / (2 * h)
        np.testing.assert_allclose(grads[k][index], numeric, rtol=1e-6)


def test_checkpointed_gradients_are_the_same(smooth):
    weights, with_values = smooth

    def loss(weights, checkpoint):
        net = with_values(weights, jnp.array(3.0))
        sol = nex.simulate(net, 3.0, 0.1, {"E": 0.5}, record={"o": nex.output("E")}, checkpoint=checkpoint)
        return (sol.records["o"].values ** 2).sum()

    gradient = eqx.filter_jit(jax.grad(loss))
    full = gradient(weights, None)
    for checkpoint in (3, 8):
        np.testing.assert_allclose(gradient(weights, checkpoint), full, rtol=1e-12)


def test_spiking_gradients_reach_every_weight_of_a_recurrent_sparse_net():
    receptors = {"in": nex.Receptor(nex.Expon(5.0), nex.CUBA())}
    net = nex.Network(
        {"E": nex.Population(nex.Refractory(nex.LIF(tau=10.0), 1.0), 20, receptors)},
        [nex.Projection("E", "E", "in", nex.connect.bernoulli(0.3, nex.connect.normal(0.1, 0.3)), delay=1.0)],
        key=jr.key(0),
    )
    drive = {"E": jnp.linspace(1.2, 2.0, 20)}

    def loss(net):
        spikes = nex.simulate(net, 60.0, 0.5, drive, record={"o": nex.output("E")}).records["o"].values
        return ((spikes.mean(0) - 0.1) ** 2).sum()

    grads = eqx.filter_jit(eqx.filter_grad(loss))(net)
    weight = np.asarray(grads.projections["E->E:in"].comm.weight)
    assert np.all(np.isfinite(weight))
    assert np.mean(weight != 0.0) > 0.9


def test_no_leaks_from_a_gradient_through_a_delayed_network(smooth, no_leaks):
    weights, with_values = smooth

    def loss(weights):
        net = with_values(weights, jnp.array(3.0))
        return nex.simulate(net, 0.5, 0.1, {"E": 1.0}, record={"o": nex.output("E")}).records["o"].values.sum()

    with no_leaks():
        assert np.all(np.isfinite(jax.jit(jax.grad(loss))(weights)))


def test_training_only_a_part(smooth):
    weights, with_values = smooth
    net = with_values(weights, jnp.array(3.0))
    where = lambda n: [n.projections["E->E:in"].comm.weight, n.populations["E"].cell]
    parameters, fixed = eqx.partition(net, nex.trainable(net, where))
    assert len(jax.tree_util.tree_leaves(parameters)) == 3  # the weights, and the tau and bias of the cell
    np.testing.assert_array_equal(parameters.projections["E->E:in"].comm.weight, weights)
    assert parameters.populations["E"].receptors["in"].syn.tau is None
    assert eqx.tree_equal(eqx.combine(parameters, fixed), net)
    with pytest.raises(ValueError, match="`where` selects no floating-point arrays"):
        nex.trainable(net, lambda n: n.projections["E->E:in"].comm.indices)
