"""Products of dense matrices with spikes."""

from ._matvec import add_matvec as add_matvec, matvec as matvec
