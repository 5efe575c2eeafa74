"""Learning rules, one file per rule."""

from ._bcm import BCM as BCM
from ._clopath import Clopath as Clopath
from ._dependence import (
    AbstractDependence as AbstractDependence,
    Additive as Additive,
    Multiplicative as Multiplicative,
    PowerLaw as PowerLaw,
)
from ._oja import Oja as Oja
from ._reward_stdp import RewardSTDP as RewardSTDP
from ._stdp import STDP as STDP
from ._synaptic_scaling import SynapticScaling as SynapticScaling
from ._triplet_stdp import TripletSTDP as TripletSTDP
from ._vogels import Vogels as Vogels
