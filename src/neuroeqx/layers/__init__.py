"""Spiking layers for models of Equinox: sequences in, sequences out."""

from ._cells import LayerState as LayerState
from ._constraints import (
    AbstractConstraint as AbstractConstraint,
    Bounded as Bounded,
    Constrained as Constrained,
    Dale as Dale,
    Positive as Positive,
    resolve as resolve,
)
from ._counted import Counted as Counted, CountedState as CountedState
from ._delays import DelayedLinear as DelayedLinear, Delays as Delays
from ._feedforward import Feedforward as Feedforward
from ._initialisers import fluctuation_driven as fluctuation_driven, rate_driven as rate_driven
from ._latency import latency_steps as latency_steps, LatencyLinear as LatencyLinear
from ._readouts import (
    FirstSpike as FirstSpike,
    LastStep as LastStep,
    MaxOverTime as MaxOverTime,
    MeanOverTime as MeanOverTime,
    SpikeCount as SpikeCount,
)
from ._recurrent import Recurrent as Recurrent
from ._sequence import AbstractSequenceLayer as AbstractSequenceLayer
