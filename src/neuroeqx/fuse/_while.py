"""A loop over time whose whole step is native: one call for all steps."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun, Primitive, Var
from jax.interpreters import batching

from ..ops._primitive import bind
from ._blocks import BLOCKS
from ._call import Unsupported
from ._flat import check, Flat, flatten
from ._lowering import register
from ._plan import loops_within, Plan, plan
from ._random import is_key
from ._rotate import begin, Moved, rotate
from ._simplify import simplify
from ._step import as_step, Step


@dataclasses.dataclass(frozen=True, eq=False)
class Loop:
    """
    - `body`: from constants and carry to the carry.
    - `condition`: from constants and carry to whether to go on.
    - `consts`: how many of their inputs are constants.
    - `packs`: constants that are single numbers, each group of one dtype handed over as one array.
    """

    body: ClosedJaxpr
    condition: ClosedJaxpr
    consts: int
    packs: tuple[tuple[int, ...], ...]

    @property
    def rest(self) -> list[int]:
        packed = {i for pack in self.packs for i in pack}
        return [i for i in range(len(self.body.jaxpr.invars)) if i not in packed]

    @functools.cached_property
    def flat(self) -> Flat:
        return simplify(flatten(self.body))


def while_loop(condition: Callable[[Any], Any], body: Callable[[Any], Any], carry: Any) -> Any:
    """As `jax.lax.while_loop`; on CPU one native call for all rounds, if everything in them is known to native code."""
    leaves, tree = jax.tree.flatten(carry)
    step, goes_on = as_step(jax.make_jaxpr(body)(carry)), jax.make_jaxpr(condition)(carry)
    made = _loop_of(step, goes_on)
    if made is None:
        return lax.while_loop(condition, body, carry)
    loop, consts, moved = made
    known = step.prepare()
    leaves = begin(moved, step, known, condition(carry), leaves)
    values = [known[c] if isinstance(c, Var) else c for c in consts] + leaves
    packed = [jnp.stack([values[i] for i in pack]) for pack in loop.packs]
    return tree.unflatten(bind(loop_p, *packed, *(values[i] for i in loop.rest), loop=loop, batched=None))


def _loop_of(step: Step, condition: ClosedJaxpr) -> tuple[Loop, list[Any], list[Moved]] | None:
    """The loop, its constants (variables of the step, and values of the condition) and how it is begun.

    `None` unless everything is native.
    """
    carry, outputs = step.jaxpr.invars, step.jaxpr.outvars
    made = {v for eqn in step.equations for v in eqn.outvars}
    if any(is_key(v.aval) for v in carry):
        return None
    if not step.native or any(v not in made and v is not own for v, own in zip(outputs, carry, strict=True)):
        return None  # the latter would be a part of the carry that moves to another place
    try:
        for eqn in condition.jaxpr.eqns:
            check(eqn)
            if eqn.primitive.name in BLOCKS:
                return None
    except Unsupported:
        return None
    step, moved = rotate(step, condition)
    outputs, made = step.jaxpr.outvars, {v for eqn in step.equations for v in eqn.outvars}
    used = dict.fromkeys(atom for eqn in step.equations for atom in eqn.invars if isinstance(atom, Var))
    extra = condition.jaxpr.constvars
    consts = [v for v in used if v not in made and v not in carry and v not in extra]
    invars = [*consts, *extra, *carry]
    body = step.jaxpr.replace(constvars=[], invars=invars, outvars=outputs, eqns=step.equations)
    own = condition.jaxpr.replace(constvars=[], invars=[*consts, *extra, *condition.jaxpr.invars])
    kinds: dict[Any, list[int]] = {}
    for i, v in enumerate(invars[: len(consts) + len(extra)]):
        if v.aval.shape == () and not is_key(v.aval):
            kinds.setdefault(v.aval.dtype, []).append(i)
    packs = tuple(map(tuple, kinds.values()))
    loop = Loop(ClosedJaxpr(body, []), ClosedJaxpr(own, []), len(consts) + len(extra), packs)
    return None if _moves(loop) else (loop, [*consts, *condition.consts], moved)


def _moves(loop: Loop) -> bool:
    """Whether a part of the carry becomes another one as it is. Both would be changed in place, in some order."""
    flat = loop.flat
    views = {id(op.outputs[0]): op.inputs[0] for op in flat.operations if op.kind == "view"}
    for j, atom in enumerate(flat.outputs):
        source: Any = atom
        while id(source) in views:
            source = views[id(source)]
        if (
            not atom.scalar
            and any(source is value for value in flat.inputs)
            and atom is not flat.inputs[loop.consts + j]
        ):
            return True
    return False


def _inputs(operands: Any, loop: Loop) -> list[Any]:
    inputs: list[Any] = [None] * len(loop.body.jaxpr.invars)
    for pack, operand in zip(loop.packs, operands, strict=False):
        for k, i in enumerate(pack):
            inputs[i] = operand[k]
    for i, operand in zip(loop.rest, operands[len(loop.packs) :], strict=True):
        inputs[i] = operand
    return inputs


def _meaning(*operands: Any, loop: Loop, batched: tuple[bool, ...] | None) -> list[Any]:
    if batched is not None:
        one = functools.partial(_meaning, loop=loop, batched=None)
        return jax.vmap(one, in_axes=tuple(0 if own else None for own in batched))(*operands)
    inputs = _inputs(operands, loop)
    consts, carry = inputs[: loop.consts], inputs[loop.consts :]
    body, condition = jaxpr_as_fun(loop.body), jaxpr_as_fun(loop.condition)
    return list(lax.while_loop(lambda c: condition(*consts, *c)[0], lambda c: list(body(*consts, *c)), carry))


def _native(*given: Any, loop: Loop, batched: tuple[bool, ...] | None) -> list[Any]:
    avals = [v.aval for v in loop.body.jaxpr.invars]
    if any(math.prod(aval.shape) == 0 for aval in avals):
        return _meaning(*given, loop=loop, batched=batched)
    from . import _compile  # imports llvmlite

    carried = range(loop.consts, len(avals))
    pairs = tuple((i, i - loop.consts) for i in carried)
    planned = plan(loop.flat, pairs)
    layout = _compile.Layout(planned, loop.packs, batched)
    target = _compile.target(planned, layout, simplify(flatten(loop.condition)), loop.consts)
    operands = [jax.random.key_data(x) if is_key(x) else x for x in given]
    members = () if batched is None else (operands[-1].shape[0],)
    threads = () if batched is None else (2,)
    results = [jax.ShapeDtypeStruct((*members, *aval.shape), aval.dtype) for aval in avals[loop.consts :]]
    results += [jax.ShapeDtypeStruct((*threads, *room.shape), room.dtype) for room in planned.room]
    aliases = {layout.operands[i]: i - loop.consts for i in carried}
    call = jax.ffi.ffi_call(target, results, input_output_aliases=aliases)
    return list(call(*operands))[: len(avals) - loop.consts]


def _results(*operands: Any, loop: Loop, batched: tuple[bool, ...] | None) -> list[Any]:
    avals = [v.aval for v in loop.body.jaxpr.outvars]
    if batched is None:
        return avals
    return [aval.update(shape=(operands[-1].shape[0], *aval.shape), sharding=None) for aval in avals]


def _batch(
    operands: Sequence[Any], axes: Sequence[Any], *, loop: Loop, batched: tuple[bool, ...] | None
) -> tuple[list[Any], list[int]]:
    """Each member of a batch runs its own loop. Of what is not batched there is one for all, except in the carry."""
    size = next(x.shape[axis] for x, axis in zip(operands, axes, strict=True) if axis is not None)
    first = len(operands) - (len(loop.body.jaxpr.invars) - loop.consts)
    own = [False] * len(operands) if batched is None else batched
    flags, members = [], []
    for i, (x, axis) in enumerate(zip(operands, axes, strict=True)):
        outer = axis is not None or i >= first
        x = jnp.broadcast_to(x, (size, *x.shape)) if axis is None and outer else x
        x = jnp.moveaxis(x, axis, 0) if axis is not None else x
        if batched is not None:  # a batch of batches is one
            inner = operands[-1].shape[0] if axes[-1] is None else jnp.moveaxis(operands[-1], axes[-1], 0).shape[1]
            if outer and not own[i]:
                x = jnp.broadcast_to(x[:, None], (size, inner, *x.shape[1:]))
            elif own[i] and not outer:
                x = jnp.broadcast_to(x, (size, *x.shape))
            x = x.reshape(size * inner, *x.shape[2:]) if outer or own[i] else x
        flags.append(outer or own[i])
        members.append(x)
    outs = loop_p.bind(*members, loop=loop, batched=tuple(flags))
    if batched is not None:
        outs = [x.reshape(size, -1, *x.shape[1:]) for x in outs]
    return outs, [0] * len(outs)


loop_p = Primitive("neuroeqx_fused_while")
loop_p.multiple_results = True
loop_p.def_abstract_eval(_results)
loop_p.def_impl(lambda *operands, **params: jax.jit(functools.partial(_meaning, **params))(*operands))
batching.primitive_batchers[loop_p] = _batch
register(loop_p, _meaning, cpu=_native)


def is_native(jaxpr: Jaxpr) -> bool:
    """Whether a native loop is among the equations."""
    return any(eqn.primitive is loop_p for eqn in jaxpr.eqns)


def explain(body: Callable[[Any], Any], carry: Any) -> tuple[list[tuple[int, int]], list[str], list[tuple[str, str]]]:
    """What a round consists of: its native loops (operations, length) and calls, or none, and what keeps it in XLA."""
    step = as_step(jax.make_jaxpr(body)(carry))
    if not step.native:
        return [], [], step.kept or [("the step", "has too little to do")]
    jaxpr = step.jaxpr
    used = dict.fromkeys(atom for eqn in step.equations for atom in eqn.invars if isinstance(atom, Var))
    made = {v for eqn in step.equations for v in eqn.outvars}
    invars = list(dict.fromkeys([*(v for v in used if v not in made), *jaxpr.invars]))
    flat = simplify(flatten(ClosedJaxpr(jaxpr.replace(constvars=[], invars=invars, eqns=step.equations), [])))
    planned = plan(flat, ())
    return [(len(loop), loop[0].outputs[0].size) for loop in loops_within(planned)], _calls(planned), []


def _calls(planned: Plan) -> list[str]:
    """The names of all calls, those of programs within included."""
    own = [operation.name for operation in planned.flat.operations if operation.kind == "call"]
    return own + [name for parts in planned.parts.values() for part in parts for name in _calls(part.plan)]
