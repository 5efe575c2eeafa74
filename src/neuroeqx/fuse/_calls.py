"""Operations of ours that a fused program can contain: products of sparse matrices, lists of events, updates of rings."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from ._array_calls import ARRAY_CALLS
from ._blocks import BLOCKS
from ._broadcast import BROADCASTS
from ._call import Call, Unsupported
from ._extremes import EXTREMES
from ._procedural_call import PROCEDURAL


def _no_check(eqn: Any) -> None:
    del eqn


def _check_product(eqn: Any) -> None:
    out, weight, x = (v.aval for v in eqn.invars[:3])
    if out.ndim != 1:
        raise Unsupported(f"{eqn.primitive.name} of a batch")
    if eqn.params["backend"] not in (None, "native"):
        raise Unsupported(f"{eqn.primitive.name} with backend={eqn.params['backend']!r}")
    if 0 in (out.size, x.size, eqn.invars[-1].aval.size):
        raise Unsupported(f"{eqn.primitive.name} without synapses")
    if weight.ndim == 0 and weight.dtype != x.dtype:
        raise Unsupported(f"{eqn.primitive.name} with one weight of {weight.dtype}")


def _emit_product(with_pointers: bool) -> Callable[[Any, Any], None]:
    def emit(e: Any, operation: Any) -> None:
        out, weight, x, *rest = operation.inputs
        listed = rest[:2] if operation.params["listed"] else ()
        indices, *rest = rest[len(listed) :]
        pointers, rest = (rest[0], rest[1:]) if with_pointers else (None, rest)
        offset = rest[0] if rest else None
        ids, count = listed or (None, None)
        e.in_place(operation, 0, out)
        own, first = (None, None) if listed else e.list_of(x)
        e.call(
            "deliver",
            [
                e.address(operation.outputs[0]), e.size(operation.outputs[0]),
                e.address(weight), e.word(weight.scalar), e.address(indices), e.size(indices),
                e.dim(indices, 1) if pointers is None else e.address(pointers),
                e.address(x), e.size(x),
                own or (e.word(0) if ids is None else e.address(ids)),
                first or (e.word(0) if count is None else e.address(count)),
                e.word(0) if offset is None else e.whole(offset),
            ],
            [
                x.dtype.type,
                np.uint16 if weight.dtype == jnp.bfloat16 else x.dtype.type,
                None if pointers is None else np.dtype(f"u{pointers.dtype.name}").type,
                np.uint64 if own is not None else None if ids is None else np.uint32,
                None if offset is None else np.uint32,
            ],
        )  # fmt: skip

    return emit


def _check_dense(eqn: Any) -> None:
    out, weight, x = (v.aval for v in eqn.invars)
    if out.ndim != 1 or eqn.params["backend"] not in (None, "native") or weight.size == 0:
        raise Unsupported(f"{eqn.primitive.name} of a batch, without synapses, or with a backend of its own")
    if weight.dtype != x.dtype:
        raise Unsupported(f"{eqn.primitive.name} with weights of {weight.dtype}")


def _emit_dense(e: Any, operation: Any) -> None:
    out, weight, x = operation.inputs
    e.in_place(operation, 0, out)
    words = [e.address(operation.outputs[0]), e.size(out), e.address(weight), e.address(x), e.size(x)]
    e.call("deliver_dense", words, [x.dtype.type])


def _emit_compact(e: Any, operation: Any) -> None:
    [x], [ids, count] = operation.inputs, operation.outputs
    listed, first = e.list_of(x)
    if listed is None:
        found = e.call("compact", [e.address(x), e.size(x), e.address(ids)], [x.dtype.type])
    else:
        found = e.call("compact_listed", [listed, first, e.size(x), e.address(ids)], [])
    e.define(count, e.builder.trunc(found, e.type_of(count)))


def _emit_append(e: Any, operation: Any) -> None:
    buffer, count, x, step = operation.inputs
    e.in_place(operation, 0, buffer)
    arguments = [e.address(operation.outputs[0]), e.size(operation.outputs[0]), e.whole(count), e.address(x), e.size(x)]
    listed, first = e.list_of(x)
    if listed is None:
        total = e.call("append", [*arguments, e.whole(step)], [x.dtype.type])
    else:
        arguments[3] = listed
        total = e.call("append_listed", [*arguments, e.whole(step), first], [])
    e.define(operation.outputs[1], e.builder.trunc(total, e.type_of(count)))


def _check_section(eqn: Any) -> None:
    from ._flat import in_one_piece

    array, update = eqn.invars[0].aval, eqn.invars[1].aval
    in_one_piece(array.shape, update.shape, eqn.primitive.name)


def _emit_section(e: Any, operation: Any) -> None:
    """`dynamic_update_slice` of a part that lies in one piece."""
    from ._flat import section

    array, update, *starts = operation.inputs
    e.in_place(operation, 0, array)
    place = section(operation.params["shape"], operation.params["sizes"])
    e.copy(e.address(operation.outputs[0], e.offset(starts, place["limits"], place["strides"])), update)


CALLS = (
    {
        "neuroeqx_csr_add_matvec": Call(_check_product, _emit_product(True), {0: 0}, 2),
        "neuroeqx_fanout_add_matvec": Call(_check_product, _emit_product(False), {0: 0}, 2),
        "neuroeqx_dense_add_matvec": Call(_check_dense, _emit_dense, {0: 0}),
        "neuroeqx_events_compact": Call(_no_check, _emit_compact, {}, 0),
        "neuroeqx_events_append": Call(_no_check, _emit_append, {0: 0}, 2),
        "dynamic_update_slice": Call(_check_section, _emit_section, {0: 0}),
    }
    | ARRAY_CALLS
    | BLOCKS
    | BROADCASTS
    | EXTREMES
    | PROCEDURAL
)
