"""Cells, one file per model."""

from ._graded import Graded as Graded
from ._leaky import Leaky as Leaky
from ._lif import LIF as LIF
from ._reset import HardReset as HardReset, SoftReset as SoftReset
from ._traub_miles import TraubMiles as TraubMiles, TraubMilesState as TraubMilesState
