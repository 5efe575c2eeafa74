"""Products of sparse matrices in compressed rows with spikes."""

from ._matvec import (
    add_matvec as add_matvec,
    add_outer as add_outer,
    matvec as matvec,
    outer as outer,
    rmatvec as rmatvec,
)
