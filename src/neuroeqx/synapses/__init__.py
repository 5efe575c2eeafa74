"""Synaptic kinetics and how they become currents, one file per model."""

from ._coba import COBA as COBA
from ._cuba import CUBA as CUBA
from ._expon import Expon as Expon
from ._instant import Instant as Instant
