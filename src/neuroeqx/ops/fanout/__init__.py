"""Products of matrices with a fixed number of targets per source with spikes."""

from ._matvec import (
    add_matvec as add_matvec,
    add_outer as add_outer,
    matvec as matvec,
    outer as outer,
    rmatvec as rmatvec,
)
