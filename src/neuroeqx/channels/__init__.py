"""Ion channels, ions, and neurons made of them.

A `Channel` is a set of gates, a conductance and a reversal potential; a `Membrane` is channels with the ions that flow through
them; a `PointCell` is a membrane with a capacitance, a neuron as any other. Every number is a parameter that can be
trained. Units are ms, mV, mM, mS/cm2, uF/cm2 and uA/cm2, and currents are inward: positive ones depolarise.

Channels by name of the literature are functions that return a `Channel`, `na_hh1952()`.
"""

from ._channel import (
    AbstractChannel as AbstractChannel,
    AbstractDriving as AbstractDriving,
    Channel as Channel,
    GHK as GHK,
)
from ._gates import (
    AbstractGate as AbstractGate,
    InstantGate as InstantGate,
    Q10 as Q10,
    RateGate as RateGate,
    RelaxationGate as RelaxationGate,
)
from ._ions import (
    AbstractIon as AbstractIon,
    CalciumFirstOrder as CalciumFirstOrder,
    CalciumPool as CalciumPool,
    FixedIon as FixedIon,
    IonValues as IonValues,
    nernst as nernst,
    NernstIon as NernstIon,
)
from ._leak import k_leak as k_leak, leak as leak
from ._membrane import Membrane as Membrane, MembraneState as MembraneState
from ._point_cell import PointCell as PointCell, PointCellState as PointCellState
from ._potassium import k_hh1952 as k_hh1952, k_m as k_m, k_traub as k_traub
from ._rates import (
    AbstractRate as AbstractRate,
    Bell as Bell,
    Binding as Binding,
    Boltzmann as Boltzmann,
    Constant as Constant,
    Exponential as Exponential,
    Gaussian as Gaussian,
    Hill as Hill,
    Linoid as Linoid,
    Piecewise as Piecewise,
)
from ._sodium import na_hh1952 as na_hh1952, na_traub as na_traub
