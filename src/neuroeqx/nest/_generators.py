"""NEST's generators, with its times."""

from typing import Any

import numpy as np

from ..sources import SpikeTimes, StepCurrent


def spike_generator(spike_times: Any, indices: Any = None, n: int = 1) -> SpikeTimes:
    """NEST's `spike_generator`: a spike at t is emitted by the step that ends at t, as the spikes of a neuron are, and arrives
    at t + delay. (`SpikeTimes` itself puts a spike at t into the step that begins there.)

    **Arguments:**

    - `spike_times`: ms, positive multiples of dt, `[spikes]`.
    - `indices`: the generator of each spike, `[spikes]`, where there are several.
    - `n`: how many generators there are.

    **Returns:** a source for the `populations` of a `Network`.
    """
    times = np.asarray(spike_times, np.float64)
    if times.size and not times.min() > 0.0:
        raise ValueError(f"nest.spike_generator: `spike_times` must be positive, got {times.min():g} ms.")
    indices = np.zeros(times.shape, np.int64) if indices is None else indices
    # Times are kept in whole microseconds, of which a step has at least one.
    return SpikeTimes(times - 1e-3, indices, n)


def dc_generator(amplitude: Any, start: Any = 0.0, stop: Any = None, delay: Any = 1.0) -> StepCurrent:
    """NEST's `dc_generator`: a current that acts from `start` + `delay` to `stop` + `delay`.

    **Arguments:**

    - `amplitude`: pA, times the weight of the connection.
    - `start`, `stop`: ms, multiples of dt; it never ends without `stop`.
    - `delay`: of the connection, ms; 1 is NEST's default.

    **Returns:** a current for the `inputs` of `simulate`.
    """
    return StepCurrent(amplitude, start + delay, None if stop is None else stop + delay)
