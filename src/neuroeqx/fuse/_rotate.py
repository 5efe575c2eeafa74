"""Turning a loop: what a round does first with the arrays that it carries can end the round before.

A conductance decays, then spikes are added to it, then cells read it. Spikes are added in place, so the decay is a pass over
memory of its own; done where the cells read the conductance it is one operation more in a loop that is there anyway.
"""

import dataclasses
from typing import Any

import jax
from jax import lax
from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal, Var

from ._calls import CALLS
from ._flat import kind_of
from ._step import evaluate, Step


@dataclasses.dataclass(eq=False)
class Moved:
    """Equations that were moved from the beginning of a round to its end: from a part of the carry to `result`."""

    place: int
    equations: list[JaxprEqn]
    result: Any


def rotate(step: Step, condition: ClosedJaxpr) -> tuple[Step, list[Moved]]:
    """The step with as much as possible moved to the end of the round before; `begin` does it before the first round.

    It must not be done at the end of the last round, so nothing is moved unless `condition` is known in time.
    """
    moved = _movable(step)
    after, goes_on = _renamed(condition.jaxpr.eqns, dict(zip(condition.jaxpr.invars, step.jaxpr.outvars, strict=True)))
    last = goes_on.get(condition.jaxpr.outvars[0])
    if not moved or last is None or _waits_for_calls(step.equations + after, last):
        return step, []
    carry, outvars = step.jaxpr.invars, list(step.jaxpr.outvars)
    early = {id(eqn) for part in moved for eqn in part.equations}
    renamed = {part.result: carry[part.place] for part in moved}
    equations = [
        eqn.replace(invars=[v if isinstance(v, Literal) else renamed.get(v, v) for v in eqn.invars])
        for eqn in step.equations
        if id(eqn) not in early
    ]
    equations += after
    for part in moved:
        new: Any = outvars[part.place]
        again, names = _renamed(part.equations, {carry[part.place]: new})
        outvars[part.place] = Var(new.aval)
        select = jax.make_jaxpr(lax.select_n)(jax.ShapeDtypeStruct((), bool), new.aval, new.aval).jaxpr.eqns[0]
        equations += [*again, select.replace(invars=[last, new, names[part.result]], outvars=[outvars[part.place]])]
    return dataclasses.replace(step, jaxpr=step.jaxpr.replace(outvars=outvars), equations=equations), moved


def begin(moved: list[Moved], step: Step, known: dict[Var, Any], goes_on: Any, leaves: list[Any]) -> list[Any]:
    """The carry with which the first round begins."""
    leaves = list(leaves)
    for part in moved:
        carried = step.jaxpr.invars[part.place]
        values = evaluate(part.equations, known | {carried: leaves[part.place]})
        leaves[part.place] = lax.select_n(goes_on, leaves[part.place], values[part.result])
    return leaves


def _movable(step: Step) -> list[Moved]:
    """Chains from an array of the carry, which nothing else reads, to what a call changes in place."""
    readers: dict[Any, list[JaxprEqn]] = {}
    made = {v: eqn for eqn in step.equations for v in eqn.outvars}
    for eqn in step.equations:
        for atom in eqn.invars:
            if isinstance(atom, Var):
                readers.setdefault(atom, []).append(eqn)
    kept = {atom for atom in step.jaxpr.outvars if isinstance(atom, Var)}
    carry = step.jaxpr.invars
    found = []
    for call in step.equations:
        for place in CALLS[call.primitive.name].in_place.values() if call.primitive.name in CALLS else ():
            result: Any = call.invars[place]
            atom, user, chain = result, call, []
            while atom in made and readers[atom] == [user] and atom not in kept:
                user = made[atom]
                others = [v for v in user.invars if isinstance(v, Var) and (v in made or v in carry)]
                if len(others) != 1 or kind_of(user) not in ("elementwise", "same"):
                    break
                chain.insert(0, user)
                atom = others[0]
            own = atom in carry and readers[atom] == [user] and atom not in kept and atom.aval == result.aval
            if chain and own:
                found.append(Moved(carry.index(atom), chain, result))
    return found


def _renamed(equations: list[JaxprEqn], names: dict[Any, Any]) -> tuple[list[JaxprEqn], dict[Any, Any]]:
    """The equations again, for other inputs, and the names of what they compute."""
    names, again = dict(names), []
    for eqn in equations:
        names.update({v: Var(v.aval) for v in eqn.outvars})
        invars = [v if isinstance(v, Literal) else names.get(v, v) for v in eqn.invars]
        again.append(eqn.replace(invars=invars, outvars=[names[v] for v in eqn.outvars]))
    return again, names


def _waits_for_calls(equations: list[JaxprEqn], atom: Any) -> bool:
    needed = {atom}
    for eqn in reversed(equations):
        if any(v in needed for v in eqn.outvars):
            if eqn.primitive.name in CALLS:
                return True
            needed.update(v for v in eqn.invars if isinstance(v, Var))
    return False
