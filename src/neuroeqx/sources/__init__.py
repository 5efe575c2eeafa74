"""Where input comes from: sources, which are nodes of a network, and currents, which drive populations."""

from ._currents import (
    NoiseCurrent as NoiseCurrent,
    PiecewiseCurrent as PiecewiseCurrent,
    RampCurrent as RampCurrent,
    SineCurrent as SineCurrent,
    StepCurrent as StepCurrent,
)
from ._gamma_process import GammaProcess as GammaProcess
from ._ornstein_uhlenbeck import OrnsteinUhlenbeck as OrnsteinUhlenbeck
from ._poisson import Poisson as Poisson
from ._poisson_input import PoissonInput as PoissonInput
from ._pulse_packets import pulse_packets as pulse_packets
from ._renewal_process import RenewalProcess as RenewalProcess
from ._samples import Samples as Samples
from ._spike_times import SpikeTimes as SpikeTimes, SpikeTimesState as SpikeTimesState
