"""Where input comes from: spike sources, which are nodes of a network, and currents, which drive populations."""

from ._currents import (
    NoiseCurrent as NoiseCurrent,
    RampCurrent as RampCurrent,
    SineCurrent as SineCurrent,
    StepCurrent as StepCurrent,
)
from ._poisson import Poisson as Poisson
from ._samples import Samples as Samples
from ._spike_times import SpikeTimes as SpikeTimes, SpikeTimesState as SpikeTimesState
