"""Products of matrices whose synapses are drawn again at every use, and take no memory."""

from ._law import Grid as Grid, Law as Law
from ._matvec import (
    add_matvec as add_matvec,
    matvec as matvec,
    outer as outer,
    rmatvec as rmatvec,
)
from ._rows import linear_weights as linear_weights, rows_of as rows_of
from ._tables import accept_table as accept_table, gap_table as gap_table, normal_table as normal_table
