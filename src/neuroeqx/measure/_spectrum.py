"""Power spectra of spike trains."""

from typing import Any

import numpy as np

from ._trains import observed


def power_spectrum(
    trains: Any, bin: float, segment: float, t0: float | None = None, t1: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The two-sided power spectral density of spike trains, each taken as a sum of delta functions in Hz, averaged over trains
    (Welch 1967): of a Poisson process its rate, at all frequencies.

    Segments overlap by half, under Hann windows, with their means taken away. For the spectrum of a population's activity give
    all its spikes as one train.

    **Arguments:**

    - `trains`: a record of spikes, the times of one train (ms), or a list of such.
    - `bin`: the resolution in time, ms: frequencies reach 500 / bin Hz.
    - `segment`: ms, a multiple of `bin`: frequencies are 1000 / segment Hz apart.
    - `t0`, `t1`: as in `rates`.

    **Returns:** frequencies, Hz, from 0 on; and the density, Hz^2 / Hz.
    """
    from scipy.signal import welch

    found = observed("power_spectrum", trains, t0, t1)
    activity = found.counts(bin) * (1000.0 / bin)
    length = round(segment / bin)
    if abs(length - segment / bin) > 1e-6 * length or not 2 <= length <= activity.shape[1]:
        raise ValueError(
            f"power_spectrum: `segment` must be a multiple of `bin` = {bin:g} ms, of at least 2 bins and at most the "
            f"{found.t1 - found.t0:g} ms observed, got {segment:g} ms."
        )
    frequencies, density = welch(activity, fs=1000.0 / bin, nperseg=length, return_onesided=False, axis=1)
    kept = length // 2 + 1
    return np.abs(frequencies[:kept]), density.mean(0)[:kept]
