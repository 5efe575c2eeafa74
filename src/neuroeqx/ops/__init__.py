"""Functions of arrays: the only place where backends exist."""

from . import (
    csr as csr,
    dense as dense,
    events as events,
    fanout as fanout,
    latency as latency,
    procedural as procedural,
    tree as tree,
)
from ._export import export_checks as export_checks, register_exported as register_exported
from .change import change_active as change_active, CHUNK as CHUNK
