"""Histograms of the time between spikes."""

import numpy as np

from .._correlation import bins, Correlogram
from .._record import Spikes


def correlogram(a: Spikes, b: Spikes, max_lag: float, bin: float) -> Correlogram:
    """The cross-correlation histogram: the pairs of a spike of `a` and a spike of `b`, by how much later that of `b` is.

    Each spike of any neuron of `a` is paired with each of any neuron of `b`, within the run, as NEST's `correlation_detector`
    counts them. Of independent stationary trains a bin at the lag s holds rate_a rate_b (t1 - t0 - |s|) bin on average,
    with the rates of all neurons together.

    **Arguments:**

    - `a`, `b`: records of one run.
    - `max_lag`: the centres of the outermost bins, ms, a multiple of `bin`.
    - `bin`: the width of the bins, ms, a multiple of dt. A bin reaches from half a width before its centre until before half
        a width after it; so it is symmetric where the width is an odd number of steps.
    """
    from scipy.signal import correlate

    if (a.t0, a.t1, a.dt) != (b.t0, b.t1, b.dt):
        raise ValueError(
            f"correlogram: `a` and `b` must be of one run, got {a.t0:g} ... {a.t1:g} ms in steps of {a.dt:g} and "
            f"{b.t0:g} ... {b.t1:g} ms in steps of {b.dt:g}."
        )
    within = bins("correlogram", max_lag, bin, a.dt)
    lags = np.arange(within.first, within.end)
    steps = round((a.t1 - a.t0) / a.dt)
    x, y = (np.bincount(np.asarray(s.steps)[: int(s.count)], minlength=steps).astype(np.float64) for s in (a, b))
    # All lags at once, by Fourier transforms; sums of whole numbers are whole.
    pairs = np.rint(correlate(y, x, method="fft")) if steps else np.zeros(0)
    places = lags + steps - 1
    inside = (places >= 0) & (places < pairs.size)
    counts = np.where(inside, pairs[np.where(inside, places, 0)] if steps else 0.0, 0.0)
    return Correlogram(within.centres(a.dt), counts.reshape(-1, within.width).sum(1).astype(np.int64))


def autocorrelogram(spikes: Spikes, max_lag: float, bin: float) -> Correlogram:
    """The pairs of two spikes of the same neuron, summed over neurons, by the time between them; no spike is paired with
    itself. Arguments as in `correlogram`."""
    within = bins("autocorrelogram", max_lag, bin, spikes.dt)
    order = np.argsort(spikes.indices, kind="stable")
    neurons, steps = spikes.indices[order], np.asarray(spikes.steps)[: int(spikes.count)][order].astype(np.int64)
    most = max(-within.first, within.end)
    counts = np.zeros(2 * most + 1, np.int64)
    # Each spike with the k-th after it, until none is near enough.
    for k in range(1, len(steps)):
        distance = (steps[k:] - steps[:-k])[neurons[k:] == neurons[:-k]]
        near = distance[distance <= most]
        if near.size == 0:
            break
        found = np.bincount(near, minlength=most + 1)
        counts[most:] += found
        counts[: most + 1] += found[::-1]
    counts = counts[most + within.first : most + within.end]
    return Correlogram(within.centres(spikes.dt), counts.reshape(-1, within.width).sum(1))
