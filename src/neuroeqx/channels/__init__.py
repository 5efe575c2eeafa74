"""Ion channels, ions, and neurons made of them.

A `Channel` is a set of gates, a conductance and a reversal potential; a `Membrane` is channels with the ions that flow through
them; a `PointCell` is a membrane with a capacitance, a neuron as any other. Every number is a parameter that can be
trained. Units are ms, mV, mM, mS/cm2, uF/cm2 and uA/cm2, and currents are inward: positive ones depolarise.

Channels by name of the literature are functions that return a `Channel`, `na_hh1952()`.
"""

from ._calcium import (
    ca_hva as ca_hva,
    ca_l as ca_l,
    ca_t_hm1992 as ca_t_hm1992,
    ca_t_hp1992 as ca_t_hp1992,
    can as can,
    k_ahp as k_ahp,
)
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
from ._hyperpolarisation import CalciumDependentIh as CalciumDependentIh, h_hm1992 as h_hm1992
from ._ions import (
    AbstractIon as AbstractIon,
    CalciumFirstOrder as CalciumFirstOrder,
    CalciumPool as CalciumPool,
    FixedIon as FixedIon,
    IonPool as IonPool,
    IonValues as IonValues,
    nernst as nernst,
    NernstIon as NernstIon,
)
from ._layer5 import (
    ca_lva as ca_lva,
    h_kole as h_kole,
    k_im as k_im,
    k_p as k_p,
    k_sk as k_sk,
    k_t as k_t,
    k_v3_1 as k_v3_1,
    na_p as na_p,
    na_ta as na_ta,
    na_ts2 as na_ts2,
)
from ._leak import k_leak as k_leak, leak as leak
from ._membrane import Membrane as Membrane, MembraneState as MembraneState
from ._point_cell import PointCell as PointCell, PointCellState as PointCellState
from ._potassium import k_hh1952 as k_hh1952, k_m as k_m, k_traub as k_traub
from ._pump import SodiumPotassiumPump as SodiumPotassiumPump
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
    Raised as Raised,
    TauOfRates as TauOfRates,
)
from ._sodium import na_hh1952 as na_hh1952, na_traub as na_traub
from ._thalamic import k_2a as k_2a, k_2b as k_2b, k_a1 as k_a1, k_a2 as k_a2
