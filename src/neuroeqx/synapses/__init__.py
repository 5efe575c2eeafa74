"""Synaptic kinetics and how they become currents, one file per model."""

from ._additive import Additive as Additive
from ._alpha import Alpha as Alpha
from ._coba import COBA as COBA
from ._cuba import CUBA as CUBA
from ._delta import Delta as Delta
from ._dual_expon import DualExpon as DualExpon
from ._expon import Expon as Expon
from ._gaba_b import GABAb as GABAb
from ._gap_junction import GapJunction as GapJunction
from ._instant import Instant as Instant
from ._kinetics import AMPA as AMPA, GABAa as GABAa
from ._linear_kernel import LinearKernel as LinearKernel
from ._mg_block import MgBlock as MgBlock
from ._nmda import NMDA as NMDA
from ._nmda_second_order import NMDASecondOrder as NMDASecondOrder
from ._rectifying_gap_junction import RectifyingGapJunction as RectifyingGapJunction
from ._std import STD as STD
from ._stp import STP as STP
