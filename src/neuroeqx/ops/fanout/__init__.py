"""Products of matrices with a fixed number of targets per source with spikes."""

from ._matvec import (
    add_matvec as add_matvec,
    matvec as matvec,
    outer as outer,
    rmatvec as rmatvec,
)
