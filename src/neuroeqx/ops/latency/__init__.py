"""Products with spikes of which every source has one at most, given by the step in which it comes."""

from ._matvec import matvec as matvec
