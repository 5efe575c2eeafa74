"""A scan over time whose body is elementwise: one native call in which the state of each lane stays in registers."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun, JaxprEqn, Literal, Primitive, Var
from jax.interpreters import batching

from ..ops._primitive import bind, result_type
from ._call import Unsupported
from ._lowering import register
from ._scan_lanes import from_lanes, lanes_of, result_shapes, Scan, to_lanes
from ._scan_params import counts
from ._step import as_step, evaluate


_MOST = 2**31 - 2**16  # lanes, so that places fit 32 bits


def scan(
    body: Callable[[Any, Any], tuple[Any, Any]],
    carry: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
) -> Any:
    """As `jax.lax.scan`; one native call for all steps if the body does the same to each lane, whatever the others do.

    The body must be elementwise over arrays of one size, in any shapes, and over single numbers: a layer of neurons that do
    not know of each other. On CPU the time loop is inside of the loop over vectors, on GPUs inside of a Triton kernel. Its
    derivatives, to any order, are such scans too.
    """
    define = lambda carry, xs: lax.scan(body, carry, xs, length, reverse)
    defined, shape = jax.make_jaxpr(define, return_shape=True)(carry, xs)
    loops = [eqn for eqn in defined.jaxpr.eqns if eqn.primitive.name == "scan"]
    made = _scan_of(loops[0]) if len(loops) == 1 else None
    if made is None:
        return lax.scan(body, carry, xs, length, reverse)
    leaves = [x if isinstance(x, jax.Array) else jnp.asarray(x) for x in jax.tree.leaves((carry, xs))]
    env = dict(zip(defined.jaxpr.constvars, defined.consts, strict=True))
    env |= dict(zip(defined.jaxpr.invars, leaves, strict=True))
    for eqn in defined.jaxpr.eqns:
        if eqn is loops[0]:
            env.update(zip(eqn.outvars, made([_value(atom, env) for atom in eqn.invars]), strict=True))
        else:
            env = evaluate([eqn], env)
    return jax.tree.unflatten(jax.tree.structure(shape), [_value(atom, env) for atom in defined.jaxpr.outvars])


def _value(atom: Any, env: dict[Var, Any]) -> Any:
    return atom.val if isinstance(atom, Literal) else env[atom]


def _scan_of(eqn: JaxprEqn) -> Callable[[list[Any]], list[Any]] | None:
    """From the operands of an equation of `lax.scan` to its results, in one native call if that is possible."""
    closed, (consts, carry) = eqn.params["jaxpr"], counts(eqn)
    length, jaxpr = eqn.params["length"], closed.jaxpr
    if length == 0 or closed.effects:
        return None
    step = as_step(
        ClosedJaxpr(
            jaxpr.replace(constvars=[*jaxpr.constvars, *jaxpr.invars[:consts]], invars=jaxpr.invars[consts:]),
            [*closed.consts, *range(consts)],
        )
    )
    if step.kept:
        return None
    outvars, made = step.jaxpr.outvars, {v for e in step.equations for v in e.outvars}
    atoms = [atom for e in step.equations for atom in e.invars] + list(outvars)
    used = dict.fromkeys(v for v in atoms if isinstance(v, Var) and v not in made and v not in step.jaxpr.invars)
    own = step.jaxpr.replace(constvars=[], invars=[*used, *step.jaxpr.invars], outvars=outvars, eqns=step.equations)
    batched = (False,) * len(own.invars)
    loop = Scan(ClosedJaxpr(own, []), len(used), carry, length, None, batched, eqn.params["reverse"])
    try:
        size = lanes_of(loop).size
    except Unsupported:
        return None
    if size > _MOST:
        return None

    def run(operands: list[Any]) -> list[Any]:
        known = dict(zip(step.jaxpr.constvars, [*closed.consts, *operands[:consts]], strict=True))
        known = evaluate(step.before, known)
        return list(bind(scan_p, *(jnp.asarray(known[v]) for v in used), *operands[consts:], loop=loop))

    return run


def is_scan(jaxpr: Jaxpr) -> bool:
    """Whether such a call is among the equations."""
    return any(eqn.primitive is scan_p for eqn in jaxpr.eqns)


# The primitive


def _one(*operands: Any, loop: Scan) -> list[Any]:
    last = loop.consts + loop.carry
    consts, carry, xs = operands[: loop.consts], operands[loop.consts : last], operands[last:]
    body = jaxpr_as_fun(loop.body)

    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        results = body(*consts, *carry, *x)
        return list(results[: loop.carry]), list(results[loop.carry :])

    carry, ys = lax.scan(step, list(carry), list(xs), length=loop.length, reverse=loop.reverse)
    return [*carry, *ys]


def meaning(*operands: Any, loop: Scan) -> list[Any]:
    """In pure JAX."""
    one = functools.partial(_one, loop=loop)
    if loop.members is None:
        return one(*operands)
    _, batched = loop.depends(loop.batched)
    axes = _axes(loop, loop.batched, loop.consts + loop.carry)
    results = jax.vmap(one, in_axes=axes, out_axes=_axes(loop, batched, loop.carry), axis_size=loop.members)(*operands)
    return list(results)


def _axes(loop: Scan, batched: Sequence[bool], timed: int) -> list[int | None]:
    """The axes of members, where there are such; behind that of time from place `timed` on."""
    return [(1 if i >= timed else 0) if flag else None for i, flag in enumerate(batched)]


def _native(*operands: Any, loop: Scan) -> list[Any]:
    from . import _scan_emit  # imports llvmlite

    return _by_kernel(_scan_emit.call, operands, loop)


def _triton(*operands: Any, loop: Scan) -> list[Any]:
    from . import _triton

    return _by_kernel(_triton.call, operands, loop)


def _by_kernel(call: Callable[..., list[Any]], operands: Any, loop: Scan) -> list[Any]:
    lanes = lanes_of(loop)
    if lanes.size > _MOST:
        return meaning(*operands, loop=loop)
    try:
        results = call(lanes, loop.length, to_lanes(loop, lanes, operands), result_shapes(loop, lanes))
    except Unsupported:
        return meaning(*operands, loop=loop)
    return from_lanes(loop, lanes, results)


def _results(*operands: Any, loop: Scan) -> list[Any]:
    _, batched = loop.depends(loop.batched)
    avals = []
    for k, (v, flag) in enumerate(zip(loop.body.jaxpr.outvars, batched, strict=True)):
        lead = () if k < loop.carry else (loop.length,)
        shape = (*lead, *((loop.members or 1,) if flag else ()), *v.aval.shape)
        like = result_type(operands[0], shape) if operands else v.aval.update(shape=shape)
        avals.append(like.update(dtype=v.aval.dtype, weak_type=v.aval.weak_type))
    return avals


def _batch(operands: Sequence[Any], axes: Sequence[Any], *, loop: Scan) -> tuple[list[Any], list[int | None]]:
    """A batch of lanes is more lanes; a batch of batches is one."""
    size = next(x.shape[axis] for x, axis in zip(operands, axes, strict=True) if axis is not None)
    inner = loop.members or 1
    _, before = loop.depends(loop.batched)
    flags, after = loop.depends(tuple(a is not None or b for a, b in zip(axes, loop.batched, strict=True)))
    given = []
    for i, (x, axis, flag) in enumerate(zip(operands, axes, flags, strict=True)):
        lead = int(i >= loop.consts + loop.carry)
        if flag:
            x = jnp.expand_dims(x, lead) if axis is None else jnp.moveaxis(x, axis, lead)
            x = x if loop.batched[i] else jnp.expand_dims(x, lead + 1)
            rest = x.shape[lead + 2 :]
            x = jnp.broadcast_to(x, (*x.shape[:lead], size, inner, *rest)).reshape(*x.shape[:lead], size * inner, *rest)
        given.append(x)
    whole = dataclasses.replace(loop, members=size * inner, batched=flags)
    _, outer = loop.depends([axis is not None for axis in axes])
    results, places = [], []
    for k, x in enumerate(scan_p.bind(*given, loop=whole)):
        lead = int(k >= loop.carry)
        if after[k]:
            x = x.reshape(*x.shape[:lead], size, inner, *x.shape[lead + 1 :])
            # Slices, for the transpose of a gather is a scatter.
            x = x if before[k] else lax.index_in_dim(x, 0, lead + 1, keepdims=False)
            # Some callers rely on it that what is the same for all members is told to be so.
            x = x if outer[k] else lax.index_in_dim(x, 0, lead, keepdims=False)
        results.append(x)
        places.append(lead if outer[k] else None)
    return results, places


scan_p = Primitive("neuroeqx_fused_scan")
scan_p.multiple_results = True
scan_p.def_abstract_eval(_results)
scan_p.def_impl(lambda *operands, loop: jax.jit(functools.partial(scan_p.bind, loop=loop))(*operands))
batching.primitive_batchers[scan_p] = _batch
register(scan_p, meaning, cpu=_native, cuda=_triton, rocm=_triton)
