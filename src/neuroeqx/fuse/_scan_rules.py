"""How a fused scan is differentiated.

In forward mode values and tangents are one scan. In reverse mode that is taken apart: a scan that also keeps the carry as it
was before each step, and one of the tangents alone, which is linear and computes all else again. Its transpose is a scan
backwards in time. All of them are fused scans.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Var
from jax.interpreters import ad, partial_eval as pe

from ..ops._primitive import bind, zero_tangent
from ._call import Unsupported
from ._scan import meaning, scan_p
from ._scan_derivatives import backward, pushed, zeros
from ._scan_lanes import Scan
from ._scan_parts import part, parts


def _bind(*operands: Any, loop: Scan) -> list[Any]:
    return list(bind(scan_p, *operands, loop=loop)) if loop.body.jaxpr.outvars else []


def _with_members(x: Any, shape: tuple[int, ...], axis: int) -> Any:
    """What is the same for all members, if it is so, once for each."""
    return x if x.ndim == len(shape) else jnp.broadcast_to(jnp.expand_dims(x, axis), shape)


# Forward mode


def _jvp(primals: Sequence[Any], tangents: Sequence[Any], *, loop: Scan) -> tuple[Any, Any]:
    moving = [not isinstance(t, ad.Zero) and t.dtype != jax.dtypes.float0 for t in tangents]
    try:
        own = pushed(loop, moving)
    except Unsupported:
        return _plain_jvp(primals, tangents, moving, loop)
    avals = [v.aval for v in loop.body.jaxpr.invars]
    changes = {
        i: _vectors(own.lanes, avals[i], primals[i], tangents[i] if moving[i] else None)
        for i, flag in enumerate(own.moving)
        if flag
    }
    operands, last = list(own.extra), loop.consts + loop.carry
    for group in (range(loop.consts), range(loop.consts, last), range(last, len(primals))):
        operands += [*(primals[i] for i in group), *(changes[i] for i in group if i in changes)]
    results = iter(_bind(*operands, loop=own.loop))
    _, batched = loop.depends(loop.batched)
    outs, moved = [], []
    for group in (range(loop.carry), range(loop.carry, len(own.moved))):
        for k in group:
            lead = ((loop.length,) if k >= loop.carry else ()) + ((loop.members or 1,) if batched[k] else ())
            outs.append(
                _with_members(next(results), lead + loop.body.jaxpr.outvars[k].aval.shape, int(k >= loop.carry))
            )
        for k in group:
            moved.append(
                _gathered(own.lanes, k >= loop.carry, loop, k, outs[k], next(results)) if own.moved[k] else None
            )
    return outs, [zero_tangent(x) if t is None else t for x, t in zip(outs, moved, strict=True)]


def _vectors(lanes: int, aval: Any, x: Any, tangent: Any) -> Any:
    """A tangent with a number for each lane; zero if there is none."""
    lead, inner = x.shape[: x.ndim - aval.ndim], (lanes,) if lanes > 1 else ()
    if tangent is None:
        return jnp.zeros((*lead, *inner), aval.dtype)
    if aval.size == lanes:
        return tangent.reshape((*lead, *inner))
    return jnp.broadcast_to(tangent.reshape((*lead, 1)), (*lead, *inner))


def _gathered(lanes: int, timed: bool, loop: Scan, k: int, x: Any, tangent: Any) -> Any:
    """The tangent of a result from numbers for each lane."""
    aval = loop.body.jaxpr.outvars[k].aval
    lead, inner = x.shape[: x.ndim - aval.ndim], (lanes,) if lanes > 1 else ()
    tangent = _with_members(tangent, (*lead, *inner), int(timed))
    return (tangent if aval.size == lanes else tangent[..., 0]).reshape(x.shape)


def _plain_jvp(primals: Sequence[Any], tangents: Sequence[Any], moving: list[bool], loop: Scan) -> tuple[Any, Any]:
    """That of `lax.scan`, where tangents do not keep to lanes."""
    places = [i for i, flag in enumerate(moving) if flag]

    def function(*values: Any) -> list[Any]:
        given = list(primals)
        for i, value in zip(places, values, strict=True):
            given[i] = value
        return meaning(*given, loop=loop)

    results, changes = jax.jvp(function, [primals[i] for i in places], [tangents[i] for i in places])
    none = lambda x: x.dtype == jax.dtypes.float0
    return results, [zero_tangent(x) if none(d) else d for x, d in zip(results, changes, strict=True)]


# Taking apart


def _partial_eval(trace: Any, *tracers: Any, loop: Scan) -> list[Any]:
    unknown = [not t.is_known() for t in tracers]
    own = parts(loop, unknown)
    values = [t if flag else t.pval.get_known() for t, flag in zip(tracers, unknown, strict=True)]
    results, operands = own.run(_bind, values)
    if own.rest.results:
        outs = trace.default_process_primitive(scan_p, operands, {"loop": own.rest.loop})
        results |= dict(zip(own.rest.results, outs, strict=True))
    return [results[k] for k in range(len(loop.body.jaxpr.outvars))]


def _partial_eval_custom(saveable: Any, unknown: Any, there: Any, eqn: Any) -> tuple[Any, Any, Any, Any, list[Any]]:
    """Inside of `jax.checkpoint`: what is known, and all of it again."""
    del saveable
    loop = eqn.params["loop"]
    _, flags = loop.depends(unknown)
    known = part(loop, [not flag for flag in flags])
    eqn_known = eqn.replace(
        invars=[eqn.invars[i] for i in known.operands],
        outvars=[eqn.outvars[k] for k in known.results],
        params={"loop": known.loop},
    )
    needed = [v for v, flag in zip(eqn.invars, there, strict=True) if isinstance(v, Var) and not flag]
    return eqn_known if known.results else None, eqn, list(flags), [True] * len(flags), needed


def _dce(used: list[bool], eqn: Any) -> tuple[list[bool], Any]:
    if not any(used):
        return [False] * len(eqn.invars), None
    own = part(eqn.params["loop"], used)
    taken = [False] * len(eqn.invars)
    for i in own.operands:
        taken[i] = True
    invars, outvars = [eqn.invars[i] for i in own.operands], [eqn.outvars[k] for k in own.results]
    return taken, eqn.replace(invars=invars, outvars=outvars, params={"loop": own.loop})


# Reverse mode


def _transpose(cotangents: Sequence[Any], *operands: Any, loop: Scan) -> list[Any]:
    undefined = [ad.is_undefined_primal(x) for x in operands]
    own = parts(loop, undefined, results=False)
    _, given = own.run(_bind, operands)
    rest, first, last = own.rest.loop, own.rest.loop.consts, own.rest.loop.consts + own.rest.loop.carry
    linear = [first <= i < last or ad.is_undefined_primal(x) for i, x in enumerate(given)]
    cts = [cotangents[k] for k in own.rest.results]
    live = [not isinstance(ct, ad.Zero) for ct in cts]
    places = lambda begin, end, flag: [i for i in range(begin, end) if linear[i] == flag]
    consts, sums = places(0, first, False), places(0, first, True)
    xs, changes = places(last, len(given), False), places(last, len(given), True)
    back = backward(rest, linear, [flag for flag in live[rest.carry :]])
    inner = back.loop
    carry = [zeros(inner, inner.consts + k) for k in range(inner.carry)]
    for k in range(rest.carry):
        if live[k]:
            carry[len(sums) + k] = _with_members(cts[k], carry[len(sums) + k].shape, 0)
    values = [*back.extra, *(given[i] for i in consts), *carry, *(given[i] for i in xs)]
    values += [ct for ct, flag in zip(cts[rest.carry :], live[rest.carry :], strict=True) if flag]
    results = dict(zip([*sums, *range(first, last), *changes], _bind(*values, loop=inner), strict=True))
    found = [ad.Zero(x.aval) if flag else None for x, flag in zip(operands, undefined, strict=True)]
    for i, source in enumerate(own.sources):
        if source < len(operands) and undefined[source]:
            found[source] = _of_operand(results[i], rest, i, int(i >= last))
    return found


def _of_operand(x: Any, loop: Scan, place: int, axis: int) -> Any:
    """The cotangent of an operand: the sum over the members of a batch that share it."""
    aval = loop.body.jaxpr.invars[place].aval
    shape = ((loop.length,) if axis else ()) + ((loop.members or 1,) if loop.batched[place] else ()) + aval.shape
    return jnp.sum(x, axis) if x.ndim > len(shape) else _with_members(x, shape, axis)


ad.primitive_jvps[scan_p] = _jvp
ad.primitive_transposes[scan_p] = _transpose
pe.custom_partial_eval_rules[scan_p] = _partial_eval
pe.partial_eval_jaxpr_custom_rules[scan_p] = _partial_eval_custom
pe.dce_rules[scan_p] = _dce
