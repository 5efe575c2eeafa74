"""The largest and smallest number of an array, and their places."""

from typing import Any

import numpy as np

from ._call import Call, Unsupported


_REALS = (np.dtype(np.float32), np.dtype(np.float64))
_PLACES = (np.dtype(np.int32), np.dtype(np.int64))


def _check(eqn: Any) -> None:
    array, output = eqn.invars[0].aval, eqn.outvars[0].aval
    name = eqn.primitive.name
    of_all = output.shape == () and array.size > 0 and (array.ndim == 1 or not name.startswith("arg"))
    if not of_all or array.dtype not in _REALS or output.dtype not in (array.dtype, *_PLACES):
        raise Unsupported(f"{name} of {array.str_short()} along some axes only, or of no real numbers")


def _emit_place(e: Any, operation: Any) -> None:
    [array], [output] = operation.inputs, operation.outputs
    words = [e.address(array), e.size(array), e.word(operation.name == "argmax")]
    place, kind = e.call("extreme", words, [array.dtype.type]), e.type_of(output)
    e.define(output, place if place.type == kind else e.builder.trunc(place, kind))


def _emit_number(e: Any, operation: Any) -> None:
    """Vector by vector, then lane by lane, and what is left."""
    from llvmlite import ir

    from ._loops import counted
    from ._vectors import BYTES, Vectors

    [array], [output] = operation.inputs, operation.outputs
    builder, dtype = e.builder, array.dtype
    lanes = BYTES // dtype.itemsize
    vectors, single = Vectors(builder, lanes), Vectors(builder, None)
    kind = ir.VectorType(e.type_of(array), lanes)
    start, size = e.address(array), e.size(array)
    with builder.goto_entry_block():
        best, last = builder.alloca(kind), builder.alloca(e.type_of(array))
    builder.store(vectors.fill(e.read(dtype, start)), best)
    whole = builder.udiv(size, e.word(lanes))
    with counted(builder, whole) as k:
        place = builder.add(start, builder.mul(k, e.word(BYTES)))
        numbers = builder.load(builder.inttoptr(place, kind.as_pointer()), align=dtype.itemsize)
        builder.store(_better(vectors, operation.name, numbers, builder.load(best)), best)
    found = builder.load(best)
    result = builder.extract_element(found, ir.IntType(32)(0))
    for lane in range(1, lanes):
        other = builder.extract_element(found, ir.IntType(32)(lane))
        result = _better(single, operation.name, other, result)
    builder.store(result, last)
    done = builder.mul(whole, e.word(lanes))
    with counted(builder, builder.sub(size, done)) as k:
        number = e.read(dtype, e.address(array, builder.add(done, k)))
        builder.store(_better(single, operation.name, number, builder.load(last)), last)
    e.define(output, builder.load(last))


def _better(v: Any, name: str, new: Any, best: Any) -> Any:
    """What is not a number stays."""
    beyond = v.compare(">" if name == "reduce_max" else "<", new, best)
    return v.select(v.or_(beyond, v.isnan(new)), new, best)


EXTREMES = {
    "argmax": Call(_check, _emit_place, {}),
    "argmin": Call(_check, _emit_place, {}),
    "reduce_max": Call(_check, _emit_number, {}),
    "reduce_min": Call(_check, _emit_number, {}),
}
