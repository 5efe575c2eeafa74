"""Training by any method, through one call."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import optax
import pytest


STEPS, SAMPLES, RATE = 40, 7, 0.05
RNG = np.random.default_rng(0)
DRIVE = RNG.uniform(0.5, 2.5, (SAMPLES, STEPS, 4))
TARGETS = 0.3 + 0.2 * np.sin(np.arange(STEPS)[:, None] / 6.0 + np.arange(2)) * np.ones((SAMPLES, 1, 1))
OPTIM = optax.sgd(RATE)
RECORDS = []


def network():
    receptors = {"in": nex.Receptor(nex.Expon(5.0), nex.CUBA())}
    cell = nex.LIF(tau=10.0, surrogate=nex.SuperSpike(2.0))
    return nex.Network(
        {"N": nex.Population(cell, 4, receptors), "R": nex.Population(nex.Leaky(tau=10.0), 2, receptors)},
        {
            "into": nex.Projection("N", "N", "in", nex.connect.all_to_all(nex.connect.normal(0.0, 0.2)), delay=2.0),
            "out": nex.Projection("N", "R", "in", nex.connect.all_to_all(nex.connect.normal(0.1, 0.2))),
        },
        key=jr.key(0),
    )


def squares(outputs, targets):
    RECORDS.append(0)  # once for each time it is traced
    return jnp.mean((outputs["R"] - targets) ** 2)


def weights(net):
    return [p.comm.weight for p in net.projections.values()]


def data(samples: slice | np.ndarray = slice(None)):
    return {"N": nex.Samples(DRIVE[samples].astype(float))}, jnp.asarray(TARGETS[samples], float)


def gradient(method="surrogate", loss=squares, **options):
    return nex.learn.value_and_grad(
        nex.learn.each_step(loss), method, t1=float(STEPS), dt=1.0, where=weights, batched=True, **options
    )


def fit(loss, **options):
    options = {"optim": OPTIM, "epochs": 6, "batch": 3, "key": jr.key(1), "progress": False} | options
    return nex.learn.fit(network(), loss, data(), **options)


def first_batch(key):
    order = np.random.default_rng([*np.asarray(jr.key_data(key)).tolist(), 0]).permutation(SAMPLES)
    return data(order[:3]), jr.fold_in(jr.split(key)[0], 0)


@pytest.mark.parametrize("method", ["surrogate", "exact", "eprop", "d_rtrl", "es"])
def test_every_method_lowers_the_loss(method):
    options = {"directions": 16} if method == "es" else {}
    losses = fit(gradient(method, **options)).epochs["loss"]
    assert losses[-1] < 0.7 * losses[0] and np.all(np.isfinite(losses))


def test_the_first_step_is_that_of_backpropagation_written_out(x64):
    """The order of samples and all that is not trained included."""
    net, ((inputs, targets), _) = network(), first_batch(jr.key(1))

    def loss(chosen):
        whole = eqx.tree_at(weights, net, chosen)

        def one(x, targets):
            r = nex.simulate(whole, float(STEPS), 1.0, {"N": nex.Samples(x)}, record={"r": nex.output("R")}).records[
                "r"
            ]
            return jnp.sum(jnp.mean((r.values - targets) ** 2, axis=1))

        return jax.vmap(one)(inputs["N"].values, targets).mean()

    value, slopes = eqx.filter_jit(eqx.filter_value_and_grad(loss))(weights(net))
    done = fit(gradient(), epochs=1, batch=3, optim=optax.chain(optax.sgd(RATE), only_first()))
    np.testing.assert_allclose(done.steps["loss"][0], value, rtol=1e-12)
    for before, after, slope in zip(weights(net), weights(done.last), slopes, strict=True):
        assert np.abs(slope).max() > 1e-2
        np.testing.assert_allclose(after, before - RATE * slope, rtol=1e-12)
    rest = lambda net: jax.tree.leaves(eqx.tree_at(weights, net, [0.0, 0.0]))
    for a, b in zip(rest(net), rest(done.last), strict=True):
        np.testing.assert_array_equal(a, b)


def only_first():
    """Moves nothing after the first step."""

    def update(updates, state, params=None):
        return jax.tree.map(lambda x: jnp.where(state == 0, x, 0.0), updates), state + 1

    return optax.GradientTransformation(lambda params: jnp.zeros((), int), update)


def test_random_directions_are_others_in_each_step():
    """Evolution strategies by hand, with the key of the first step; a second one from the same place goes elsewhere."""
    (inputs, targets), key = first_batch(jr.key(1))
    step = gradient("es", directions=4)
    value, slopes = eqx.filter_jit(step)(network(), inputs, targets, key=key)
    done = fit(step, epochs=1, optim=optax.chain(optax.sgd(RATE), only_first()))
    np.testing.assert_allclose(done.steps["loss"][0], value, rtol=1e-6)
    for before, after, slope in zip(weights(network()), weights(done.last), weights(slopes), strict=True):
        np.testing.assert_allclose(after, before - RATE * slope, rtol=1e-5)


def test_validation_and_a_run_that_is_resumed(tmp_path):
    """The loss without its gradient, metrics of outputs, a plan within a memory; and no further program."""
    options = {
        "validation": data(slice(4)),
        "metrics": {
            "spikes": lambda outputs, targets: outputs["N"].sum(0),
            "t": lambda outputs, targets: targets[-1, 0],
        },
        "choose": "min loss",
    }
    step = gradient(memory="1MiB")
    whole = fit(step, **options)
    assert 0 < len(RECORDS)
    del RECORDS[:]
    part = fit(step, **options, epochs=2, folder=tmp_path)
    resumed = fit(step, **options, folder=tmp_path, resume=True)
    # Shapes of the loss, without and with metrics, are found out at each call.
    assert len(RECORDS) <= 4
    assert part.steps["loss"].shape == (4,)
    for name in whole.steps:
        np.testing.assert_array_equal(resumed.steps[name], whole.steps[name])
    assert resumed.epochs == whole.epochs
    for a, b in zip(weights(resumed.last), weights(whole.last), strict=True):
        np.testing.assert_array_equal(a, b)
    inputs, targets = data(slice(4))
    runs = [
        nex.simulate(
            whole.last, float(STEPS), 1.0, {"N": nex.Samples(x)}, record={"N": nex.output("N"), "R": nex.output("R")}
        ).records
        for x in inputs["N"].values
    ]
    spikes = np.mean([np.asarray(r["N"].values).sum(0) for r in runs], axis=0)
    losses = [
        ((np.asarray(r["R"].values) - y) ** 2).mean(1).sum() for r, y in zip(runs, np.asarray(targets), strict=True)
    ]
    np.testing.assert_allclose(whole.epochs["validation spikes"][-1], spikes, rtol=1e-6)
    np.testing.assert_allclose(whole.epochs["validation t"][-1], TARGETS[0, -1, 0], rtol=1e-6)
    # 4 samples in 2 batches.
    np.testing.assert_allclose(whole.epochs["validation loss"][-1], np.mean(losses), rtol=1e-4)
    assert spikes.sum() > 5


@pytest.mark.parametrize(
    ("loss", "options", "message"),
    [
        (lambda: nex.learn.value_and_grad(squares, t1=1.0, dt=1.0), {}, r"need value_and_grad\(..., batched=True\)"),
        (gradient, {"where": weights}, "`where`, `gradient` and `state` cannot be given"),
        (gradient, {"state": 1.0}, "`where`, `gradient` and `state` cannot be given"),
        (gradient, {"data": TARGETS}, "must be a pair"),
        (gradient, {"data": ({"N": DRIVE}, TARGETS)}, r"must be `Samples`, .*\['N'\] is "),
    ],
)
def test_errors_name_the_argument(loss, options, message):
    given = {"optim": optax.sgd(RATE), "epochs": 1, "batch": 3, "key": jr.key(1), "progress": False, "data": data()}
    with pytest.raises((ValueError, TypeError), match=message):
        nex.learn.fit(network(), loss(), **(given | options))
