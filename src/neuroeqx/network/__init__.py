"""Populations, projections, and the networks they form."""

from ._history import History as History
from ._interpolated import in_range as in_range, Interpolated as Interpolated
from ._network import Network as Network, NetworkState as NetworkState
from ._part import Part as Part, part as part
from ._plastic import Plastic as Plastic, Traces as Traces
from ._population import Population as Population, PopulationState as PopulationState
from ._projection import Projection as Projection
from ._receptor import Receptor as Receptor
