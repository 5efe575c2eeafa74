"""Histograms of the time between spikes."""

from typing import NamedTuple

import numpy as np

from .._record import Spikes


class Correlogram(NamedTuple):
    """How many pairs of spikes there are at each distance in time.

    - `lags`: the centres of the bins, ms, `[bins]`.
    - `counts`: the pairs whose distance lies in the bin, `[bins]`, whole numbers.
    """

    lags: np.ndarray
    counts: np.ndarray


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
    width, reach = _bins("correlogram", max_lag, bin, a.dt)
    lags = np.arange(-_before(width) - reach * width, reach * width + width - _before(width))
    steps = round((a.t1 - a.t0) / a.dt)
    x, y = (np.bincount(np.asarray(s.steps)[: int(s.count)], minlength=steps).astype(np.float64) for s in (a, b))
    # All lags at once, by Fourier transforms; sums of whole numbers are whole.
    pairs = np.rint(correlate(y, x, method="fft")) if steps else np.zeros(0)
    places = lags + steps - 1
    inside = (places >= 0) & (places < pairs.size)
    counts = np.where(inside, pairs[np.where(inside, places, 0)] if steps else 0.0, 0.0)
    return Correlogram(np.arange(-reach, reach + 1) * bin, counts.reshape(-1, width).sum(1).astype(np.int64))


def autocorrelogram(spikes: Spikes, max_lag: float, bin: float) -> Correlogram:
    """The pairs of two spikes of the same neuron, summed over neurons, by the time between them; no spike is paired with
    itself. Arguments as in `correlogram`."""
    width, reach = _bins("autocorrelogram", max_lag, bin, spikes.dt)
    order = np.argsort(spikes.indices, kind="stable")
    neurons, steps = spikes.indices[order], np.asarray(spikes.steps)[: int(spikes.count)][order].astype(np.int64)
    most = reach * width + width
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
    first = most - _before(width) - reach * width
    counts = counts[first : first + (2 * reach + 1) * width]
    return Correlogram(np.arange(-reach, reach + 1) * bin, counts.reshape(-1, width).sum(1))


def _before(width: int) -> int:
    """How many steps of a bin come before its centre."""
    return width // 2


def _bins(owner: str, max_lag: float, bin: float, dt: float) -> tuple[int, int]:
    """The width of a bin in steps, and the number of bins on either side of the one about zero."""
    width, reach = bin / dt, max_lag / bin if bin else 0.0
    if not (np.isfinite(width) and round(width) >= 1 and abs(width - round(width)) < 1e-6 * width):
        raise ValueError(f"{owner}: `bin` must be a whole number of steps of dt = {dt:g} ms, got {bin} ms.")
    if not (np.isfinite(reach) and reach >= 0.0 and abs(reach - round(reach)) < 1e-6 * max(1.0, reach)):
        raise ValueError(
            f"{owner}: `max_lag` must be a multiple of `bin` = {bin:g} ms, not negative, got {max_lag} ms."
        )
    return round(width), round(reach)
