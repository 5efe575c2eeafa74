"""A body evaluated lane by lane: every array as a vector of lanes, or as one number that all lanes share.

The transpose of a broadcast is a sum over lanes, which no loop over lanes can take. Tangents are vectors throughout, so that
the transpose of what is done to them is elementwise too.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from ._call import Unsupported
from ._flat import kind_of, nested, slice_offset
from ._random import is_key
from ._scan_parts import needed_by


def as_lanes(x: Any, lanes: int) -> Any:
    """An array as a vector or as a single number; keys, and arrays of another size, of which numbers are taken, stay."""
    aval = jax.typeof(x)
    if is_key(aval) or aval.dtype == jax.dtypes.float0 or aval.size not in (1, lanes):
        return x
    return x.reshape(() if aval.size == 1 else (lanes,))


def widen(x: Any, lanes: int) -> Any:
    """As a vector."""
    return x if lanes == 1 or x.shape == (lanes,) else jnp.broadcast_to(x, (lanes,))


def lanewise(jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any], lanes: int) -> list[Any]:
    """The results of a jaxpr, in the form of `as_lanes`. Raises `Unsupported` for what is not done lane by lane."""
    env: dict[Any, Any] = {}
    for v, x in zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *args), strict=True):
        env[v] = as_lanes(jnp.asarray(x) if not isinstance(x, jax.Array) else x, lanes)

    def read(atom: Any) -> Any:
        dtype: Any = atom.aval.dtype
        return as_lanes(jnp.asarray(atom.val, dtype), lanes) if type(atom) is Literal else env[atom]

    for eqn in needed_by(jaxpr.eqns, jaxpr.outvars)[0]:
        results = _apply(eqn, [read(atom) for atom in eqn.invars], lanes)
        env.update(zip(eqn.outvars, [as_lanes(x, lanes) for x in results], strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _apply(eqn: Any, args: list[Any], lanes: int) -> list[Any]:
    kind, name = kind_of(eqn), eqn.primitive.name
    if name == "custom_jvp_call":
        return _with_own_derivative(eqn, args, lanes)
    if kind == "nested":
        return lanewise(*nested(eqn), args, lanes)
    if kind == "view":
        return [_part(eqn, args)]
    if kind == "keys":
        return _bind(eqn, args)
    if kind in ("same", "fill"):
        return _bind(eqn, args) if name == "stop_gradient" else args[:1]
    if kind != "elementwise":
        raise Unsupported(f"{name} is not elementwise")
    if any(x.shape not in ((), (lanes,)) for x in args):
        raise Unsupported(f"{name} of another number of lanes")
    if any(x.shape for x in args):
        args = [widen(x, lanes) for x in args]
    if name in ("jit", "pjit"):  # a function with native code, found by its name
        inner, consts = nested(eqn)
        function = lambda *args: lanewise(inner, consts, args, lanes)
        function.__name__ = eqn.params["name"]
        return jax.jit(function, inline=False)(*args)
    return _bind(eqn, args)


def _bind(eqn: Any, args: Sequence[Any]) -> list[Any]:
    results = eqn.primitive.bind(*args, **eqn.primitive.get_bind_params(eqn.params))
    return list(results) if eqn.primitive.multiple_results else [results]


def _part(eqn: Any, args: list[Any]) -> Any:
    """One number of an array."""
    if eqn.primitive.name != "slice" or math.prod(eqn.outvars[0].aval.shape) != 1:
        raise Unsupported("a part of an array")
    offset = slice_offset(eqn)
    return lax.slice(args[0].reshape(-1), (offset,), (offset + 1,))


def _with_own_derivative(eqn: Any, args: list[Any], lanes: int) -> list[Any]:
    """A function that says itself what its derivative is (a spike with a surrogate), which still counts afterwards."""
    real = [k for k, v in enumerate(eqn.invars) if jnp.issubdtype(v.aval.dtype, jnp.inexact)]
    single = all(x.shape == () for x in args)

    def changed(values: list[Any], tangents: list[Any]) -> Any:
        def of(*chosen: Any) -> Any:
            given = list(values)
            for k, x in zip(real, chosen, strict=True):
                given[k] = x
            return _bind(eqn, given)

        outs, changes = jax.jvp(of, [values[k] for k in real], tangents)
        return outs, [dx for dx in changes if dx.dtype != jax.dtypes.float0]

    @jax.custom_jvp
    def call(*args: Any) -> list[Any]:
        inner, consts = nested(eqn)
        outs = lanewise(inner, consts, args, lanes)
        return outs if single else [widen(x, lanes) for x in outs]

    def rule(primals: Any, tangents: Any) -> Any:
        avals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in eqn.invars]
        closed = jax.make_jaxpr(changed)(avals, [avals[k] for k in real])
        given = [*primals, *(tangents[k] for k in real)]
        results = lanewise(closed.jaxpr, closed.consts, given, lanes)
        rest = iter(results[len(eqn.outvars) :])
        outs = call(*primals)
        zero = lambda x: jnp.zeros(x.shape, jax.dtypes.float0)
        shaped = lambda x, like: x if x.shape == like.shape else jnp.broadcast_to(x, like.shape)
        float_ = lambda x: jnp.issubdtype(x.dtype, jnp.inexact)
        return outs, [shaped(next(rest), x) if float_(x) else zero(x) for x in outs]

    call.defjvp(rule)
    if not single:
        args = [widen(x, lanes) for x in args]
    return call(*args)


def restored(x: Any, aval: Any) -> Any:
    """The result of `lanewise` as the array that it is."""
    return jnp.broadcast_to(x, aval.shape) if x.size != aval.size else x.reshape(aval.shape)


def closed_over(function: Any, avals: Sequence[Any]) -> tuple[ClosedJaxpr, list[Any]]:
    """A function as a jaxpr whose constants are its first arguments, and those."""
    closed = jax.make_jaxpr(function)(*avals)
    jaxpr = closed.jaxpr
    equations, _ = needed_by(jaxpr.eqns, jaxpr.outvars)
    jaxpr = jaxpr.replace(constvars=[], invars=[*jaxpr.constvars, *jaxpr.invars], eqns=equations)
    return ClosedJaxpr(jaxpr, []), list(closed.consts)
