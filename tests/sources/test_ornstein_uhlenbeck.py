"""Ornstein-Uhlenbeck processes against their moments, and what they do to a cell."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest
from jax import lax


N, TAU, MEAN, SD = 10_000, 5.0, 12.0, 3.0


def run(source, steps, dt, key):
    def whole(key):
        step = lambda x, i: source.step(x, None, dt=dt, key=jr.fold_in(key, i))
        return lax.scan(step, source.init(dt=dt, key=jr.fold_in(key, steps)), jnp.arange(steps))[1]

    return np.asarray(jax.jit(whole)(key))


def test_moments_and_autocorrelation(dtype, ledger):
    """At a step that is no small part of the correlation time; stationary from the first step on."""
    dt, steps = 3.0, 6
    x = run(nex.OrnsteinUhlenbeck(MEAN, SD, TAU, N), steps, dt, jr.key(0))
    assert x.dtype == dtype
    found = [np.abs(x.mean(1) - MEAN).max() * np.sqrt(N) / SD]
    found += [np.abs(x.var(1) / SD**2 - 1.0).max() * np.sqrt(N / 2.0)]
    for i in range(1, steps):
        r = np.exp(-i * dt / TAU)
        found += [abs(np.corrcoef(x[0], x[i])[0, 1] - r) * np.sqrt(N) / (1.0 - r**2)]
    quantity = "mean, variance, autocorrelation, the largest in standard errors"
    ledger("OrnsteinUhlenbeck", "closed form", quantity, max(found), 4.0)


def test_one_step_is_the_formula(x64):
    source = nex.OrnsteinUhlenbeck([1.0, 2.0], [0.5, 0.0], [3.0, 4.0], 2, lowest=0.9)
    state = jnp.array([0.2, 5.0])
    after, output = source.step(state, None, dt=0.7, key=jr.key(0))
    noise = np.asarray(jr.normal(jr.key(0), (2,)))
    mean, sd, decay = np.array([1.0, 2.0]), np.array([0.5, 0.0]), np.exp(-0.7 / np.array([3.0, 4.0]))
    expected = mean + (np.asarray(state) - mean) * decay + sd * np.sqrt(1.0 - decay**2) * noise
    np.testing.assert_allclose(after, expected, rtol=1e-12)
    np.testing.assert_array_equal(output, np.maximum(after, 0.9))
    np.testing.assert_allclose(source.step(state, 7.0, dt=0.7, key=jr.key(0))[0] - after, (7.0 - mean) * (1.0 - decay))


def test_it_is_a_conductance_at_a_receptor(x64):
    """The conductance of a step is the noise one delay earlier, exactly: the voltage is that of a plain loop."""
    receptors = {"noise": nex.Receptor(nex.Instant(), nex.COBA(0.0))}
    net = nex.Network(
        {"s": nex.OrnsteinUhlenbeck(0.2, 0.1, 2.7, 3), "E": nex.Population(nex.Leaky(20.0, -60.0), 3, receptors)},
        [nex.Projection("s", "E", "noise", nex.connect.one_to_one(1.5), delay=0.2)],
    )
    record = {"g": nex.output("s"), "v": nex.voltage("E")}
    records = nex.simulate(net, 5.0, 0.1, record=record, key=jr.key(1)).records
    noise, v = records["g"].values, np.full(3, -60.0)
    for i, found in enumerate(records["v"].values):
        g = 1.5 * noise[i - 2] if i >= 2 else np.zeros(3)
        v = (-60.0 + (v * (1.0 + g) + 60.0) * np.exp(-0.1 * (1.0 + g) / 20.0)) / (1.0 + g)
        np.testing.assert_allclose(found, v, rtol=1e-10)


def test_gradients_reach_its_parameters(x64):
    loss = lambda sd: jnp.sum(nex.OrnsteinUhlenbeck(1.0, sd, 3.0, 4).step(jnp.ones(4), None, dt=0.5, key=jr.key(2))[0])
    slope = np.asarray(jr.normal(jr.key(2), (4,))).sum() * np.sqrt(1.0 - np.exp(-1.0 / 3.0))
    np.testing.assert_allclose(jax.grad(loss)(0.7), slope, rtol=1e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nex.OrnsteinUhlenbeck(0.0, -1.0, 5.0, 3), "`sigma` must not be negative"),
        (lambda: nex.OrnsteinUhlenbeck(0.0, 1.0, 0.0, 3), "`tau` must be positive"),
        (lambda: nex.OrnsteinUhlenbeck(np.nan, 1.0, 5.0, 3), "`mean` must be finite"),
        (lambda: nex.OrnsteinUhlenbeck(0.0, [1.0, 2.0], 5.0, 3), "`sigma` has shape"),
        (lambda: nex.OrnsteinUhlenbeck(0.0, 1.0, 5.0, 3).init(dt=0.1), "begins at random"),
        (lambda: nex.OrnsteinUhlenbeck(0.0, 1.0, 5.0, 3).step(jnp.zeros(3), None, dt=0.1), "needs randomness"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call()
