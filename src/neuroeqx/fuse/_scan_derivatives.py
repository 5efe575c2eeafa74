"""Scans that compute derivatives of a fused scan: of the tangents, and backwards in time of the cotangents.

Both are elementwise where the scan is, so they are fused scans themselves, whose derivatives are such scans again.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import jaxpr_as_fun

from ._call import Unsupported
from ._scan_lanes import lanes_of, Scan
from ._scan_lanewise import closed_over, lanewise, restored, widen


def wide(aval: Any, lanes: int) -> jax.ShapeDtypeStruct:
    """The shape of a tangent: a number for each lane, also of what is one number for all of them."""
    return jax.ShapeDtypeStruct((lanes,) if lanes > 1 else (), aval.dtype)


@dataclasses.dataclass(frozen=True)
class Pushed:
    """
    - `loop`: from constants, carry and inputs, each followed by tangents, to carry and outputs, each followed by tangents.
    - `extra`: values of its first constants.
    - `lanes`: numbers of a tangent.
    - `moving`, `moved`: the operands and the results that have tangents.
    """

    loop: Scan
    extra: list[Any]
    lanes: int
    moving: tuple[bool, ...]
    moved: tuple[bool, ...]


def pushed(loop: Scan, moving: Sequence[bool]) -> Pushed:
    """The scan with tangents of some operands. Raises `Unsupported` where it would not be elementwise."""
    lanes = lanes_of(loop).own
    jaxpr, last = loop.body.jaxpr, loop.consts + loop.carry
    flags, moved = loop.depends(moving, smoothly=True)
    live = [i for i, flag in enumerate(flags) if flag]
    results = [k for k, flag in enumerate(moved) if flag]
    if any(jaxpr.invars[i].aval.size not in (1, lanes) for i in live):
        raise Unsupported("tangents of arrays of which single numbers are taken")
    avals = [jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype, weak_type=v.aval.weak_type) for v in jaxpr.invars]

    def push(values: list[Any], tangents: list[Any]) -> list[Any]:
        def of(*chosen: Any) -> list[Any]:
            given = list(values)
            for i, x in zip(live, chosen, strict=True):
                given[i] = x
            return jaxpr_as_fun(loop.body)(*given)

        outs, changes = jax.jvp(of, [values[i] for i in live], tangents)
        return [*outs, *(changes[k] for k in results)]

    whole = jax.make_jaxpr(push)(avals, [avals[i] for i in live])
    count = lambda flags, first, end: sum(flags[first:end])
    tangents = [count(flags, *ends) for ends in ((0, loop.consts), (loop.consts, last), (last, None))]
    order = _in_turns([loop.consts, loop.carry, len(avals) - last], tangents)
    outputs = _in_turns([loop.carry, len(moved) - loop.carry], [tangents[1], count(moved, loop.carry, None)])

    def body(*given: Any) -> list[Any]:
        values = [x for _, x in sorted(zip(order, given, strict=True), key=lambda pair: pair[0])]
        outs = lanewise(whole.jaxpr, whole.consts, values, lanes)
        outs = [
            restored(x, v.aval) if k < len(moved) else widen(x, lanes)
            for k, (x, v) in enumerate(zip(outs, whole.jaxpr.outvars, strict=True))
        ]
        return [outs[k] for k in outputs]

    given = [*avals, *(wide(avals[i], lanes) for i in live)]
    flagged = [*loop.batched, *(loop.batched[i] for i in live)]
    closed, extra = closed_over(body, [given[i] for i in order])
    own = dataclasses.replace(
        loop,
        body=closed,
        consts=len(extra) + loop.consts + tangents[0],
        carry=loop.carry + tangents[1],
        batched=(*[False] * len(extra), *(flagged[i] for i in order)),
    )
    lanes_of(own)
    return Pushed(own, extra, lanes, flags, moved)


def _in_turns(values: Sequence[int], tangents: Sequence[int]) -> list[int]:
    """Places in a list of values and then tangents, so that tangents follow the values of their group."""
    order, first, second = [], 0, sum(values)
    for a, b in zip(values, tangents, strict=True):
        order += [*range(first, first + a), *range(second, second + b)]
        first, second = first + a, second + b
    return order


@dataclasses.dataclass(frozen=True)
class Backward:
    """
    - `loop`: its constants are `extra`, then those that are not linear. Its carry are sums for constants that are, then
        cotangents of the carry; its inputs those that are not linear, then cotangents of outputs. It makes the carry, then
        cotangents of inputs.
    """

    loop: Scan
    extra: list[Any]


def backward(loop: Scan, linear: Sequence[bool], live: Sequence[bool]) -> Backward:
    """The transpose of a scan, from the last step to the first.

    **Arguments:**

    - `linear`: the operands in which it is linear, the whole carry among them.
    - `live`: the outputs that have cotangents.
    """
    jaxpr, first, last = loop.body.jaxpr, loop.consts, loop.consts + loop.carry
    places = lambda begin, end, flag: [i for i in range(begin, end) if linear[i] == flag]
    end = len(jaxpr.invars)
    consts, sums = places(0, first, False), places(0, first, True)
    xs, changes = places(last, end, False), places(last, end, True)
    variable = [*sums, *range(first, last), *changes]
    outs = [*range(loop.carry), *(loop.carry + k for k, flag in enumerate(live) if flag)]
    like = lambda v: jax.ShapeDtypeStruct(v.aval.shape, v.aval.dtype)
    inputs = [like(v) for v in jaxpr.invars]
    results = [like(jaxpr.outvars[k]) for k in outs]

    def body(*given: Any) -> list[Any]:
        own = dict(zip([*consts, *sums], given, strict=False))
        cotangents = list(given[first:last])
        own |= dict(zip(xs, given[last:], strict=False))
        cotangents += given[last + len(xs) :]

        def step(*values: Any) -> list[Any]:
            now = own | dict(zip(variable, values, strict=True))
            made = jaxpr_as_fun(loop.body)(*(now[i] for i in range(end)))
            return [made[k] for k in outs]

        back = jax.linear_transpose(step, *(inputs[i] for i in variable))(cotangents)
        total = [own[i] + dx for i, dx in zip(sums, back, strict=False)]
        return [*total, *back[len(sums) :]]

    avals = [inputs[i] for i in (*consts, *sums)] + results[: loop.carry] + [inputs[i] for i in xs]
    closed, extra = closed_over(body, avals + results[loop.carry :])
    _, after = loop.depends(loop.batched)
    flags = [*(loop.batched[i] for i in (*consts, *sums)), *after[: loop.carry], *(loop.batched[i] for i in xs)]
    flags = [*[False] * len(extra), *flags, *(after[k] for k in outs[loop.carry :])]
    own = dataclasses.replace(
        loop,
        body=closed,
        consts=len(extra) + len(consts),
        carry=len(sums) + loop.carry,
        batched=tuple(flags),
        reverse=not loop.reverse,
    )
    return Backward(dataclasses.replace(own, batched=own.depends(flags)[0]), extra)


def zeros(loop: Scan, place: int) -> Any:
    """What the carry begins with, at a place among the operands."""
    aval = loop.body.jaxpr.invars[place].aval
    return jnp.zeros(((loop.members,) if loop.batched[place] else ()) + aval.shape, aval.dtype)
