"""Encoders against closed forms and NumPy."""

import jax
import jax.numpy as jnp
import jax.random as jr
import neuroeqx as nex
import numpy as np
import pytest


encode = nex.encode


def test_poisson_has_the_rates_it_is_given(dtype):
    rates = np.array([0.0, 20.0, 130.0, 1000.0 / 0.5], dtype)
    steps, dt, trains = 1000, 0.5, 200
    run = jax.jit(lambda key: encode.poisson(jnp.tile(rates, (trains, 1)), dt=dt, key=key, steps=steps))
    spikes = np.asarray(run(jr.key(0)), np.float64)
    assert spikes.shape == (steps, trains, 4)
    assert run(jr.key(0)).dtype == dtype
    np.testing.assert_array_equal(spikes[..., 0], 0.0)
    np.testing.assert_array_equal(spikes[..., 3], 1.0)
    p, n = rates[1:3].astype(float) * dt / 1000.0, steps * trains
    assert np.all(abs(spikes.mean((0, 1))[1:3] - p) < 4.0 * np.sqrt(p * (1.0 - p) / n))
    # Independent: of trains within a step, of steps within a train, of the two rates.
    x = spikes[..., 2] - p[1]
    spread = p[1] * (1.0 - p[1])
    for product in (x[:, 1:] * x[:, :-1], x[1:] * x[:-1]):
        assert abs(product.mean()) < 4.0 * spread / np.sqrt(product.size)
    # A rate that changes: the same probabilities at each time.
    changing = np.where(np.arange(steps)[:, None] < 400, 20.0, 130.0).astype(dtype) * np.ones(trains, dtype)
    spikes = np.asarray(encode.poisson(changing, dt=dt, key=jr.key(1)), np.float64)
    for part, q in ((spikes[:400], p[0]), (spikes[400:], p[1])):
        assert abs(part.mean() - q) < 4.0 * np.sqrt(q * (1.0 - q) / part.size)


def test_derivatives_towards_rates_are_those_of_probabilities():
    weights = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    rates = jnp.array([100.0, 500.0, 900.0])
    loss = lambda encoder: jax.jit(jax.grad(lambda r: (weights * encoder(r)).sum()))(rates)
    for encoder in (
        lambda r: encode.poisson(r, dt=0.5, steps=40, key=jr.key(0)),
        lambda r: encode.rate(r, dt=0.5, steps=40),
        lambda r: encode.rate(jnp.broadcast_to(r, (40, 3)), dt=0.5),
    ):
        np.testing.assert_allclose(loss(encoder), 0.0005 * weights.sum(0), rtol=1e-4)


def test_regular_spikes(dtype):
    dt, steps = 0.1, 200_000
    rates = np.array([0.0, 1.0, 123.4, 1000.0, 10_000.0 / 7.0, 10_000.0], dtype)
    phase = np.array([0.5, 0.0, 0.99, 0.25, 0.5, 0.5], dtype)
    spikes = np.asarray(jax.jit(lambda r: encode.rate(r, dt=dt, steps=steps, phase=phase))(rates))
    assert spikes.dtype == dtype
    # As many as whole numbers that the integral reaches, at every time; to one where it is a whole number to rounding.
    integral = phase.astype(float) + rates.astype(float) * dt / 1000.0 * np.arange(1, steps + 1)[:, None]
    assert abs(spikes.cumsum(0, dtype=np.float64) - np.floor(integral)).max() <= 1.0
    np.testing.assert_allclose(spikes.cumsum(0, dtype=np.float64), integral - 0.5, atol=0.5 + 2e-2)
    # Never more than a step from regular, after thousands of spikes as well.
    intervals = [np.diff(np.flatnonzero(spikes[:, i])) for i in range(6)]
    assert set(intervals[1]) == {10_000}
    assert set(intervals[2]) == {81, 82}
    assert set(intervals[3]) == {10}
    assert set(intervals[4]) == {7}
    assert spikes[:, 0].sum() == 0.0
    assert spikes[:, 5].sum() == steps
    assert np.all(encode.rate(rates[-1], dt=dt, steps=3, phase=0.0) == 1.0)
    # The same, of rates that change in time.
    held = np.broadcast_to(rates, (1000, 6))
    np.testing.assert_array_equal(encode.rate(held, dt=dt, phase=phase), spikes[:1000])
    ramp = np.linspace(0.0, 9000.0, 5000).astype(dtype)[:, None]
    counts = np.asarray(encode.rate(ramp, dt=dt)).cumsum(dtype=np.float64)
    np.testing.assert_allclose(counts, (ramp.astype(float) * dt / 1000.0).cumsum(), atol=0.5 + 1e-3)


def test_latency_is_when_a_leaky_integrator_reaches_threshold(dtype):
    x = np.array([0.0, 0.1, 0.2, 0.2001, 0.5, 1.0, 100.0], dtype)
    tau, threshold = 20.0, 0.2
    times = jax.jit(lambda x: encode.latency(x, tau, threshold))(x)
    assert times.dtype == dtype
    assert np.all(np.isinf(times[:3]))
    # v' = (x - v) / tau from 0: at the time of the spike it is at the threshold.
    v = x[3:].astype(float) * -np.expm1(-np.asarray(times[3:], float) / tau)
    np.testing.assert_allclose(v, threshold, rtol=1e-6 if dtype == "float32" else 1e-13)
    with np.errstate(divide="ignore", invalid="ignore"):
        law = tau * np.log(x[4:].astype(float) / (x[4:].astype(float) - threshold))
    np.testing.assert_allclose(times[4:], law, rtol=1e-6 if dtype == "float32" else 1e-12)
    # The crossing of a neuron of this package: the spike is in the step that ends after it.
    cell, current = nex.LIF(tau=tau, v_rest=0.0, v_reset=0.0, v_th=threshold, r=1.0), jnp.asarray(x)
    step = lambda v, _: cell.step(v, current, dt=0.5)
    _, spikes = jax.lax.scan(step, jnp.zeros_like(current), length=200)
    first = np.where(np.asarray(spikes).any(0), np.asarray(spikes).argmax(0), 200)
    np.testing.assert_array_equal(encode.spike_steps(times, dt=0.5, steps=200), first)
    # Derivatives: tau (1 / x - 1 / (x - threshold)), and zero for those that never spike.
    finite = lambda x: jnp.where(jnp.isinf(y := encode.latency(x, tau, threshold)), 0.0, y)
    slope = jax.jit(jax.vmap(jax.grad(finite)))(current)
    np.testing.assert_array_equal(slope[:3], 0.0)
    y = x[4:].astype(float)
    np.testing.assert_allclose(slope[4:], tau * (1.0 / y - 1.0 / (y - threshold)), rtol=1e-5)


def test_linear_latency_and_the_two_forms_of_first_spikes(dtype):
    x = np.arange(101).astype(dtype) / dtype_of(dtype)(100.0)

    @jax.jit
    def run(x, y):
        times = encode.linear_latency(x, 50.0)
        steps = [encode.spike_steps(times, dt=0.5, steps=n) for n in (101, 60)]
        return times, steps, encode.linear_latency(y, 50.0, 0.2)

    times, steps, above = run(x, np.array([0.19, 0.2, 0.6, 1.0, 1.5], dtype))
    np.testing.assert_allclose(times, 50.0 - 0.5 * np.arange(101), atol=2e-5)
    # Each time is the beginning of a step, up to rounding.
    np.testing.assert_array_equal(steps[0], np.arange(100, -1, -1))
    assert steps[0].dtype == jnp.int32
    np.testing.assert_array_equal(steps[1], np.minimum(np.arange(100, -1, -1), 60))
    np.testing.assert_allclose(above, [np.inf, 50.0, 25.0, 0.0, 0.0], rtol=1e-6)

    dense = np.asarray(jax.jit(lambda s: encode.spikes_at(s, steps=60))(np.array([[0, 59], [60, 7]])))
    assert dense.shape == (60, 2, 2)
    np.testing.assert_array_equal(np.argwhere(dense), [[0, 0, 0], [7, 1, 1], [59, 0, 1]])
    listed = jax.jit(lambda s: encode.events(s, 6))(dense.reshape(60, 4))
    np.testing.assert_array_equal(listed.steps, [0, 7, 59, 60, 60, 60])
    np.testing.assert_array_equal(listed.units, [0, 3, 1, 4, 4, 4])
    assert listed.count == 3
    batch = jax.jit(jax.vmap(lambda s: encode.events(s, 2)))(dense)
    np.testing.assert_array_equal(np.asarray(batch.count)[[0, 1, 59]], [1, 0, 1])
    with pytest.raises(Exception, match="more than `size` = 2 spikes"):
        encode.events(dense.reshape(60, 4), 2)


def dtype_of(name):
    return np.dtype(name).type


def sent(signal, threshold):
    """Send on delta, spike by spike."""
    level, out = signal[0], np.zeros((len(signal), 2))
    for n, x in enumerate(signal):
        while x - level >= threshold:
            level, out[n, 0] = level + threshold, out[n, 0] + 1
        while level - x >= threshold:
            level, out[n, 1] = level - threshold, out[n, 1] + 1
    return out


def test_delta(dtype):
    rng = np.random.default_rng(0)
    signal = np.cumsum(rng.normal(size=(300, 2, 2)), 0).astype(dtype)
    threshold = np.array([0.7, 2.3], dtype)
    spikes = np.asarray(jax.jit(encode.delta)(signal, threshold))
    assert spikes.shape == (300, 2, 2, 2)
    assert spikes.dtype == dtype
    for i in range(2):
        for j in range(2):
            np.testing.assert_array_equal(spikes[:, :, i, j], sent(signal[:, i, j].astype(float), float(threshold[j])))
    assert spikes.max() > 1.0
    # Never a threshold away from the signal that is rebuilt.
    rebuilt = signal[0] + threshold * (spikes[:, 0] - spikes[:, 1]).cumsum(0)
    assert np.all(abs(rebuilt - signal) < threshold * (1.0 + 1e-4))
    # A slow ramp: each step is far less than a threshold; grid points count whatever their rounding.
    ramp = np.arange(2001).astype(dtype) * dtype_of(dtype)(0.01)
    up, down = np.asarray(jax.jit(encode.delta)(np.stack([ramp, -ramp], 1), 0.1)).transpose(1, 2, 0)
    np.testing.assert_array_equal(np.flatnonzero(up[0]), np.arange(10, 2001, 10))
    np.testing.assert_array_equal(down[1], up[0])
    assert up[1].sum() == down[0].sum() == 0.0


def test_population(dtype):
    x = np.linspace(-3.0, 3.0, 14).reshape(2, 7).astype(dtype)
    preferred = np.linspace(-np.pi, np.pi, 8, endpoint=False).astype(dtype)
    d = x[..., None].astype(float) - preferred
    rtol = 1e-5 if dtype == "float32" else 1e-12
    height, around = np.arange(8).astype(dtype), np.linspace(0.0, 2.0 * np.pi, 50).astype(dtype)

    @jax.jit
    def run(x, around):
        bell = encode.population(x, preferred, encode.gaussian(0.5), height=40.0, background=1.0)
        direction = encode.population(x, preferred, encode.von_mises(2.0), height=height)
        total = encode.population(around, np.arange(24) * np.pi / 12, encode.von_mises(2.0)).sum(-1)
        return (
            bell,
            direction,
            total,
            jax.grad(lambda x: encode.population(x, preferred, encode.gaussian(0.5))[3])(x[0, 0]),
        )

    bell, direction, total, slope = run(x, around)
    assert bell.dtype == dtype
    np.testing.assert_allclose(bell, 1.0 + 40.0 * np.exp(-(d**2) / 0.5), rtol=rtol)
    np.testing.assert_allclose(direction, height * np.exp(2.0 * (np.cos(d) - 1.0)), rtol=rtol)
    # Evenly spaced curves of a direction sum to the same rate for all of them, 2 pi I0(2) exp(-2) of each unit of spacing.
    np.testing.assert_allclose(total, 24.0 * np.i0(2.0) * np.exp(-2.0), rtol=1e-5)
    np.testing.assert_allclose(slope, -d[0, 0, 3] / 0.25 * np.exp(-(d[0, 0, 3] ** 2) / 0.5), rtol=1e-5)


def test_weighted_phase(dtype):
    pixels = np.arange(256)
    spikes = np.asarray(jax.jit(lambda x: encode.weighted_phase(x, steps=20))((pixels / 255.0).astype(dtype)))
    assert spikes.dtype == dtype
    bits = np.unpackbits(pixels.astype(np.uint8)[:, None], axis=1).T
    np.testing.assert_array_equal(spikes, np.concatenate([bits, bits, bits[:4]]))
    weights = encode.phase_weights(steps=20)
    np.testing.assert_allclose((spikes * np.asarray(weights)[:, None])[8:16].sum(0), pixels / 255.0, atol=2e-7)
    x = np.random.default_rng(0).uniform(-0.2, 1.2, (3, 50)).astype(dtype)
    cycles = jax.jit(lambda x: [encode.weighted_phase(x, steps=n, bits=n) for n in (1, 5, 12)])(x)
    for n, cycle in zip((1, 5, 12), cycles, strict=True):
        count = np.asarray(encode.phase_weights(steps=n, bits=n))
        decoded = (np.asarray(cycle) * count[:, None, None]).sum(0)
        assert abs(decoded - np.clip(x, 0.0, 1.0)).max() <= 0.5 / (2.0**n - 1.0) + 1e-6
    np.testing.assert_allclose(encode.phase_weights(steps=4, bits=2), [2 / 3, 1 / 3, 2 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: encode.poisson(-1.0, dt=1.0, steps=3, key=jr.key(0)), ValueError, "must lie in 0 ... 1000 Hz.*got -1"),
        (lambda: encode.poisson([1.0, 2001.0], dt=0.5, steps=3, key=jr.key(0)), ValueError, "one spike in each step of 0.5 ms"),
        (lambda: encode.poisson([np.nan], dt=0.5, steps=3, key=jr.key(0)), ValueError, "`rates` must lie in 0 ... 2000 Hz"),
        (lambda: encode.poisson(1.0, dt=0.5, key=jr.key(0)), ValueError, "a single rate needs `steps`"),
        (lambda: encode.poisson(1.0, dt=0.0, steps=3, key=jr.key(0)), ValueError, "`dt` must be positive, in ms, got 0.0"),
        (lambda: encode.rate(1.0, dt=1.0, steps=0), ValueError, "`steps` must be a whole number of at least 1, got 0"),
        (lambda: encode.rate(1.0, dt=1.0, steps=3, phase=1.0), ValueError, "`phase` must be at least 0 and below 1, got 1"),
        (lambda: encode.latency(1.0, 0.0, 0.2), ValueError, "latency: `tau` must be positive, in ms, got 0"),
        (lambda: encode.latency(1.0, 20.0, 0.0), ValueError, "latency: `threshold` must be positive, got 0"),
        (lambda: encode.linear_latency(1.0, 20.0, 1.0), ValueError, "`threshold` must be below 1, got 1"),
        (lambda: encode.spike_steps(1.0, dt=1.0, steps=-1), ValueError, "`steps` must be a whole number of at least 1"),
        (lambda: encode.spikes_at([0.5], steps=3), TypeError, "`spike_steps` must be whole numbers, got float32"),
        (lambda: encode.events(np.zeros(3), 2), ValueError, r"`spikes` must be \[steps, units\], got shape \(3,\)"),
        (lambda: encode.delta(1.0, 1.0), ValueError, r"`signal` must be \[steps, ...\]"),
        (lambda: encode.delta(np.zeros(3), 0.0), ValueError, "`threshold` must be positive, got 0"),
        (lambda: encode.population(0.0, 0.0, encode.gaussian(1.0)), ValueError, r"`preferred` must be \[units\]"),
        (lambda: encode.gaussian(-1.0), ValueError, "`width` must be positive, got -1"),
        (lambda: encode.von_mises([1.0, 2.0]), ValueError, "`kappa` must be a number"),
        (lambda: encode.weighted_phase(0.5, steps=8, bits=25), ValueError, "whole number from 1 to 24, got 25"),
    ],
)  # fmt: skip
def test_errors_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_errors_within_compiled_programs():
    run = jax.jit(lambda r: encode.poisson(r, dt=1.0, steps=2, key=jr.key(0)))
    run(1000.0)
    with pytest.raises(Exception, match="`rates` must lie in 0 ... 1000 Hz"):
        run(1001.0)
