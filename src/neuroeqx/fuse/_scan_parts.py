"""A fused scan in two: what is known and what is not, or what is needed and what is not."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal

from ._scan_lanes import Scan


@dataclasses.dataclass(frozen=True)
class Part:
    """
    - `loop`: a scan that makes some results of another one.
    - `operands`, `results`: which of those of the other these are.
    """

    loop: Scan
    operands: list[int]
    results: list[int]


def part(loop: Scan, wanted: Sequence[bool]) -> Part:
    """What some results need. The carry that they need is among the results."""
    body, consts, last = loop.body.jaxpr, loop.consts, loop.consts + loop.carry
    kept = list(wanted)
    while True:
        outs = [v for v, flag in zip(body.outvars, kept, strict=True) if flag]
        equations, read = needed_by(body.eqns, outs)
        carried = [flag or v in read for v, flag in zip(body.invars[consts:last], kept, strict=False)]
        if carried == kept[: loop.carry]:
            break
        kept[: loop.carry] = carried
    used = [kept[i - consts] if consts <= i < last else v in read for i, v in enumerate(body.invars)]
    operands = [i for i, flag in enumerate(used) if flag]
    invars = [body.invars[i] for i in operands]
    own = dataclasses.replace(
        loop,
        body=ClosedJaxpr(body.replace(invars=invars, outvars=outs, eqns=equations), []),
        consts=sum(used[:consts]),
        carry=sum(carried),
        batched=tuple(loop.batched[i] for i in operands),
    )
    return Part(own, operands, [k for k, flag in enumerate(kept) if flag])


def needed_by(equations: Sequence[JaxprEqn], outvars: Sequence[Any]) -> tuple[list[JaxprEqn], set[Any]]:
    """The equations that some variables need, and all that these read."""
    read = {atom for atom in outvars if not isinstance(atom, Literal)}
    kept = []
    for eqn in reversed(equations):
        if any(v in read for v in eqn.outvars):
            read.update(atom for atom in eqn.invars if not isinstance(atom, Literal))
            kept.append(eqn)
    return kept[::-1], read


@dataclasses.dataclass(frozen=True)
class Parts:
    """
    - `known`: the part that depends on nothing unknown. After its own results come carries, as they were before each step.
    - `rest`: the others; `sources` says where its operands come from: the operands of the whole, followed by those carries.
    """

    known: Part
    rest: Part
    sources: list[int]

    def run(self, bind: Callable[..., list[Any]], operands: Sequence[Any]) -> tuple[dict[int, Any], list[Any]]:
        """The known results by their places, and the operands of the rest."""
        results = bind(*(operands[i] for i in self.known.operands), loop=self.known.loop)
        before = results[len(self.known.results) :]
        return dict(zip(self.known.results, results, strict=False)), [[*operands, *before][i] for i in self.sources]


def parts(loop: Scan, unknown: Sequence[bool], results: bool = True) -> Parts:
    """
    - `unknown`: of the operands.
    - `results`: whether the known results are wanted, or only what the rest needs.
    """
    body, first, last = loop.body.jaxpr, loop.consts, loop.consts + loop.carry
    flags, changed = loop.depends(unknown)
    given = [i for i in range(first, last) if not flags[i]]
    moved = [i for i in range(first, last) if flags[i]]
    order = [*range(first), *moved, *given, *range(last, len(body.invars))]
    outs = [v for v, flag in zip(body.outvars, changed, strict=True) if flag]
    whole = dataclasses.replace(
        loop,
        body=ClosedJaxpr(body.replace(invars=[body.invars[i] for i in order], outvars=outs), []),
        carry=len(moved),
        batched=tuple(loop.batched[i] for i in order),
    )
    rest = part(whole, [True] * len(outs))
    places = [order[i] for i in rest.operands]
    stored = [i for i in places if i in given]
    saving = dataclasses.replace(
        loop, body=ClosedJaxpr(body.replace(outvars=[*body.outvars, *(body.invars[i] for i in stored)]), [])
    )
    known = part(saving, [results and not flag for flag in changed] + [True] * len(stored))
    own = [k for k in known.results if k < len(body.outvars)]
    numbers = [k for k, flag in enumerate(changed) if flag]
    return Parts(
        dataclasses.replace(known, results=own),
        dataclasses.replace(rest, results=[numbers[k] for k in rest.results]),
        [len(body.invars) + stored.index(i) if i in stored else i for i in places],
    )
