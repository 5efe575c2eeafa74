"""Cells, one file per model."""

from ._fitzhugh_nagumo import FitzHughNagumo as FitzHughNagumo, FitzHughNagumoState as FitzHughNagumoState
from ._graded import Graded as Graded
from ._hindmarsh_rose import HindmarshRose as HindmarshRose, HindmarshRoseState as HindmarshRoseState
from ._hodgkin_huxley import HodgkinHuxley as HodgkinHuxley, HodgkinHuxleyState as HodgkinHuxleyState
from ._leaky import Leaky as Leaky
from ._lif import LIF as LIF
from ._morris_lecar import MorrisLecar as MorrisLecar, MorrisLecarState as MorrisLecarState
from ._reset import HardReset as HardReset, SoftReset as SoftReset
from ._traub_miles import TraubMiles as TraubMiles, TraubMilesState as TraubMilesState
from ._wang_buzsaki import WangBuzsaki as WangBuzsaki, WangBuzsakiState as WangBuzsakiState
