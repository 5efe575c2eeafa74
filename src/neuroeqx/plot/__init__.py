"""Figures. matplotlib is imported when the first one is drawn."""

from ._bifurcation import bifurcation as bifurcation
from ._connectivity import connectivity as connectivity
from ._phase_plane import phase_plane as phase_plane
from ._raster import raster as raster
from ._rates import rates as rates
from ._traces import traces as traces
