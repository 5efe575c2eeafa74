"""Cells, one file per model."""

from ._adaptive_qif import AdaptiveQIF as AdaptiveQIF, AdaptiveQIFState as AdaptiveQIFState
from ._adex import AdEx as AdEx, AdExState as AdExState
from ._alif import ALIF as ALIF, ALIFState as ALIFState
from ._at_peak import AtPeak as AtPeak
from ._escape_rate import EscapeRate as EscapeRate
from ._exp_if import ExpIF as ExpIF
from ._fitzhugh_nagumo import FitzHughNagumo as FitzHughNagumo, FitzHughNagumoState as FitzHughNagumoState
from ._gif import GIF as GIF, GIFState as GIFState
from ._glif import (
    GLIF as GLIF,
    GLIFState as GLIFState,
    SpikeThreshold as SpikeThreshold,
    VoltageThreshold as VoltageThreshold,
)
from ._graded import Graded as Graded
from ._hindmarsh_rose import HindmarshRose as HindmarshRose, HindmarshRoseState as HindmarshRoseState
from ._hodgkin_huxley import HodgkinHuxley as HodgkinHuxley, HodgkinHuxleyState as HodgkinHuxleyState
from ._if import IF as IF
from ._izhikevich import Izhikevich as Izhikevich, IzhikevichState as IzhikevichState
from ._izhikevich2007 import Izhikevich2007 as Izhikevich2007, Izhikevich2007State as Izhikevich2007State
from ._leaky import Leaky as Leaky
from ._lif import LIF as LIF
from ._mat2 import MAT2 as MAT2, MAT2State as MAT2State
from ._morris_lecar import MorrisLecar as MorrisLecar, MorrisLecarState as MorrisLecarState
from ._qif import QIF as QIF
from ._reset import HardReset as HardReset, PartialReset as PartialReset, SoftReset as SoftReset
from ._spike_current import SpikeCurrent as SpikeCurrent
from ._traub_miles import TraubMiles as TraubMiles, TraubMilesState as TraubMilesState
from ._wang_buzsaki import WangBuzsaki as WangBuzsaki, WangBuzsakiState as WangBuzsakiState
