"""What a network is, in a few lines."""

from typing import Any

from ..connect import Procedural
from ._plastic import Plastic
from ._population import Population
from ._projection import Projection


def described(net: Any) -> str:
    """Its populations, and its projections with their numbers of synapses."""
    cells = "\n".join(f"  {name}: {_kind(p)}, {'x'.join(map(str, p.shape))}" for name, p in net.populations.items())
    synapses = "\n".join(
        f"  {name}: {type(p.comm).__name__} with {_count(p)} synapses"
        + (f", delay {p.delay:g} ms" if p.delay is not None else "")
        + (f", {p.interpolated}" if p.interpolated is not None else "")
        + (f", {' and '.join(p.plasticity.rules)}" if isinstance(p.plasticity, Plastic) else "")
        + (f", {type(p.coupling).__name__}" if p.coupling is not None else "")
        for name, p in net.projections.items()
    )
    return f"Network of\n{cells}\nand\n{synapses}" if synapses else f"Network of\n{cells}"


def _count(projection: Projection) -> str:
    """The number of synapses, on average where counting them would mean to draw them all."""
    comm = projection.comm
    return f"about {comm.expected_nnz:.0f}" if isinstance(comm, Procedural) else str(projection.synapses)


def _kind(model: Any) -> str:
    """The name of a cell or source, with what its wrappers hold: `Refractory(LIF)`."""
    if isinstance(model, Population):
        return _kind(model.cell)
    inner = getattr(model, "cell", None)
    return type(model).__name__ + ("" if inner is None else f"({_kind(inner)})")
