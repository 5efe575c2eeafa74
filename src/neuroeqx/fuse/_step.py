"""The step of a loop as equations: what every round shares, and whether native code can take the rest."""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

from ._blocks import BLOCKS, programs_of
from ._broadcast import BROADCASTS, repeats_operands
from ._call import Unsupported
from ._calls import CALLS
from ._elementwise import EMITTERS
from ._flat import check, name_of, nested
from ._lift import lift
from ._random import is_key
from ._scan_params import counts, is_over_its_carry


_WORTH = 4  # elementwise operations on arrays from which a loop is made native: XLA fuses a few itself
_REPEAT = 8  # as many times that, where an array is repeated along axes, which XLA fuses too


@dataclasses.dataclass(eq=False)
class Step:
    """
    - `jaxpr`: from the carry to the carry, without its equations.
    - `before`: what depends on constants alone, to be computed once.
    - `equations`: the others, in order.
    - `kept`: for every one that native code cannot take its name and the reason.
    """

    jaxpr: Jaxpr
    consts: list[Any]
    before: list[JaxprEqn]
    equations: list[JaxprEqn]
    kept: list[tuple[str, str]]

    @property
    def native(self) -> bool:
        """Whether native code can take all of it, and there is enough to do."""
        if self.kept:
            return False
        least = _WORTH
        if not any(eqn.primitive.name in CALLS and eqn.primitive.name not in BROADCASTS for eqn in self.equations):
            least *= 1 + _REPEAT * sum(map(repeats_operands, self.equations))
        return _work(self.equations) >= least

    def prepare(self) -> dict[Var, Any]:
        """The constants, and what is computed from them."""
        return evaluate(self.before, dict(zip(self.jaxpr.constvars, self.consts, strict=True)))


def _work(equations: list[JaxprEqn]) -> int:
    """How many equations make arrays, those of programs within included."""
    work = sum(getattr(eqn.outvars[0].aval, "shape", ()) != () for eqn in equations)
    blocks = [eqn for eqn in equations if eqn.primitive.name in BLOCKS]
    return work + sum(_work(closed.jaxpr.eqns) for eqn in blocks for closed in programs_of(eqn))


def evaluate(equations: list[JaxprEqn], known: dict[Var, Any]) -> dict[Var, Any]:
    """What is known, and what the equations make of it."""
    env = dict(known)
    for eqn in equations:
        args = [atom.val if isinstance(atom, Literal) else env[atom] for atom in eqn.invars]
        results = eqn.primitive.bind(*args, **eqn.primitive.get_bind_params(eqn.params))
        env.update(zip(eqn.outvars, results if eqn.primitive.multiple_results else [results], strict=True))
    return env


_SMALL = 4  # numbers; a key has two


def as_step(closed: ClosedJaxpr) -> Step:
    """Sorts the equations of a traced step, in which nested `jit` is written out."""
    equations: list[JaxprEqn] = []
    outvars = _inline(closed.jaxpr, list(closed.consts), {}, equations)
    jaxpr = closed.jaxpr.replace(eqns=[], outvars=outvars, effects=frozenset())
    sorter = _Sorter(set(jaxpr.constvars))
    rest, kept = sorter.sort(equations, outvars), []
    for eqn in rest:
        try:
            check(eqn)
        except Unsupported as reason:
            kept.append((eqn.primitive.name, str(reason)))
    return Step(jaxpr, list(closed.consts), sorter.before, rest, kept)


class _Sorter:
    """Finds what depends on constants alone."""

    def __init__(self, known: set[Var]):
        self.known = known
        self.before: list[JaxprEqn] = []
        self.whole: dict[Any, Var] = {}  # constants that are repeated along axes, by themselves and their new shape

    def sort(self, equations: list[JaxprEqn], outvars: list[Any]) -> list[JaxprEqn]:
        """Of what `outvars` need, that which differs from round to round. The rest is noted as `before`."""
        known, before = self.known, self.before
        filled: dict[Var, JaxprEqn] = {}  # not worth an array in memory, such as the same number everywhere
        rest: list[JaxprEqn] = []
        for eqn in _needed(equations, outvars):
            eqn = _with_whole(eqn, known, before, self.whole)
            if _is_constant(eqn, known, filled) or (_depends_on(eqn, known, filled) and _is_no_loop(eqn)):
                before += [*_sources(eqn, filled), eqn]
                known.update(eqn.outvars)
                continue
            if _depends_on(eqn, known, filled):
                filled.update({v: eqn for v in eqn.outvars})
            if eqn.primitive.name in BLOCKS:
                eqn = lift(eqn, known, self.sort, _inline)
            rest.append(_as_product(eqn, known, before))
        return rest


def _as_product(eqn: JaxprEqn, known: set[Var], before: list[JaxprEqn]) -> JaxprEqn:
    """A division by numbers that stay the same as a product with what they are inverted to once."""
    divisor: Any = eqn.invars[-1] if eqn.invars else None
    result: Any = eqn.outvars[0]
    if eqn.primitive.name != "div" or isinstance(divisor, Literal) or divisor not in known:
        return eqn
    real = jnp.issubdtype(divisor.aval.dtype, jnp.floating)
    if not real or not divisor.aval.shape or divisor.aval.shape != result.aval.shape:
        return eqn
    inverse = Var(divisor.aval)
    [invert] = jax.make_jaxpr(lambda x: lax.integer_pow(x, -1))(divisor.aval).jaxpr.eqns
    before.append(invert.replace(invars=[divisor], outvars=[inverse]))
    known.add(inverse)
    [product] = jax.make_jaxpr(lax.mul)(divisor.aval, divisor.aval).jaxpr.eqns
    return product.replace(invars=[eqn.invars[0], inverse], outvars=eqn.outvars)


def _with_whole(eqn: JaxprEqn, known: set[Var], before: list[JaxprEqn], whole: dict[Any, Var]) -> JaxprEqn:
    """An elementwise equation with constants that are repeated along axes as whole arrays, which are made once."""
    target: Any = getattr(eqn.outvars[0].aval, "shape", ()) if eqn.outvars else ()
    if eqn.primitive.name not in EMITTERS:
        return eqn
    invars = list(eqn.invars)
    for k, v in enumerate(eqn.invars):
        shape = getattr(v.aval, "shape", ())
        if isinstance(v, Literal) or v not in known or is_key(v.aval) or shape == target or math.prod(shape) == 1:
            continue
        if (v, target) not in whole:
            repeated = functools.partial(lax.broadcast_in_dim, shape=target, broadcast_dimensions=range(len(shape)))
            [repeat] = jax.make_jaxpr(repeated)(v.aval).jaxpr.eqns
            whole[v, target] = Var(repeat.outvars[0].aval)
            before.append(repeat.replace(invars=[v], outvars=[whole[v, target]]))
            known.add(whole[v, target])
        invars[k] = whole[v, target]
    return eqn.replace(invars=invars)


def _sources(eqn: JaxprEqn, filled: dict[Var, JaxprEqn]) -> list[JaxprEqn]:
    """What has to be computed first."""
    own = [filled[v] for v in eqn.invars if isinstance(v, Var) and v in filled]
    return [source for each in own for source in (*_sources(each, filled), each)]


def _depends_on(eqn: JaxprEqn, known: set[Var], filled: dict[Var, JaxprEqn]) -> bool:
    """Whether an equation depends on nothing but constants."""
    return not eqn.effects and all(isinstance(v, Literal) or v in known or v in filled for v in eqn.invars)


def _is_no_loop(eqn: JaxprEqn) -> bool:
    """Whether an equation has no native code, or code that is no part of a loop over arrays."""
    try:
        check(eqn)
    except Unsupported:
        return True
    return eqn.primitive.name in CALLS and eqn.primitive.name not in BROADCASTS


def _is_constant(eqn: JaxprEqn, known: set[Var], filled: dict[Var, JaxprEqn]) -> bool:
    """Whether an equation is the same in every round, and its result small or no larger than what it is computed from."""
    inputs = [atom for atom in eqn.invars if isinstance(atom, Var)]
    if not _depends_on(eqn, known, filled):
        return False
    given = [v for v in inputs if v in known]
    if not given:
        return not inputs and is_key(eqn.outvars[0].aval)  # others are constants of the native code
    size = lambda v: getattr(v.aval, "size", 0)
    if eqn.primitive.name == "broadcast_in_dim" and size(given[0]) > 1:
        return True
    return max(map(size, eqn.outvars), default=0) <= max(_SMALL, *map(size, given))


def _inline(jaxpr: Jaxpr, consts: list[Any], env: dict[Var, Any], equations: list[JaxprEqn]) -> list[Any]:
    """The equations of a jaxpr, nested `jit` written out, with variables renamed by `env`."""
    read = lambda atom: atom if isinstance(atom, Literal) else env.get(atom, atom)
    for eqn in jaxpr.eqns:
        args = [read(atom) for atom in eqn.invars]
        if name_of(eqn) in ("jit", "pjit", "closed_call"):
            inner, inner_consts = nested(eqn)
            if not inner_consts and not inner.constvars:
                # The same jaxpr may be called twice, so its variables need new names.
                renamed = {v: Var(v.aval) for e in inner.eqns for v in e.outvars}
                own = dict(zip(inner.invars, args, strict=True)) | renamed
                outs = _inline(inner, [], own, equations)
                env.update(zip(eqn.outvars, outs, strict=True))
                continue
        if _can_unroll(eqn):
            body, (given, _) = eqn.params["jaxpr"].jaxpr, counts(eqn)
            consts, carry = args[:given], args[given:]
            for _ in range(eqn.params["length"]):
                renamed = {v: Var(v.aval) for e in body.eqns for v in e.outvars}
                own = dict(zip(body.invars, [*consts, *carry], strict=True)) | renamed
                carry = _inline(body, [], own, equations)
            env.update(zip(eqn.outvars, carry, strict=True))
            continue
        outvars = [env.get(v, v) for v in eqn.outvars]
        equations.append(eqn.replace(invars=args, outvars=outvars))
    return [read(atom) for atom in jaxpr.outvars]


_UNROLLED = 512  # equations


def _can_unroll(eqn: JaxprEqn) -> bool:
    """Whether an equation is a short loop over nothing but its carry: substeps of a step."""
    if eqn.primitive.name != "scan" or eqn.params["jaxpr"].consts:
        return False
    return is_over_its_carry(eqn) and eqn.params["length"] * len(eqn.params["jaxpr"].jaxpr.eqns) <= _UNROLLED


def _needed(equations: list[JaxprEqn], outvars: list[Any]) -> list[JaxprEqn]:
    needed = {atom for atom in outvars if isinstance(atom, Var)}
    kept = []
    for eqn in reversed(equations):
        if eqn.effects or any(v in needed for v in eqn.outvars):
            needed.update(atom for atom in eqn.invars if isinstance(atom, Var))
            kept.append(eqn)
    return kept[::-1]
