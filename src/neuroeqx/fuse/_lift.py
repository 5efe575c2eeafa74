"""What programs within a step compute from constants alone, taken out of them, to be computed once."""

from collections.abc import Callable
from typing import Any

from jax.extend.core import ClosedJaxpr, JaxprEqn, Literal, Var

from ._blocks import programs_of
from ._scan_params import counts, is_over_its_carry, with_constants


Sort = Callable[[list[JaxprEqn], list[Any]], list[JaxprEqn]]
Inline = Callable[[Any, list[Any], dict[Any, Any], list[JaxprEqn]], list[Any]]


def lift(eqn: JaxprEqn, known: set[Var], sort: Sort, inline: Inline) -> JaxprEqn:
    """An equation of `BLOCKS` without what its programs compute from constants, which it is given instead.

    **Arguments:**

    - `known`: the constants.
    - `sort`: takes those of some equations out that depend on constants alone, given also what has to be known of them.
    - `inline`: writes nested equations out.
    """
    name, params = eqn.primitive.name, eqn.params
    if any(closed.consts for closed in programs_of(eqn)):
        return eqn
    if name == "cond":
        index, *operands = eqn.invars
        parts = [_without(closed, operands, known, sort, inline) for closed in params["branches"]]
        given = list(dict.fromkeys(v for _, own in parts for v in own))
        branches = tuple(_with_inputs(closed, given) for closed, _ in parts)
        rest = [v for v in operands if not _is_known(v, known)]
        return eqn.replace(invars=[index, *given, *rest], params=params | {"branches": branches})
    if name == "scan":
        if not is_over_its_carry(eqn):
            return eqn  # which has no native code
        n, carry = counts(eqn)
        closed, given = _without(params["jaxpr"], eqn.invars[:n], known, sort, inline)
        kept = [k for k, v in enumerate(eqn.invars) if k >= n or not _is_known(v, known)]
        invars = [*given, *(eqn.invars[k] for k in kept)]
        own = with_constants(params, _with_inputs(closed, given), len(invars) - carry, carry)
        return eqn.replace(invars=invars, params=own)
    first, second = params["cond_nconsts"], params["body_nconsts"]
    consts = eqn.invars[:first], eqn.invars[first : first + second]
    programs = params["cond_jaxpr"], params["body_jaxpr"]
    parts = [_without(closed, own, known, sort, inline) for closed, own in zip(programs, consts, strict=True)]
    rest = [[v for v in own if not _is_known(v, known)] for own in consts]
    lists = [[*given, *others] for (_, given), others in zip(parts, rest, strict=True)]
    condition, body = (_with_inputs(*part) for part in parts)
    own = {"cond_jaxpr": condition, "cond_nconsts": len(lists[0]), "body_jaxpr": body, "body_nconsts": len(lists[1])}
    return eqn.replace(invars=[*lists[0], *lists[1], *eqn.invars[first + second :]], params=params | own)


def _is_known(atom: Any, known: set[Var]) -> bool:
    return not isinstance(atom, Literal) and atom in known


def _without(
    closed: ClosedJaxpr, given: list[Any], known: set[Var], sort: Sort, inline: Inline
) -> tuple[ClosedJaxpr, list[Any]]:
    """A program whose first inputs are `given`, without those that are known, and the constants that it needs instead."""
    jaxpr = closed.jaxpr
    constants = {v: own for v, own in zip(jaxpr.invars, given, strict=False) if _is_known(own, known)}
    renamed = {v: Var(v.aval) for eqn in jaxpr.eqns for v in eqn.outvars}
    equations: list[JaxprEqn] = []
    outvars = inline(jaxpr, [], constants | renamed, equations)
    equations = sort(equations, outvars)
    used = [atom for eqn in equations for atom in eqn.invars] + outvars
    needed = list(dict.fromkeys(atom for atom in used if _is_known(atom, known)))
    invars = [v for v in jaxpr.invars if v not in constants]
    return ClosedJaxpr(jaxpr.replace(invars=invars, outvars=outvars, eqns=equations), []), needed


def _with_inputs(closed: ClosedJaxpr, given: list[Var]) -> ClosedJaxpr:
    return ClosedJaxpr(closed.jaxpr.replace(invars=[*given, *closed.jaxpr.invars]), [])
