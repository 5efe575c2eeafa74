"""Which states are kept for a gradient: the same gradient, in the memory that is foretold."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx._checkpointed import lengths
from neuroeqx.learn._in_parts import parts
from neuroeqx.learn._memory import bytes_of, predicted_bytes
from thorough import all_but


METHODS = [
    ("eprop", 2000, 4), ("eprop", 400, 50), ("d_rtrl", 2000, 4), ("d_rtrl", 400, 50), ("es", 2000, 4), ("exact", 400, 50),
]  # fmt: skip


def network(n=12):
    """Spikes under way for 5 ms, and a population that puts out no spikes among them."""
    receptors = {"in": nex.Receptor(nex.Expon(5.0), nex.CUBA())}
    cell = nex.Refractory(nex.LIF(tau=10.0, surrogate=nex.SuperSpike(2.0)), 2.0)
    return nex.Network(
        {"N": nex.Population(cell, n, receptors), "R": nex.Population(nex.Leaky(tau=10.0), 2, receptors)},
        [
            nex.Projection("N", "N", "in", nex.connect.all_to_all(nex.connect.normal(0.0, 0.5)), delay=5.0),
            nex.Projection("N", "R", "in", nex.connect.all_to_all(nex.connect.normal(0.0, 0.5)), delay=1.0),
            nex.Projection("R", "N", "in", nex.connect.all_to_all(nex.connect.normal(0.0, 0.5)), delay=3.0),
        ],
        key=jr.key(0),
    )


def loss(outputs, targets):
    return jnp.mean((outputs["R"] - targets) ** 2) + 0.1 * jnp.mean(outputs["N"])


def arguments(steps, n=12, batch=()):
    x = np.random.default_rng(0).uniform(0.0, 3.0, (*batch, steps, n))
    return network(n), {"N": nex.Samples(jnp.asarray(x, float))}, jnp.ones((*batch, steps, 2), float)


def leaves(step, args):
    value, slopes = eqx.filter_jit(step)(*args)
    return [np.asarray(value), *map(np.asarray, jtu.tree_leaves(slopes))]


@pytest.mark.parametrize("steps, checkpoint, levels", [(97, 12, [9]), (96, 4, [24, 6])])
def test_gradients_are_the_same_with_fewer_states(steps, checkpoint, levels, x64):
    assert lengths(steps, checkpoint)[: len(levels)] == levels
    args = arguments(steps)
    step = lambda n: nex.learn.value_and_grad(loss, t1=float(steps), dt=1.0, checkpoint=n)
    expected, found = leaves(step(None), args), leaves(step(checkpoint), args)
    assert np.abs(expected[-1]).max() > 1e-3
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12 * np.abs(a).max())


def layered(n):
    """Recurrent spikes (Z), voltages (R) and spikes again (A), one after the other, and noise."""
    receptors = {"in": nex.Receptor(nex.Expon(5.0), nex.CUBA())}
    lif = nex.LIF(tau=10.0, surrogate=nex.SuperSpike(2.0))
    to = lambda pre, post, delay: nex.Projection(
        pre, post, "in", nex.connect.all_to_all(nex.connect.normal(0.3, 0.5)), delay=delay
    )
    return nex.Network(
        {
            "Z": nex.Population(nex.Refractory(lif, 2.0), n, receptors),
            "A": nex.Population(lif, n, receptors),
            "R": nex.Population(nex.Leaky(tau=10.0), n, receptors),
            "noise": nex.Poisson(100.0, 3),
        },
        [to("noise", "A", 1.0), to("noise", "Z", 1.0), to("Z", "Z", 5.0), to("Z", "R", 2.0), to("R", "A", 1.0)],
        key=jr.key(0),
    )


def test_spikes_alone_are_enough(x64):
    """Parts that run one after the other have the gradient of the whole, and the key of none of them changes."""
    net, inputs = layered(5), {"Z": nex.Samples(jnp.linspace(0.5, 1.5, 60).reshape(2, 30, 1))}
    loss = lambda outputs, targets: (
        jnp.mean((outputs["A"] - targets) ** 2) + jnp.mean(outputs["Z"]) + outputs["noise"][-1].sum()
    )
    args = net, inputs, jnp.ones((2, 30, 5))
    assert parts(net) == [["Z"], ["R"], ["A"]]

    def found(checkpoint):
        step = nex.learn.value_and_grad(loss, t1=30.0, dt=1.0, batched=True, checkpoint=checkpoint)
        value, slopes = eqx.filter_jit(lambda args: step(*args, key=jr.key(1)))(args)
        return [np.asarray(value), *map(np.asarray, jtu.tree_leaves(slopes))]

    expected = found(None)
    assert sum(np.abs(x).max() > 1e-3 for x in expected) > 8
    for a, b in zip(expected, found("spikes"), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-12 * np.abs(a).max())


def test_a_plan_of_spikes():
    """For derivatives a third of the network is there at a time."""
    args = layered(50), {"Z": nex.Samples(jnp.ones((1000, 1)))}, jnp.ones((1000, 50))
    loss = lambda outputs, targets: jnp.mean((outputs["A"] - targets) ** 2)
    plan = nex.learn.value_and_grad(loss, t1=1000.0, dt=1.0, memory="4MiB").plan(*args, key=jr.key(1))
    whole, chosen = plan.candidates
    assert plan.checkpoint == chosen.checkpoint == "spikes" and whole.checkpoint is None
    assert "surrogate, checkpoint='spikes', 2 times forwards" in str(plan)
    np.testing.assert_allclose(plan.predicted, plan.measured, rtol=0.2)
    assert plan.predicted < 0.7 * whole.predicted


def test_what_has_no_parts():
    net = network()
    step = lambda n, **options: nex.learn.value_and_grad(loss, t1=4.0, dt=1.0, checkpoint=n, **options)
    with pytest.raises(ValueError, match="checkpoint='spikes' is not possible: all its populations drive each other"):
        step("spikes")(*arguments(4))
    with pytest.raises(ValueError, match="is not possible: the run begins with a `state`"):
        step("spikes")(layered(2), state=layered(2).init(dt=1.0))
    with pytest.raises(ValueError, match="`checkpoint` must be a number of states or 'spikes', got 'all'"):
        step("all")
    with pytest.raises(ValueError, match="is not possible: the model is no Network"):
        step("spikes")(net.populations["N"])
    # What passes voltages is one part.
    gap = nex.Projection("A", "Z", "in", nex.connect.all_to_all(0.1), coupling=nex.Additive())
    populations = {name: layered(2).populations[name] for name in "AZ"}
    assert parts(nex.Network(populations, [gap])) == [["A", "Z"]]


def test_a_plan_keeps_what_fits():
    args = arguments(400, 50)
    plans = {}
    for memory in (None, "4MiB", "600KiB"):
        step = nex.learn.value_and_grad(loss, t1=400.0, dt=1.0, memory=memory)
        plan = plans[memory] = step.plan(*args)
        assert plan.limit is None or plan.predicted <= plan.limit
        np.testing.assert_allclose(plan.predicted, plan.measured, rtol=0.2)
    assert plans[None].checkpoint is plans["4MiB"].checkpoint is None
    assert plans["600KiB"].checkpoint is not None and len(plans["600KiB"].candidates) > 1
    assert "checkpoint=" in str(plans["600KiB"]) and plans["600KiB"].limit == 600 * 2**10


@pytest.mark.parametrize("method, steps, n", all_but(METHODS, [("eprop", 2000, 4)]))
def test_the_memory_of_other_methods(method, steps, n):
    """Within 20 %: mostly what a run puts out, and what is known of each synapse."""
    net, inputs, targets = arguments(steps, n)
    if method == "exact":  # which knows nothing of voltages that are sent
        some = [p for name, p in net.projections.items() if name != "R->N:in"]
        net = nex.Network(net.populations, some)
    options = {"directions": 8} if method == "es" else {}
    step = nex.learn.value_and_grad(loss, method, t1=float(steps), dt=1.0, **options)
    plan = step.plan(net, inputs, targets, key=jr.key(0))
    np.testing.assert_allclose(plan.predicted, plan.measured, rtol=0.2)


@pytest.mark.thorough
def test_of_several_methods_the_first_that_fits_is_taken():
    args = arguments(2000, 4)
    each = nex.learn.each_step(loss)
    plan = nex.learn.value_and_grad(each, ("eprop", "d_rtrl"), t1=2000.0, dt=1.0, memory="120kB").plan(*args)
    first, second = plan.candidates
    assert plan.method == "d_rtrl" and plan.checkpoint is None
    assert first.predicted > plan.limit >= second.predicted == plan.predicted
    with pytest.raises(ValueError, match="nothing fits into the memory given.\nmemory: 0.0 MiB\nsurrogate, all states"):
        nex.learn.value_and_grad(loss, t1=20.0, dt=1.0, memory=1000)(*arguments(20, 4))


@pytest.mark.thorough
def test_a_plan_of_exact_gradients():
    receptors = {"in": nex.Receptor(nex.Expon(5.0), nex.CUBA())}
    net = nex.Network(
        {"N": nex.Population(nex.LIF(tau=10.0), 60, receptors), "R": nex.Population(nex.Leaky(tau=10.0), 2, receptors)},
        [
            nex.Projection("N", "N", "in", nex.connect.all_to_all(nex.connect.normal(0.0, 0.5)), delay=2.0),
            nex.Projection("N", "R", "in", nex.connect.all_to_all(nex.connect.normal(0.0, 0.5)), delay=1.0),
        ],
        key=jr.key(0),
    )
    args = net, {"N": nex.Samples(jnp.full((2000, 1), 1.5))}, None
    loss = lambda outputs, targets: jnp.mean(outputs["R"] ** 2)
    step = nex.learn.value_and_grad(loss, "exact", t1=2000.0, dt=1.0, memory="4MiB")
    plan = step.plan(*args)
    whole = plan.candidates[0]
    assert plan.method == "exact" and plan.checkpoint is not None and plan.predicted < plan.limit < whole.predicted
    np.testing.assert_allclose(plan.predicted, plan.measured, rtol=0.2)


def test_a_batch_of_long_runs_within_256_mib():
    """10,000 steps, of which all states take more."""
    args = arguments(10_000, 100, (8,))
    step = nex.learn.value_and_grad(loss, t1=10_000.0, dt=1.0, batched=True, memory="256MiB")
    plan = step.plan(*args)
    assert plan.candidates[0].predicted > plan.limit > plan.predicted
    np.testing.assert_allclose(plan.predicted, plan.measured, rtol=0.2)


def test_spikes_are_kept_as_bits():
    """Of 100 steps under way 99 are in the ring."""
    receptors = {"in": nex.Receptor(nex.Expon(5.0), nex.CUBA())}
    projection = nex.Projection("N", "N", "in", nex.connect.one_to_one(0.1), delay=100.0)
    sizes = []
    for cell in (nex.LIF(tau=10.0), nex.Leaky(tau=10.0)):
        net = nex.Network({"N": nex.Population(cell, 64, receptors)}, [projection])
        step = nex.learn.value_and_grad(lambda o, _: o["N"][-1].sum(), t1=1024.0, dt=1.0, checkpoint=32)
        sizes.append(step.plan(net).measured)
    ring = 100 * 64 * 4 * 32
    assert sizes[1] - sizes[0] > 0.9 * ring


def test_what_is_no_spike_is_not_kept_as_one():
    class Half(nex.AbstractSurrogate):
        def smooth(self, x):
            return x

        def __call__(self, x):
            return 0.5 * (x >= 0.0).astype(x.dtype)

    net = eqx.tree_at(lambda n: n.populations["N"].cell.cell.surrogate, network(), Half())
    _, inputs, targets = arguments(40)
    with pytest.raises(Exception, match="spikes must be 0 or 1"):
        leaves(nex.learn.value_and_grad(loss, t1=40.0, dt=1.0, checkpoint=5), (net, inputs, targets))


def test_bytes_of_programs():
    x = jax.ShapeDtypeStruct((1000,), jnp.float32)
    assert bytes_of((x, jr.key(0), 3.0)) == 4008
    assert predicted_bytes(lambda x: jnp.tanh(jnp.sin(x) * 2.0), x) == 4000 + 4000 + 0
    # What a sum or a product reads is an array: here two of them, one after the other.
    assert predicted_bytes(lambda x: jnp.sum(jnp.sin(x) * 2.0), x) == 4000 + 4 + 4000
    weights = jax.ShapeDtypeStruct((1000, 1000), jnp.float32)
    assert predicted_bytes(lambda w, x: jnp.tanh(w @ x) @ w, weights, x) == 4_000_000 + 4000 + 4000 + 4000


@pytest.mark.parametrize("memory", ["256 apples", "lots", "0MiB", -3])
def test_a_memory_is_a_number_of_bytes(memory):
    with pytest.raises(ValueError, match="`memory` must be"):
        nex.learn.value_and_grad(loss, t1=1.0, dt=1.0, memory=memory)


def test_options_exclude_each_other():
    with pytest.raises(ValueError, match="`memory` finds the number"):
        nex.learn.value_and_grad(loss, t1=1.0, dt=1.0, memory="1MB", checkpoint=3)
    with pytest.raises(ValueError, match="of several methods, surrogate, eprop, `memory` chooses"):
        nex.learn.value_and_grad(loss, ("surrogate", "eprop"), t1=1.0, dt=1.0)
    with pytest.raises(ValueError, match="`checkpoint` must be at least 2 states, got 1"):
        nex.simulate(network(), 1.0, 1.0, checkpoint=1)
