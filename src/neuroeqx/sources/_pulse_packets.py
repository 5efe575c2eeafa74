"""Volleys of spikes."""

from typing import Any

import jax
import jax.random as jr
import numpy as np

from .._fields import as_shape
from .._types import is_tracer, Key
from ._spike_times import SpikeTimes


def pulse_packets(times: Any, activity: Any, sdev: float, shape: int, *, key: Key) -> SpikeTimes:
    """Sources that emit pulse packets: around every pulse each source spikes `activity` times, at times that are independent
    and normally distributed about that of the pulse (Diesmann, Gewaltig & Aertsen 1999).

    **Arguments:**

    - `times`: the centres of the packets, ms, `[packets]`.
    - `activity`: how many spikes each source emits in a packet, a whole number.
    - `sdev`: their standard deviation, ms, not negative.
    - `shape`: the number of sources, each with packets of its own.
    - `key`: decides the spike times.

    **Returns:** a `SpikeTimes`. Spikes that would come before time 0 are left out.
    """
    (n,) = as_shape("pulse_packets", shape)
    if is_tracer(key):
        raise TypeError("pulse_packets lists its spikes on the host, so its `key` cannot be traced.")
    centres = np.atleast_1d(np.asarray(times, np.float64))
    if centres.ndim != 1 or not np.all(np.isfinite(centres)):
        raise ValueError(f"pulse_packets: `times` must be a list of finite numbers, got {times!r}.")
    if isinstance(activity, bool) or not isinstance(activity, int | np.integer) or activity < 0:
        raise ValueError(f"pulse_packets: `activity` must be a whole number of spikes, not negative, got {activity!r}.")
    if not (np.isfinite(sdev) and sdev >= 0.0):
        raise ValueError(f"pulse_packets: `sdev` must be finite and not negative, got {sdev} ms.")
    with jax.ensure_compile_time_eval():
        offsets = np.asarray(jr.normal(key, (n, centres.size, int(activity))), np.float64)
    spikes = centres[:, None] + sdev * offsets
    sources = np.broadcast_to(np.arange(n)[:, None, None], spikes.shape)
    kept = spikes >= 0.0
    return SpikeTimes(spikes[kept], sources[kept], n)
