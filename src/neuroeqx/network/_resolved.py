"""A projection as a network has it: its ends found, its matrix drawn."""

import math
from typing import Any

import equinox as eqx

from .._interfaces import AbstractRule
from .._types import Key
from . import _coupling
from ._interpolated import check_graded, check_shape
from ._population import Population
from ._projection import Projection


def resolved(name: str, projection: Projection, populations: dict[str, Any], key: Key | None) -> Projection:
    """A projection with its matrix, of the kind that it needs; a `ValueError` that names it if it does not fit."""
    for end in (projection.pre, projection.post):
        if end.name not in populations:
            raise ValueError(
                f"Network: projection {name!r} names a population {end.name!r}; there are {sorted(populations)}."
            )
    target = populations[projection.post.name]
    receptors = target.receptors if isinstance(target, Population) else {}
    if projection.receptor not in receptors:
        raise ValueError(
            f"Network: projection {name!r} names a receptor {projection.receptor!r} of population "
            f"{projection.post.name!r}, which has {sorted(receptors)}."
        )
    start, stop = projection.pre.bounds(math.prod(populations[projection.pre.name].shape))
    first, last = projection.post.bounds(target.size)
    shape = (stop - start, last - first)
    comm = projection.comm
    if isinstance(comm, AbstractRule):
        comm = comm(*shape, key=key)
    if comm.shape != shape:
        raise ValueError(
            f"Network: the connectivity of projection {name!r} has shape {comm.shape}, but its source and target "
            f"have {shape[0]} and {shape[1]} cells."
        )
    found = eqx.tree_at(lambda p: p.comm, projection, comm)
    own = "Interpolated(...)" if projection.interpolated is not None else projection.delay
    if found.delays and own is not None:
        shown = own if isinstance(own, str) else f"{own:g} ms"
        raise ValueError(
            f"Network: projection {name!r} has a delay of {shown}, but its synapses have delays of "
            "their own; give one or the other."
        )
    if found.coupling is not None:
        found = _coupling.resolved(name, found, populations)
    if found.interpolated is None:
        return found
    check_graded(name, found, populations)
    if found.interpolated.each:
        found = _coupling.one_by_one(found)
    check_shape(name, found)
    return found
