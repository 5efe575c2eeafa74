"""Gradients by every method, on one recurrent network with delays, against each other and against differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from neuroeqx.learn._eprop import eligibility_gradient
from neuroeqx.learn._influence import Influence
from neuroeqx.learn._objective import Objective


DT, T1, STEPS = 1.0, 40.0, 40
CURRENT = np.random.default_rng(0).uniform(0.0, 3.0, (STEPS, 3))
TARGETS = np.random.default_rng(1).uniform(-1.0, 1.0, (STEPS, 2))


class Cut(nex.AbstractCell):
    """Passes values, and no derivatives."""

    def init(self, shape, *, key=None):
        return jnp.zeros(shape)

    def step(self, state, input, *, dt, t=0.0, key=None):
        return state, lax.stop_gradient(input)


class Shifted(nex.AbstractCell):
    """Adds to what was sent `lag` steps ago what there is for the step in which it was."""

    shift: jax.Array
    lag: int = eqx.field(static=True)

    def init(self, shape, *, key=None):
        return jnp.zeros(shape)

    def step(self, state, input, *, dt, t=0.0, key=None):
        s = jnp.round(t / dt).astype(int) - self.lag
        return state, input + jnp.where(s >= 0, self.shift[jnp.maximum(s, 0)], 0.0)


def recurrent(delays=None):
    return nex.connect.CSR([0.4, -0.3, 0.5, 0.2], [1, 2, 0, 1], [0, 2, 3, 4], 3, delays=delays)


def late():
    """A delay for each synapse."""
    return recurrent([1, 3, 2, 5])


def network(comm=recurrent, delay=2.0, into=None, out=None):
    """Three neurons that excite and inhibit each other, and two that are read."""
    cell = nex.Refractory(nex.LIF(tau=[8.0, 10.0, 12.0], surrogate=nex.SuperSpike(2.0)), 2.0)
    fast, slow = (nex.Receptor(nex.Expon(tau=tau), nex.CUBA()) for tau in (3.0, 6.0))
    weights = np.random.default_rng(2).normal(0.0, 1.0, (3, 2))
    return nex.Network(
        {"N": nex.Population(cell, 3, {"in": fast}, v0=0.1), "R": nex.Population(nex.Leaky(tau=5.0), 2, {"in": slow})},
        {
            "into": nex.Projection("N", "N", "in", comm(), delay=delay, release=into),
            "out": nex.Projection("N", "R", "in", nex.connect.Dense(weights), delay=1.0, release=out),
        },
    )


def at_end(outputs, targets):
    """Of the whole run, and no sum over steps."""
    return jnp.sum((jax.nn.logsumexp(outputs["R"], 0) - targets[0]) ** 2) + 0.1 * jnp.mean(outputs["N"]) ** 2


def squares(outputs, targets):
    return jnp.sum((outputs["R"] - targets) ** 2) + 0.1 * jnp.sum(outputs["N"])


LOSSES = {"of the run": at_end, "of each step": nex.learn.each_step(squares)}


def drive():
    return {"N": nex.Samples(CURRENT)}


def both(loss, method, **options):
    step = eqx.filter_jit(nex.learn.value_and_grad(loss, method, t1=T1, dt=DT, **options))
    return lambda net, key=None: step(net, drive(), jnp.asarray(TARGETS), key=key)


def leaves(tree):
    return [np.asarray(x) for x in jtu.tree_leaves(tree)]


def parameters(slopes):
    """Without those of what tests put into projections."""
    return leaves((slopes.populations, [p.comm for p in slopes.projections.values()]))


def close(a, b, tolerance):
    assert len(a) == len(b) > 5
    largest = max(np.abs(y).max() for y in b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance * largest)


@pytest.mark.parametrize("comm, loss", zip((recurrent, late), LOSSES.values(), strict=True))
def test_eprop_is_backpropagation_without_what_spikes_do_to_neurons_that_spike(loss, comm, x64):
    delay = None if comm is late else 2.0
    value, slopes = both(loss, "eprop")(network(comm, delay))
    expected, truth = both(loss, "surrogate")(network(comm, delay, into=Cut()))
    _, whole = both(loss, "surrogate")(network(comm, delay))
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    close(parameters(slopes), parameters(truth), 1e-9)
    weights = lambda s: np.asarray(s.projections["into"].comm.weight)
    assert np.abs(weights(slopes)).max() > 1e-2
    assert np.abs(weights(slopes) - weights(whole)).max() > 1e-3 * np.abs(weights(whole)).max()  # something is left out


def test_eligibilities_times_true_learning_signals_are_backpropagation(x64):
    """The derivatives by each spike, as all others see it, from backpropagation."""
    loss, targets = at_end, jnp.asarray(TARGETS)
    net = network()

    def shifted(shift):
        net = network(into=Shifted(shift, 2), out=Shifted(shift, 1))
        return both_value(net)

    def both_value(net):
        outputs = Objective(loss, T1, DT).outputs(net, drive(), key=None, state=None)
        # What the loss itself has of the spikes comes beside.
        return loss(outputs, targets)

    signals = jax.jit(jax.grad(shifted))(jnp.zeros((STEPS, 3)))
    spikes = nex.simulate(net, T1, DT, drive(), record={"N": nex.output("N")}).records["N"].values
    assert spikes.sum() > 5
    own = jax.grad(lambda z: 0.1 * jnp.mean(z) ** 2)(jnp.asarray(spikes))
    chosen = jtu.tree_map(eqx.is_inexact_array, net)
    influence = Influence("test", net, chosen, spiking_only=True)
    found = eqx.filter_jit(eligibility_gradient)(
        Objective(loss, T1, DT), net, influence, drive(), {"N": signals + own}, key=None
    )
    _, truth = both(loss, "surrogate")(net)
    close(
        leaves((found.populations["N"], found.projections["into"].comm)),
        leaves((truth.populations["N"], truth.projections["into"].comm)),
        1e-9,
    )


def test_d_rtrl_is_backpropagation_where_nothing_is_left_out(x64):
    """Neurons that do not reach each other, and what reads them remembers nothing."""
    for delay in (1.0, 3.0):
        net = network()
        instant = nex.Population(nex.Leaky(tau=0.01), 2, {"in": nex.Receptor(nex.Instant(), nex.CUBA())})
        out = nex.Projection("N", "R", "in", nex.connect.Dense(net.projections["out"].comm.weight), delay=delay)
        net = nex.Network({"N": net.populations["N"], "R": instant}, {"out": out})
        for loss in LOSSES.values():
            value, slopes = both(loss, "d_rtrl")(net)
            expected, truth = both(loss, "surrogate")(net)
            np.testing.assert_allclose(value, expected, rtol=1e-12)
            close(parameters(slopes), parameters(truth), 1e-9)
    # With what is left out it is another one, and finite.
    _, slopes = both(squares_of_each := LOSSES["of each step"], "d_rtrl")(network(late, None))
    _, truth = both(squares_of_each, "surrogate")(network(late, None))
    assert all(np.all(np.isfinite(x)) for x in leaves(slopes))
    a, b = (np.concatenate([x.ravel() for x in parameters(s)]) for s in (slopes, truth))
    assert 0.3 < a @ b / np.linalg.norm(a) / np.linalg.norm(b) < 0.999


def test_memory_of_d_rtrl_does_not_depend_on_the_length():
    def temporary(steps):
        step = nex.learn.value_and_grad(LOSSES["of each step"], "d_rtrl", t1=float(steps), dt=DT)
        run = jax.jit(lambda target: step(network(), {"N": 2.0}, jnp.broadcast_to(target, (steps, 2)))[0])
        return run.lower(jnp.zeros(2)).compile().memory_analysis().temp_size_in_bytes

    # Targets are broadcast to an array.
    assert temporary(2000) - temporary(200) <= 1800 * 2 * 4 * 1.1


def test_forward_mode_is_backpropagation(x64):
    loss, net = at_end, network()
    value, slopes = both(loss, "forward")(net)
    expected, truth = both(loss, "surrogate")(net)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    close(parameters(slopes), parameters(truth), 1e-10)
    # Along random directions it is so in the mean.
    where = lambda n: n.projections["out"].comm.weight
    _, few = both(loss, "forward", where=where, directions=4000)(net, key=jr.key(0))
    mean, exact = np.asarray(where(few)), np.asarray(where(truth))
    spread = np.sqrt((exact**2).sum() / 4000)
    assert np.abs(mean - exact).max() < 5.0 * spread
    assert few.populations["N"].cell.cell.tau is None


def graded(weight):
    cell = nex.Graded(tau=5.0)
    receptor = {"in": nex.Receptor(nex.Expon(tau=3.0), nex.CUBA())}
    projection = nex.Projection("N", "N", "in", nex.connect.Dense(weight), delay=2.0)
    return nex.Network({"N": nex.Population(cell, 3, receptor)}, {"into": projection})


def test_backpropagation_against_differences_and_evolution(x64):
    """Of a network without spikes, whose loss is smooth."""
    weight = np.random.default_rng(3).normal(0.0, 0.5, (3, 3))
    loss = lambda outputs, targets: jnp.sum((outputs["N"][:, :2] - targets) ** 2)
    step = lambda method, **options: eqx.filter_jit(
        nex.learn.value_and_grad(
            loss, method, t1=T1, dt=DT, where=lambda n: n.projections["into"].comm.weight, **options
        )
    )
    at = lambda w, method="surrogate", key=None, **options: step(method, **options)(
        graded(w), drive(), jnp.asarray(TARGETS), key=key
    )
    value, slopes = at(weight)
    slopes = np.asarray(slopes.projections["into"].comm.weight)
    surrogate = step("surrogate")
    for i, j in ((0, 0), (1, 2), (2, 1)):
        h = 1e-5 * np.eye(3)[i][:, None] * np.eye(3)[j]
        above, below = (surrogate(graded(weight + s * h), drive(), jnp.asarray(TARGETS))[0] for s in (1.0, -1.0))
        np.testing.assert_allclose(slopes[i, j], (above - below) / 2e-5, rtol=1e-6)
    same, found = at(weight, "es", jr.key(0), directions=2000, sigma=1e-3)
    np.testing.assert_allclose(same, value, rtol=1e-12)
    spread = np.sqrt((slopes**2).sum() / 2000)
    assert np.abs(np.asarray(found.projections["into"].comm.weight) - slopes).max() < 5.0 * spread


def test_batches_are_the_mean_over_samples():
    net, targets = network(), jnp.asarray(np.stack([TARGETS, -TARGETS]), jnp.float32)
    currents = jnp.stack([CURRENT, CURRENT[::-1]])
    for method in ("surrogate", "eprop"):
        step = nex.learn.value_and_grad(at_end, method, t1=T1, dt=DT, batched=True)
        value, slopes = eqx.filter_jit(step)(net, {"N": nex.Samples(currents)}, targets)
        one = eqx.filter_jit(nex.learn.value_and_grad(at_end, method, t1=T1, dt=DT))
        parts = [one(net, {"N": nex.Samples(x)}, y) for x, y in zip(currents, targets, strict=True)]
        np.testing.assert_allclose(value, np.mean([p[0] for p in parts]), rtol=1e-5)
        mean = [np.mean(x, 0) for x in zip(*(leaves(p[1]) for p in parts), strict=True)]
        for x, y in zip(leaves(slopes), mean, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)


def plastic():
    projection = nex.Projection("N", "N", "in", nex.connect.all_to_all(0.5), plasticity=nex.plasticity.STDP())
    return nex.Network({"N": network().populations["N"]}, [projection])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nex.learn.grad(at_end, "bptt", t1=1.0, dt=1.0), ValueError, "`method` must be one of surrogate"),
        (lambda: nex.learn.grad(at_end, "eprop", t1=1.0, dt=1.0, checkpoint=3), ValueError, "`checkpoint` is for"),
        (lambda: nex.learn.grad(at_end, "eprop", t1=1.0, dt=1.0, directions=3), ValueError, "`directions` are for"),
        (lambda: nex.learn.grad(at_end, "es", t1=1.0, dt=1.0, directions=0), ValueError, "at least 1"),
        (lambda: nex.learn.grad(at_end, "es", t1=1.0, dt=1.0, sigma=0.0), ValueError, "`sigma` must be positive"),
        (lambda: nex.learn.grad(at_end, "es", t1=T1, dt=DT)(network(), drive(), TARGETS), ValueError, "need a `key`"),
        (
            lambda: nex.learn.grad(at_end, "eprop", t1=T1, dt=DT)(nex.Population(nex.LIF(), 3)),
            TypeError,
            "must be a Network",
        ),
        (
            lambda: nex.learn.grad(at_end, "eprop", t1=T1, dt=DT)(plastic(), drive(), TARGETS),
            ValueError,
            "has plasticity",
        ),
        (
            lambda: nex.learn.grad(lambda o, t: o["N"], t1=T1, dt=DT)(network(), drive(), TARGETS),
            ValueError,
            "must be one number",
        ),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
