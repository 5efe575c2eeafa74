"""Connectivities, the rules that draw them, and distributions of weights, delays and initial values."""

from ._all_to_all import all_to_all as all_to_all, AllToAll as AllToAll
from ._bernoulli import Bernoulli as Bernoulli, bernoulli as bernoulli
from ._csr import CSR as CSR
from ._delays import in_steps as in_steps, integers as integers
from ._dense import Dense as Dense
from ._distributions import (
    gamma as gamma,
    lognormal as lognormal,
    normal as normal,
    truncated_normal as truncated_normal,
    uniform as uniform,
)
from ._fan_out import FanOut as FanOut
from ._fixed_degree import (
    fixed_in_degree as fixed_in_degree,
    fixed_out_degree as fixed_out_degree,
    FixedDegree as FixedDegree,
)
from ._fixed_total import fixed_total as fixed_total, FixedTotal as FixedTotal
from ._given import from_dense as from_dense, from_edges as from_edges, from_scipy as from_scipy, Given as Given
from ._lattice import Lattice as Lattice, lattice as lattice
from ._one_to_one import one_to_one as one_to_one, OneToOne as OneToOne
from ._plastic import plastic as plastic
from ._procedural import Procedural as Procedural, procedural as procedural, ProceduralRule as ProceduralRule
from ._tracts import Connectome as Connectome, synthetic_connectome as synthetic_connectome, tracts as tracts
from ._transpose import Transpose as Transpose
