"""Figures. matplotlib is imported when the first one is drawn."""

from ._connectivity import connectivity as connectivity
from ._raster import raster as raster
from ._rates import rates as rates
from ._traces import traces as traces
