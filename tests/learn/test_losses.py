"""Losses against NumPy, closed forms and finite differences."""

import jax
import jax.numpy as jnp
import neuroeqx as nex
import numpy as np
import pytest
from neuroeqx.learn import losses
from scipy.special import logsumexp


B, T, C = 3, 7, 4


def close(found, expected, dtype):
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-12 if dtype == "float64" else 2e-5)


def entropy(x, labels):
    """In NumPy, of [..., classes]."""
    return logsumexp(x, axis=-1) - np.take_along_axis(x, labels[..., None], -1)[..., 0]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_cross_entropies_of_readouts(dtype, rng):
    x, labels = rng.normal(size=(B, T, C)) * 3.0, rng.integers(0, C, B)
    shared = np.arange(T) >= 4
    own = rng.random((B, T)) < 0.5
    own[:, 2] = True
    windows = (None, shared, own)
    over_time = (losses.cross_entropy_of_mean, losses.cross_entropy_of_max, losses.cross_entropy_over_time)

    @jax.jit
    def found(readout):
        single = losses.cross_entropy(readout[:, 0], labels), losses.cross_entropy_of_last(readout, labels)
        # Of one sample, as under vmap.
        one = jax.vmap(losses.cross_entropy_of_max)(readout, jnp.asarray(labels), jnp.asarray(own))
        return *single, one, [[loss(readout, labels, window) for loss in over_time] for window in windows]

    first, last, one, rest = found(jnp.asarray(x, dtype))
    close(first, entropy(x[:, 0], labels), dtype)
    close(last, entropy(x[:, -1], labels), dtype)
    for window, (of_mean, of_max, over) in zip(windows, rest, strict=True):
        w = np.broadcast_to(np.ones(T, bool) if window is None else window, (B, T))
        mean = np.stack([x[b, w[b]].mean(0) for b in range(B)])
        most = np.stack([x[b, w[b]].max(0) for b in range(B)])
        each = np.stack([entropy(x[b, w[b]], np.repeat(labels[b], w[b].sum())).mean() for b in range(B)])
        close(of_mean, entropy(mean, labels), dtype)
        close(of_max, entropy(most, labels), dtype)
        close(over, each, dtype)
    np.testing.assert_array_equal(one, of_max)


def test_windows_keep_out_values_and_derivatives(x64, rng):
    x, labels = rng.normal(size=(B, T, C)), np.arange(B)
    window = np.arange(T) < 3
    bad = np.where(window[:, None], x, np.inf)
    over_time = (losses.cross_entropy_of_mean, losses.cross_entropy_of_max, losses.cross_entropy_over_time)
    all_of = lambda x, w: jnp.stack([loss(x, labels, w) for loss in over_time])
    function = jax.jit(lambda x, w: (all_of(x, w), jax.jacrev(lambda x: all_of(x, w).sum(1))(x)))
    values, slopes = function(x, window)
    assert np.all(slopes[:, :, 3:] == 0.0) and (np.abs(slopes[:, :, :3]).max((1, 2, 3)) > 0.01).all()
    np.testing.assert_array_equal(function(bad, window)[0][:2], values[:2])
    assert np.isnan(function(x, np.zeros(T, bool))[0]).all()
    for loss in over_time:
        with pytest.raises(ValueError, match=f"{loss.__name__}: `window` holds no step"):
            loss(jnp.asarray(x), labels, np.zeros(T, bool))


def trains(rng, shape, p=0.3):
    return (rng.random(shape) < p).astype(float)


def test_counts_and_rates(dtype, rng):
    s, target = trains(rng, (B, T, C)), rng.random((B, C)) * 5.0

    @jax.jit
    def found(spikes):
        return (
            losses.spike_count(spikes, target),
            losses.spike_count(spikes, 2.0),
            losses.spike_rate(spikes, 40.0, dt=0.5),
            nex.learn.rates(spikes, dt=0.5),
            losses.rate_bounds(spikes, dt=0.5, low=500.0, high=550.0),
            losses.total_count(spikes),
            losses.squared_counts(spikes),
        )

    counts, rate = s.sum(1), s.sum(1) / (T * 0.5) * 1000.0
    mean = rate.mean(0)
    assert (mean < 500.0).any() and (mean > 550.0).any()
    # Loops over neurons, samples and steps.
    squares = [sum(s[b, t, n] for b in range(B) for t in range(T)) ** 2 for n in range(C)]
    expected = (
        ((counts - target) ** 2).mean(-1),
        ((counts - 2.0) ** 2).mean(-1),
        ((rate - 40.0) ** 2).mean(-1),
        rate,
        (np.maximum(500.0 - mean, 0) ** 2 + np.maximum(mean - 550.0, 0) ** 2).mean(),
        s.sum(),
        np.mean(squares),
    )
    spikes = jnp.asarray(s, dtype)
    for a, b in zip(found(spikes), expected, strict=True):
        close(a, b, dtype)
    with pytest.raises(ValueError, match=r"`target` has shape \(5,\), which does not broadcast to \(3, 4\)"):
        losses.spike_count(spikes, np.zeros(5))
    with pytest.raises(ValueError, match="rate_bounds: `low` must lie below `high`, got 5.0 and 5.0"):
        losses.rate_bounds(spikes, dt=0.5, low=5.0, high=5.0)


def test_voltage_bounds(dtype, rng):
    v = rng.normal(size=(B, T, C)) * 2.0
    expected = np.where(v > 0.4, (v - 0.4) ** 2, np.where(v < -2.0, (v + 2.0) ** 2, 0.0)).mean()
    close(losses.voltage_bounds(jnp.asarray(v, dtype), low=-2.0, high=0.4), expected, dtype)
    high = np.where(v > 0.4, (v - 0.4) ** 2, 0.0).mean()
    close(losses.voltage_bounds(jnp.asarray(v, dtype), high=0.4), high, dtype)


def kernel_sum(times, signs, tau):
    """The integral of the squared sum of signed exponentials, divided by tau: half the sum over pairs of e^{-|d| / tau}."""
    return 0.5 * (signs[:, None] * signs * np.exp(-np.abs(times[:, None] - times) / tau)).sum()


@pytest.mark.parametrize("tau", [0.7, 12.0])
def test_van_rossum_distance(dtype, rng, tau):
    dt, steps = 0.5, 60
    a, b = trains(rng, (B, steps, C), 0.1), trains(rng, (B, steps, C), 0.1)
    expected = np.zeros(B)
    for sample in range(B):
        for n in range(C):
            (i,), (j,) = np.nonzero(a[sample, :, n]), np.nonzero(b[sample, :, n])
            signs = np.concatenate([np.ones(len(i)), -np.ones(len(j))])
            expected[sample] += kernel_sum(np.concatenate([i, j]) * dt, signs, tau)
    found = losses.van_rossum(jnp.asarray(a, dtype), jnp.asarray(b, dtype), tau=tau, dt=dt)
    close(found, expected, dtype)
    # A spike too many, also in the last step; one that is late by 3 ms.
    one = np.zeros((steps, 1))
    one[-1] = 1.0
    close(losses.van_rossum(jnp.asarray(one, dtype), jnp.zeros((steps, 1), dtype), tau=tau, dt=dt), 0.5, dtype)
    late = np.roll(one, -6, 0)
    close(
        losses.van_rossum(jnp.asarray(one, dtype), jnp.asarray(late, dtype), tau=tau, dt=dt),
        1 - np.exp(-3 / tau),
        dtype,
    )


def check_gradient(function, x, rtol=1e-7):
    """Against central differences, of every entry."""
    found = jax.grad(function)(x)
    h = 1e-6
    unit = np.eye(x.size).reshape(-1, *x.shape)
    expected = [(function(x + h * e) - function(x - h * e)) / (2 * h) for e in unit]
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=rtol, atol=1e-8)


def test_derivatives_of_distances_and_first_spikes(x64, rng):
    target = jnp.asarray(trains(rng, (T, 2)))
    x = jnp.asarray(rng.random((T, 2)))
    check_gradient(jax.jit(lambda s: losses.van_rossum(s, target, tau=3.0, dt=1.0)), x)
    weights = jnp.asarray(rng.normal(size=2))
    soft = jax.jit(lambda s: (losses.first_spike_time(s, dt=0.5) * weights).sum())
    check_gradient(soft, x)
    # At spikes of 0 and 1 too, where the products have zeros; it is linear in each spike.
    check_gradient(soft, target)
    times = jnp.asarray([3.0, 5.0, 9.0])
    check_gradient(jax.jit(lambda t: losses.time_to_first_spike(t, jnp.asarray(1), tau=2.0, latest=50.0)), times)


def test_first_spikes(dtype):
    s = np.zeros((2, 10, 3))
    s[0, 4, 0] = s[0, 6, 0] = s[0, 0, 1] = s[1, 9, 2] = 1.0
    # Without its first spike the neuron would spike in step 6; with one in step 2 it would at 1 ms; later ones are no matter.
    soft = lambda s: (losses.first_spike_time(s, dt=0.5)[0, 0], losses.first_spike_time(s, dt=0.5))
    (_, times), grad = jax.jit(jax.value_and_grad(soft, has_aux=True))(jnp.asarray(s, dtype))
    close(times, [[2.0, 0.0, 5.0], [5.0, 5.0, 4.5]], dtype)
    grad = grad[0, :, 0]
    np.testing.assert_allclose(grad, [-2.0, -1.5, -1.0, -0.5, -1.0, 0, 0, 0, 0, 0], rtol=1e-6)
    t = np.array([[2.0, 7.0, 30.0], [np.inf, 3.0, 4.0]])
    labels = np.array([0, 0])
    loss = lambda t: losses.time_to_first_spike(t, labels, tau=4.0, latest=20.0)
    expected = np.log(np.exp(-(np.minimum(t, 20.0) - np.minimum(t[:, :1], 20.0)) / 4.0).sum(1))
    found, grad = jax.jit(lambda t: (loss(t), jax.grad(lambda t: loss(t).sum())(t)))(jnp.asarray(t, dtype))
    close(found, expected, dtype)
    assert np.isfinite(grad).all() and grad[0, 2] == 0.0 and grad[1, 0] == 0.0 and grad[0, 0] > 0.0 > grad[0, 1]
    with pytest.raises(ValueError, match="time_to_first_spike: `latest` must be positive and finite, got inf ms"):
        losses.time_to_first_spike(jnp.asarray(t), labels, tau=4.0, latest=np.inf)


def test_losses_reach_weights_through_surrogate_spikes():
    """A neuron that should spike more, earlier and with another train: every loss moves its input the right way."""
    cell = nex.LIF(tau=10.0, surrogate=nex.SuperSpike(5.0))
    population = nex.Population(cell, 2)
    target = np.zeros((20, 2), np.float32)
    target[2::3] = 1.0

    def spikes(current):
        record = {"s": nex.output()}
        return nex.simulate(population, 20.0, 1.0, current, record=record).records["s"].values

    def all_losses(current):
        s = spikes(current)
        return jnp.stack(
            [
                losses.spike_count(s, 6.0),
                losses.van_rossum(s, target, tau=5.0, dt=1.0),
                losses.first_spike_time(s, dt=1.0).sum(),
                losses.rate_bounds(s, dt=1.0, low=200.0),
                -losses.total_count(s),
            ]
        )

    current = np.full(2, 1.3, np.float32)
    s, slopes = jax.jit(lambda x: (spikes(x), jax.jacrev(all_losses)(x)))(current)
    assert 0 < s.sum(0)[0] < 4 and s[:4].sum() == 0
    assert np.isfinite(slopes).all() and (slopes < 0.0).all()


def test_accuracy_and_confusion(rng):
    scores, labels = rng.normal(size=(50, C)), rng.integers(0, C, 50)
    found = scores.argmax(1)
    x = jnp.asarray(scores)
    assert nex.learn.accuracy(x, labels).mean() == np.float32((found == labels).mean())
    expected = np.zeros((C, C))
    for a, b in zip(labels, found, strict=True):
        expected[a, b] += 1
    np.testing.assert_array_equal(nex.learn.confusion(x, labels).sum(0), expected)
    assert nex.learn.accuracy(jnp.asarray([1.0, 1.0]), jnp.asarray(0)) == 1.0
