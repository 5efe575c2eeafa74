"""From values to spikes: pure functions of arrays, for use under `jit`, `vmap` and `grad`.

Spikes are 0 and 1 in the dtype of the values, with time as the first axis, `[steps, ...]`. Rates are in Hz, times in ms. Sparse
forms are the step of each input's one spike (`spike_steps`), and lists of the units and steps of all spikes (`events`).
"""

from ._delta import delta as delta
from ._events import Events as Events, events as events
from ._latency import (
    latency as latency,
    linear_latency as linear_latency,
    spike_steps as spike_steps,
    spikes_at as spikes_at,
)
from ._phase import phase_weights as phase_weights, weighted_phase as weighted_phase
from ._population import gaussian as gaussian, population as population, von_mises as von_mises
from ._trains import poisson as poisson, rate as rate
