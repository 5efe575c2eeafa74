"""Synapses from one population to another."""

import math
from collections.abc import Sequence

import equinox as eqx

from .._interfaces import (
    AbstractCell,
    AbstractConnectivity,
    AbstractCoupling,
    AbstractPlasticity,
    AbstractRule,
    AbstractSparseConnectivity,
)
from ._interpolated import Interpolated
from ._part import as_part, Part
from ._plastic import as_rules, Plastic


class Projection(eqx.Module):
    """Synapses of one kind from one population (or a part of it) to another.

    On their way spikes pass: the delay, `release` (if any), the connectivity, the receptor of the target.

    **Arguments:**

    - `pre`, `post`: names of populations, or `part(name, start, stop)`.
    - `receptor`: the name of the target's receptor.
    - `comm`: a connectivity such as `connect.CSR(...)`, or a rule such as `connect.bernoulli(...)`, which the network
        turns into one.
    - `delay`: ms, a multiple of dt, at least dt: what a source puts out in step n first acts in step n + delay / dt.
        One step by default. Where the synapses of `comm` have delays of their own (in steps), those hold instead. Of graded
        sources also `Interpolated(...)`, which is no whole number of steps and can be trained; it is then the field
        `interpolated`.
    - `release`: kinetics kept once per source neuron, between the delay and the connectivity; its output is what the
        synapses transmit.
    - `plasticity`: a learning rule such as `plasticity.STDP()`, or several, which act in the order given. The network then
        keeps a weight for each synapse in its state, which begins as that of `comm`. A rule that is given to several
        projections (the same object) stays one: the network has it in its `plasticity`, by name.
    - `coupling`: what synapses pass instead of the output of their source, from the voltages of source and target:
        `GapJunction()`, for electrical synapses and diffusive coupling, `RectifyingGapJunction()`, `Additive()`. Before the
        first step voltages have always been what they are there. Where it depends on the voltage of the target, the
        receptor must be `Receptor(Instant(), CUBA())`.
    """

    pre: Part
    post: Part
    receptor: str = eqx.field(static=True)
    comm: AbstractConnectivity | AbstractRule
    delay: float | None = eqx.field(static=True)
    interpolated: Interpolated | None
    release: AbstractCell | None
    plasticity: tuple[AbstractPlasticity, ...] | Plastic | None
    coupling: AbstractCoupling | None

    def __init__(
        self,
        pre: str | Part,
        post: str | Part,
        receptor: str,
        comm: AbstractConnectivity | AbstractRule,
        *,
        delay: float | Interpolated | None = None,
        release: AbstractCell | None = None,
        plasticity: AbstractPlasticity | Sequence[AbstractPlasticity] | None = None,
        coupling: AbstractCoupling | None = None,
    ):
        self.pre = as_part(pre)
        self.post = as_part(post)
        self.receptor = receptor
        self.comm = comm
        self.interpolated = delay if isinstance(delay, Interpolated) else None
        self.delay = None if delay is None or isinstance(delay, Interpolated) else float(delay)
        self.release = release
        self.plasticity = as_rules(plasticity)
        self.coupling = coupling

    def __check_init__(self) -> None:
        if not isinstance(self.receptor, str):
            raise TypeError(f"Projection: `receptor` must be the name of a receptor, got {self.receptor!r}.")
        if not isinstance(self.comm, AbstractConnectivity | AbstractRule):
            raise TypeError(
                f"Projection: `comm` must be a connectivity or a rule of `neuroeqx.connect`, got "
                f"{type(self.comm).__name__}. For an array, use connect.from_dense(array)."
            )
        if self.delay is not None and not (math.isfinite(self.delay) and self.delay > 0.0):
            raise ValueError(
                f"Projection: `delay` must be positive and finite, got {self.delay} ms. The shortest delay is one step, "
                "which is also the default."
            )
        if self.interpolated is not None and self.plasticity is not None:
            raise ValueError(
                "Projection: `plasticity` goes by the step in which an output arrives, so `delay` must be a whole number of "
                "steps, in ms, and not Interpolated(...)."
            )
        if self.interpolated is not None and self.interpolated.each and self.release is not None:
            raise ValueError(
                "Projection: `release` is kept once for each source, so `delay`=Interpolated(...) must be one number, got one "
                "for each synapse."
            )
        if self.coupling is None:
            return
        if not isinstance(self.coupling, AbstractCoupling):
            raise TypeError(
                f"Projection: `coupling` must be a coupling such as GapJunction(), got {type(self.coupling).__name__}."
            )
        if self.release is not None:
            raise ValueError(
                "Projection: `release` acts on what a source puts out, `coupling` on voltages; give one or the other."
            )
        if self.plasticity is not None:
            raise ValueError(
                "Projection: `plasticity` goes by what a source puts out, `coupling` passes voltages; give one or the other."
            )

    @property
    def synapses(self) -> int:
        """The number of synapses, once a network has drawn them."""
        if not isinstance(self.comm, AbstractConnectivity):
            raise ValueError(f"Projection {self}: its rule has not been drawn yet; look at it inside a Network.")
        return self.comm.nnz

    @property
    def delays(self) -> bool:
        """Whether the synapses have delays of their own."""
        return isinstance(self.comm, AbstractSparseConnectivity) and self.comm.horizon > 0

    def steps(self, dt: float) -> int:
        """The delay in steps of `dt`; a `ValueError` with the nearest choices if that is not a whole number."""
        if self.delay is None:
            return 1
        exact = self.delay / dt
        steps = round(exact)
        if steps < 1 or abs(exact - steps) > 1e-6 * max(1.0, exact):
            below = max(1, math.floor(exact))
            raise ValueError(
                f"Projection {self}: a delay of {self.delay:g} ms is not a whole number of steps of dt = {dt:g} ms; "
                f"the nearest choices are {below * dt:g} and {(below + 1) * dt:g} ms."
            )
        return steps

    def __str__(self) -> str:
        return f"{self.pre}->{self.post}:{self.receptor}"


def named_projections(projections: Sequence[Projection]) -> dict[str, Projection]:
    """By name, which is `"pre->post:receptor"`, with a number for those that would have the same."""
    named: dict[str, Projection] = {}
    for projection in projections:
        if not isinstance(projection, Projection):
            raise TypeError(f"Network: `projections` holds a {type(projection).__name__}, not a Projection.")
        name, count = str(projection), 2
        while name in named:
            name, count = f"{projection} #{count}", count + 1
        named[name] = projection
    return named
