"""Layers against a plain loop over the cells."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax
from neuroeqx import layers


T, IN, OUT, DT = 23, 7, 19, 0.5
MEMBERS = 8  # as many lanes as make a block of vectors, and a rest
RTOL = {"float32": 2e-4, "float64": 1e-10}


def linear(n_in, n_out, seed, scale=4.0, bias=True):
    module = eqx.nn.Linear(n_in, n_out, use_bias=bias, key=jr.key(seed))
    return eqx.tree_at(lambda l: l.weight, module, module.weight * scale)


def inputs(seed=0, members=()):
    return jr.normal(jr.key(seed), (*members, T, IN))


def cell():
    # A time constant for each neuron: what is the same in every step differs between lanes.
    return nex.Refractory(nex.LIF(tau=jnp.linspace(4.0, 12.0, OUT), r=3.0, surrogate=nex.SuperSpike(2.0)), 1.0)


def plain(layer, x, recurrent=None, delay=1):
    """The equations, one step after the other, in XLA."""
    cells, receptor = layer.cell, layer.synapse
    shape = jax.eval_shape(layer.connect, x[0]).shape

    def step(carry, x):
        g, state, past = carry
        current = layer.connect(x)
        if recurrent is not None:
            current = current + recurrent(past[0])
        if receptor is not None:
            g = receptor.syn.decay(g, dt=layer.dt)
            g = receptor.syn.inject(g, lambda g: g + current)
            current = lambda v: receptor.out(receptor.syn.output(g), v)
        state, spikes = cells.step(state, current, dt=layer.dt)
        return (g, state, jnp.concatenate([past[1:], spikes[None]])), spikes

    g = None if receptor is None else receptor.syn.init(shape)
    start = g, cells.init(shape), jnp.zeros((delay, *shape))
    return lax.scan(step, start, x)[1]


def same_with_gradients(function, reference, layer, x, dtype):
    """Values and gradients, by all parameters and by the inputs, of a batch."""
    target = jnp.asarray(np.random.default_rng(1).normal(size=(MEMBERS, T, OUT)), dtype)

    def graded(function):
        def loss(layer, x):
            y = jax.vmap(lambda x: function(layer, x))(x)
            return jnp.sum(y * target), y

        (_, y), grads = eqx.filter_jit(eqx.filter_value_and_grad(lambda lx: loss(*lx), has_aux=True))((layer, x))
        return y, grads

    ours, theirs = graded(function), graded(reference)
    assert 0.02 < ours[0].mean() < 0.9
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=RTOL[dtype] * max(1.0, float(jnp.abs(b).max())))


def test_feedforward_is_the_plain_loop(dtype):
    synapse = nex.Receptor(nex.DualExpon(5.0, 2.0), nex.COBA(3.0, 0.5))
    layer = layers.Feedforward(linear(IN, OUT, 0), cell(), synapse, dt=DT)
    same_with_gradients(lambda l, x: l(x), plain, layer, inputs(members=(MEMBERS,)), dtype)


@pytest.mark.parametrize("delay", [1, 5])
def test_recurrent_is_the_plain_loop(dtype, delay):
    back = linear(OUT, OUT, 1, 2.0, bias=False)
    layer = layers.Recurrent(linear(IN, OUT, 0), back, cell(), nex.Expon(4.0), delay=delay, dt=DT)
    reference = lambda l, x: plain(l, x, l.recurrent, delay)
    same_with_gradients(lambda l, x: l(x), reference, layer, inputs(members=(MEMBERS,)), dtype)


@eqx.filter_jit
def _in_halves(layer, x):
    first, between = layer.run(x[:10])
    return layer.run(x), first, layer.run(x[10:], between)


def test_a_layer_goes_on_from_its_state():
    """Two halves, the second from the state after the first, are the whole."""
    for delay in (None, 1, 4):
        if delay is None:
            layer = layers.Feedforward(linear(IN, OUT, 0), cell(), nex.Expon(4.0), dt=DT)
        else:
            matrix = nex.connect.bernoulli(0.5, 0.8)(OUT, OUT, key=jr.key(2))  # its products follow the spikes
            layer = layers.Recurrent(linear(IN, OUT, 0), matrix, cell(), delay=delay, dt=DT)
        (whole, last), first, (second, end) = _in_halves(layer, inputs())
        np.testing.assert_allclose(jnp.concatenate([first, second]), whole, atol=1e-6)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), end, last)
        assert whole.mean() > 0.02


def test_loops_over_time_are_native_and_nothing_leaks(no_leaks):
    """Forwards and backwards, in a batch: no loop of XLA's, and one product for all steps."""
    layer = layers.Feedforward(linear(IN, OUT, 0), cell(), nex.Expon(4.0), dt=DT)
    chained = eqx.nn.Sequential(
        [layer, layers.Feedforward(linear(OUT, 3, 1), nex.Leaky(5.0), dt=DT), layers.MaxOverTime()]
    )
    loss = lambda model, x: jnp.sum(jax.vmap(model)(x) ** 2)
    with no_leaks():
        text = eqx.filter_jit(eqx.filter_grad(loss)).lower(chained, inputs(members=(2,))).as_text()
    assert text.count("neuroeqx_fused_scan") >= 4 and "stablehlo.while" not in text
    delayed = layers.Recurrent(linear(IN, OUT, 0), linear(OUT, OUT, 1), cell(), delay=5, dt=DT)
    assert "neuroeqx_fused_scan" in eqx.filter_jit(delayed).lower(inputs()).as_text()


def test_composition_with_layers_of_equinox():
    keys = jr.split(jr.key(3), 3)
    conv = eqx.nn.Conv1d(1, 4, 3, key=keys[0])
    model = eqx.nn.Sequential(
        [
            layers.Feedforward(eqx.nn.Sequential([conv, eqx.nn.LayerNorm((4, IN - 2))]), nex.LIF(tau=5.0), dt=DT),
            layers.Feedforward(eqx.nn.Lambda(jnp.ravel), nex.Leaky(5.0), dt=DT),
            layers.Feedforward(eqx.nn.Linear(4 * (IN - 2), 6, key=keys[1]), nex.Leaky(5.0), dt=DT),
            layers.Feedforward(eqx.nn.Dropout(0.5), nex.Leaky(5.0), dt=DT),
            layers.MeanOverTime(),
        ]
    )
    graded = eqx.filter_jit(
        eqx.filter_value_and_grad(lambda m, x: (lambda y: (y.sum(), y))(m(x, key=keys[2])), has_aux=True)
    )
    x = inputs()[:, None]
    (_, y), grads = graded(model, x)
    assert y.shape == (6,)
    silent = eqx.filter_jit(eqx.nn.inference_mode(model))(x)
    assert np.isfinite(silent).all() and not np.allclose(y, silent)
    assert float(jnp.abs(grads.layers[0].connect.layers[0].weight).sum()) > 0


def test_noise_differs_between_steps_and_keys():
    noisy = nex.LIF(tau=10.0, v_th=1e9, stepper=nex.EulerMaruyama(0.3))
    layer = layers.Feedforward(None, nex.layers.Counted(nex.EscapeRate(noisy, 1.0)), dt=DT)
    x = jnp.zeros((200, 50))
    v = lambda key: layer.run(x, key=jr.key(key))[1].v
    assert np.std(v(0)) > 0.1 and not np.allclose(v(0), v(1))


def test_counts_are_those_of_the_spikes():
    layer = layers.Feedforward(linear(IN, OUT, 0), layers.Counted(cell()), dt=DT)
    weights = jnp.arange(float(OUT))

    @eqx.filter_jit
    def both(layer, x):
        y, last = layer.run(x)
        by = lambda f: eqx.filter_grad(lambda layer: jnp.sum(weights * f(layer)))(layer).connect.weight
        counts = last.cell.count, layers.SpikeCount()(y)
        return counts, (by(lambda l: l.run(x)[1].cell.count), by(lambda l: l(x).sum(0)))

    counts, grads = both(layer, inputs())
    np.testing.assert_array_equal(*counts)
    np.testing.assert_allclose(*grads, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: layers.Feedforward(3, nex.LIF()), TypeError, "`connect` must be a layer"),
        (lambda: layers.Feedforward(None, eqx.nn.Identity()), TypeError, "`cell` must be a cell"),
        (lambda: layers.Feedforward(None, nex.LIF(), nex.AMPA()), TypeError, "`synapse` must be linear kinetics"),
        (lambda: layers.Feedforward(None, nex.LIF(), dt=0.0), ValueError, "`dt` must be a positive number"),
        (
            lambda: layers.Feedforward(eqx.nn.BatchNorm(3, "batch", mode="batch"), nex.LIF()),
            TypeError,
            "must have no state",
        ),
        (
            lambda: layers.Feedforward(None, nex.LIF(), nex.Receptor(nex.Expon(2.0), nex.CUBA(), lag=1)),
            ValueError,
            "counted by networks",
        ),
        (lambda: layers.Recurrent(None, jnp.tanh, nex.LIF(), delay=0), ValueError, "`delay` must be a whole number"),
        (
            lambda: layers.Feedforward(None, nex.LIF()).run(jnp.zeros((3, 2)), layers.LayerState(jnp.zeros(3))),
            ValueError,
            "`state` is not one of this layer",
        ),
    ],
)
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()
