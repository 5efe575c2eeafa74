"""Brains as Equinox pytrees: simulate, train and fit spiking networks in JAX."""

from importlib.metadata import version as _version

from . import (
    analysis as analysis,
    cable as cable,
    channels as channels,
    connect as connect,
    encode as encode,
    io as io,
    layers as layers,
    learn as learn,
    measure as measure,
    nest as nest,
    ops as ops,
    plasticity as plasticity,
    plot as plot,
    rates as rates,
    sources as sources,
    steppers as steppers,
    surrogate as surrogate,
    tasks as tasks,
)
from ._adaptive import Adaptive as Adaptive
from ._current import Affine as Affine
from ._delayed import Delayed as Delayed, solve_delayed as solve_delayed
from ._explain import explain as explain, Explanation as Explanation
from ._fields import as_parameter as as_parameter, param as param, static as static
from ._interfaces import (
    AbstractCell as AbstractCell,
    AbstractConnectivity as AbstractConnectivity,
    AbstractCoupling as AbstractCoupling,
    AbstractDrive as AbstractDrive,
    AbstractDynamics as AbstractDynamics,
    AbstractGradedCell as AbstractGradedCell,
    AbstractLinearSynapse as AbstractLinearSynapse,
    AbstractNeuron as AbstractNeuron,
    AbstractNoiseStepper as AbstractNoiseStepper,
    AbstractOutput as AbstractOutput,
    AbstractPlasticity as AbstractPlasticity,
    AbstractReset as AbstractReset,
    AbstractRule as AbstractRule,
    AbstractSparseConnectivity as AbstractSparseConnectivity,
    AbstractSpiking as AbstractSpiking,
    AbstractStepper as AbstractStepper,
    AbstractSurrogate as AbstractSurrogate,
    AbstractSynapses as AbstractSynapses,
    Side as Side,
)
from ._noise_terms import noise_terms as noise_terms
from ._record import (
    correlation as correlation,
    output as output,
    rate as rate,
    Recorder as Recorder,
    Spikes as Spikes,
    spikes as spikes,
    state as state,
    Trace as Trace,
    voltage as voltage,
    weights as weights,
)
from ._simulate import simulate as simulate, Solution as Solution
from ._solve import Located as Located, solve as solve
from ._trainable import trainable as trainable
from ._wrappers import Chain as Chain, Every as Every, Refractory as Refractory, Substeps as Substeps
from .network import (
    Interpolated as Interpolated,
    Network as Network,
    part as part,
    Population as Population,
    Projection as Projection,
    Receptor as Receptor,
)
from .neurons import (
    AdaptiveQIF as AdaptiveQIF,
    AdEx as AdEx,
    ALIF as ALIF,
    AtPeak as AtPeak,
    EscapeRate as EscapeRate,
    ExpIF as ExpIF,
    FitzHughNagumo as FitzHughNagumo,
    GIF as GIF,
    GLIF as GLIF,
    Graded as Graded,
    HardReset as HardReset,
    HindmarshRose as HindmarshRose,
    HodgkinHuxley as HodgkinHuxley,
    IF as IF,
    Izhikevich as Izhikevich,
    Izhikevich2007 as Izhikevich2007,
    Leaky as Leaky,
    LIF as LIF,
    MAT2 as MAT2,
    MorrisLecar as MorrisLecar,
    PartialReset as PartialReset,
    QIF as QIF,
    SoftReset as SoftReset,
    SpikeCurrent as SpikeCurrent,
    SpikeThreshold as SpikeThreshold,
    TraubMiles as TraubMiles,
    VoltageThreshold as VoltageThreshold,
    WangBuzsaki as WangBuzsaki,
)
from .sources import (
    GammaProcess as GammaProcess,
    NoiseCurrent as NoiseCurrent,
    OrnsteinUhlenbeck as OrnsteinUhlenbeck,
    PiecewiseCurrent as PiecewiseCurrent,
    Poisson as Poisson,
    PoissonInput as PoissonInput,
    pulse_packets as pulse_packets,
    RampCurrent as RampCurrent,
    RenewalProcess as RenewalProcess,
    Samples as Samples,
    SineCurrent as SineCurrent,
    SpikeTimes as SpikeTimes,
    StepCurrent as StepCurrent,
)
from .steppers import (
    Euler as Euler,
    EulerMaruyama as EulerMaruyama,
    Exact as Exact,
    ExpEuler as ExpEuler,
    ExpEulerBlock as ExpEulerBlock,
    FromDiffrax as FromDiffrax,
    Milstein as Milstein,
    Repeated as Repeated,
    RK4 as RK4,
    StochasticHeun as StochasticHeun,
    Strang as Strang,
    VoltageFirst as VoltageFirst,
)
from .surrogate import (
    Arctan as Arctan,
    PiecewiseLinear as PiecewiseLinear,
    Sigmoid as Sigmoid,
    SuperSpike as SuperSpike,
)
from .synapses import (
    Additive as Additive,
    Alpha as Alpha,
    AMPA as AMPA,
    COBA as COBA,
    CUBA as CUBA,
    Delta as Delta,
    DualExpon as DualExpon,
    Expon as Expon,
    GABAa as GABAa,
    GABAb as GABAb,
    GapJunction as GapJunction,
    Instant as Instant,
    LinearKernel as LinearKernel,
    MgBlock as MgBlock,
    NMDA as NMDA,
    NMDASecondOrder as NMDASecondOrder,
    RectifyingGapJunction as RectifyingGapJunction,
    STD as STD,
    STP as STP,
)


__version__ = _version("neuroeqx")
