"""Operations of ours that a fused program can contain: products of sparse matrices, lists of events, updates of rings."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from ._array_calls import ARRAY_CALLS
from ._blocks import BLOCKS
from ._broadcast import BROADCASTS
from ._call import Call, Kernel, Unsupported
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


class _Product:
    """A product with a sparse matrix, of rows of one length or with pointers."""

    def __init__(self, with_pointers: bool):
        self.with_pointers = with_pointers

    def _operands(self, operation: Any) -> tuple[Any, Any, Any]:
        """The list that is given (its places and their number), the columns and row pointers, and the offset."""
        rest = operation.inputs[3:]
        listed, rest = (rest[:2], rest[2:]) if operation.params["listed"] else ((None, None), rest)
        columns, rest = (rest[:2], rest[2:]) if self.with_pointers else ((rest[0], None), rest[1:])
        return listed, columns, rest[0] if rest else None

    def _matrix(self, e: Any, operation: Any) -> tuple[list[Any], list[Any]]:
        """What both forms begin with: the words up to the vector, and the dtypes."""
        out, weight, x = operation.inputs[:3]
        _, (indices, pointers), _ = self._operands(operation)
        words = [
            e.address(operation.outputs[0]), e.size(out), e.address(weight), e.word(weight.scalar),
            e.address(indices), e.size(indices), e.dim(indices, 1) if pointers is None else e.address(pointers),
            e.address(x), e.size(x),
        ]  # fmt: skip
        dtypes = [
            x.dtype.type,
            np.uint16 if weight.dtype == jnp.bfloat16 else x.dtype.type,
            None if pointers is None else np.dtype(f"u{pointers.dtype.name}").type,
        ]
        return words, dtypes

    def _list(self, e: Any, operation: Any) -> tuple[list[Any], Any]:
        """The words that say where active rows are listed, and the dtype that says how, `None` if they are not."""
        (ids, count), _, _ = self._operands(operation)
        own, first = e.list_of(operation.inputs[2])
        if ids is not None:
            return [e.address(ids), e.address(count), own or e.word(0)], np.uint32
        return ([e.word(0)] * 3, None) if own is None else ([own, first, own], np.uint64)

    def emit(self, e: Any, operation: Any) -> None:
        _, _, offset = self._operands(operation)
        e.in_place(operation, 0, operation.inputs[0])
        words, dtypes = self._matrix(e, operation)
        places, listed = self._list(e, operation)
        turn = e.word(0) if offset is None else e.whole(offset)
        ring = None if offset is None else np.uint32
        e.call("deliver", [*words, *places, turn, e.word(0), e.word(0)], [*dtypes, listed, ring, None])

    def section(self, e: Any, operation: Any) -> Callable[[], Kernel] | None:
        """From a list, to targets that are not turned within a ring."""
        (ids, _), _, offset = self._operands(operation)
        if offset is not None or (ids is None and not e.is_listed(operation.inputs[2])):
            return None

        def kernel() -> Kernel:
            words, dtypes = self._matrix(e, operation)
            places, listed = self._list(e, operation)
            return Kernel("deliver", [*words, *places, e.word(0)], [*dtypes, listed, None, np.uint64])

        return kernel


_CSR, _FANOUT = _Product(True), _Product(False)


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


def _check_tree(eqn: Any) -> None:
    if eqn.params["backend"] not in (None, "native"):
        raise Unsupported(f"{eqn.primitive.name} with backend={eqn.params['backend']!r}")
    if any(v.aval.size < 2 for v in eqn.invars):
        raise Unsupported(f"{eqn.primitive.name} of a single number")


def _emit_tree(e: Any, operation: Any) -> None:
    shunt, coupling, source, order = operation.inputs
    out, room = operation.outputs
    words = [
        e.address(out), e.size(out), e.address(shunt), e.address(coupling), e.size(coupling), e.address(source),
        e.address(order), e.address(room), e.size(room), e.word(source.shape[-1]), e.word(len(operation.params["tree"])),
    ]  # fmt: skip
    e.call("solve_tree", words, [out.dtype.type])


CALLS = (
    {
        "neuroeqx_csr_add_matvec": Call(_check_product, _CSR.emit, {0: 0}, 2, True, _CSR.section),
        "neuroeqx_fanout_add_matvec": Call(_check_product, _FANOUT.emit, {0: 0}, 2, True, _FANOUT.section),
        "neuroeqx_dense_add_matvec": Call(_check_dense, _emit_dense, {0: 0}),
        "neuroeqx_events_compact": Call(_no_check, _emit_compact, {}, 0, True),
        "neuroeqx_events_append": Call(_no_check, _emit_append, {0: 0}, 2, True),
        "neuroeqx_tree_solve": Call(_check_tree, _emit_tree, {}),
        "dynamic_update_slice": Call(_check_section, _emit_section, {0: 0}),
    }
    | ARRAY_CALLS
    | BLOCKS
    | BROADCASTS
    | EXTREMES
    | PROCEDURAL
)
