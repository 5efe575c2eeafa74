"""Loops of a program over arrays: a vector of 64 bytes at a time, and the rest under a mask."""

from typing import Any

import numpy as np
from llvmlite import ir

from ._elementwise import FUNCTIONS
from ._flat import Constant, Operation, Value
from ._plan import Kept
from ._schedule import reorder
from ._vectors import BYTES, Vectors


_WORD = ir.IntType(64)


def emit_loop(e, operations: list[Operation], first: Any, end: Any) -> None:
    """For the numbers from `first`, a multiple of 64, to `end`."""
    wide = max(v.dtype.itemsize for op in operations for v in (*op.inputs, *op.outputs))
    lanes = BYTES // wide
    size = e.builder.sub(end, first)
    made = {id(op.outputs[0]) for op in operations}
    read = {id(a): a for op in operations for a in op.inputs if isinstance(a, Value) and not a.scalar}
    loads = [(a, e.address(a)) for key, a in read.items() if key not in made]
    stores = []
    for op in operations:
        own = e.plan.lists.get(id(op.outputs[0]))
        if id(op.outputs[0]) in e.plan.slots and (own is None or own.kept == Kept.WRITTEN):
            stores.append((op.outputs[0], e.address(op.outputs[0])))
    v = Vectors(e.builder, lanes, _has_much_to_do(operations))
    single = {}
    for op in operations:
        for atom in op.inputs:
            if atom.scalar and isinstance(atom, Value):
                single[id(atom)] = v.fill(e.single(atom))
    _invert(e, operations, v)
    for op in operations:
        if id(op.outputs[0]) in e.plan.lists:
            last = e.builder.mul(e.builder.udiv(end, _WORD(64)), _WORD(8))
            bits = e.builder.add(e.data(*e.place(e.plan.lists[id(op.outputs[0])].bits)), last)
            with e.builder.if_then(e.builder.icmp_unsigned("==", end, e.size(op.outputs[0]))):
                e.builder.store(_WORD(0), e.builder.inttoptr(bits, _WORD.as_pointer()))
    whole = e.builder.udiv(size, _WORD(lanes))
    with counted(e.builder, whole) as k:
        place = e.builder.add(first, e.builder.mul(k, _WORD(lanes)))
        _body(e, operations, v, place, None, loads, stores, single)
    rest = e.builder.urem(size, _WORD(lanes))
    with e.builder.if_then(e.builder.icmp_unsigned("!=", rest, _WORD(0))):
        lane = ir.Constant(ir.VectorType(_WORD, lanes), list(range(lanes)))
        mask = e.builder.icmp_unsigned("<", lane, v.fill(rest))
        place = e.builder.add(first, e.builder.mul(whole, _WORD(lanes)))
        _body(e, operations, v, place, mask, loads, stores, single)


_BESIDES = 24  # operations that take as long as a division


def work(operations: list[Operation]) -> int:
    """About how many instructions a vector takes."""
    return len(operations) + 20 * sum(op.name in FUNCTIONS for op in operations)


def _has_much_to_do(operations: list[Operation]) -> bool:
    """Whether there is enough work beside every division."""
    divisions = sum(op.name == "div" and op.outputs[0].dtype.kind == "f" for op in operations)
    return work(operations) > _BESIDES * divisions


def _invert(e, operations: list[Operation], v: Vectors) -> None:
    """Divisors that all numbers of a loop share are inverted before it: a division takes longer than all else."""
    for operation in operations:
        divisor = operation.inputs[-1]
        if operation.name == "div" and operation.outputs[0].dtype.kind == "f" and divisor.scalar:
            single = Vectors(e.builder, None)
            inverse = single.div(single.const(1, divisor.dtype), e.single(divisor))
            e.inverses[id(operation)] = v.fill(inverse)


def _body(
    e,
    operations: list[Operation],
    v: Vectors,
    k: Any,
    mask: Any | None,
    loads: list[tuple[Any, Any]],
    stores: list[tuple[Any, Any]],
    single: dict[int, Any],
) -> None:
    """All loads come first: what is stored may take the place of what is loaded."""
    values, v.start = dict(single), k
    block, begin = e.builder.block, len(e.builder.block.instructions)
    for value, start in loads:
        values[id(value)] = _load_lanes(e, v, value.dtype, start, k, mask)
    for operation in operations:
        args = [
            v.const(atom.value, atom.dtype) if isinstance(atom, Constant) else values[id(atom)]
            for atom in operation.inputs
        ]
        if id(operation) in e.inverses:
            result = v.mul(args[0], e.inverses[id(operation)])
        else:
            result = e.apply(v, operation, args)
        values[id(operation.outputs[0])] = result
    if e.builder.block is block:
        reorder(block, begin)
    for value, start in stores:
        _store_lanes(e, v, value.dtype, start, k, mask, values[id(value)])
    for operation in operations:
        value = operation.outputs[0]
        if id(value) in e.plan.lists:
            fired = v.compare("!=", values[id(value)], v.const(0, value.dtype))
            fired = fired if mask is None else e.builder.and_(fired, mask)
            kind = ir.IntType(v.lanes)
            place = e.builder.udiv(k, _WORD(8))
            start = e.builder.add(e.data(*e.place(e.plan.lists[id(value)].bits)), place)
            e.builder.store(e.builder.bitcast(fired, kind), e.builder.inttoptr(start, kind.as_pointer()))


def _lanes_at(e, v: Vectors, dtype: np.dtype, start: Any, k: Any) -> tuple[Any, Any]:
    kind = ir.VectorType(e.memory_type(dtype), v.lanes)
    address = e.builder.add(start, e.builder.mul(k, _WORD(dtype.itemsize)))
    return e.builder.inttoptr(address, kind.as_pointer()), kind


def _load_lanes(e, v: Vectors, dtype: np.dtype, start: Any, k: Any, mask: Any | None) -> Any:
    pointer, kind = _lanes_at(e, v, dtype, start, k)
    if mask is None:
        lanes = e.builder.load(pointer, align=dtype.itemsize)
    else:
        lanes = _masked(e, "load", kind, [pointer], mask, dtype)
    return e.builder.trunc(lanes, v.type(dtype)) if dtype.kind == "b" else lanes


def _store_lanes(e, v: Vectors, dtype: np.dtype, start: Any, k: Any, mask: Any | None, lanes: Any) -> None:
    pointer, kind = _lanes_at(e, v, dtype, start, k)
    if dtype.kind == "b":
        lanes = e.builder.zext(lanes, kind)
    if mask is None:
        e.builder.store(lanes, pointer, align=dtype.itemsize)
    else:
        _masked(e, "store", kind, [lanes, pointer], mask, dtype)


def _masked(e, what: str, kind: Any, args: list[Any], mask: Any, dtype: np.dtype) -> Any:
    element = str(kind.element).replace("float", "f32").replace("double", "f64")
    name = f"llvm.masked.{what}.v{kind.count}{element}.p0"
    word = ir.IntType(32)
    pointer = args[-1].type
    if what == "load":
        function_type = ir.FunctionType(kind, [pointer, word, mask.type, kind])
        args = [*args, word(dtype.itemsize), mask, ir.Constant(kind, [0] * kind.count)]
    else:
        function_type = ir.FunctionType(ir.VoidType(), [kind, pointer, word, mask.type])
        args = [*args, word(dtype.itemsize), mask]
    module = e.builder.module
    function = module.globals.get(name) or ir.Function(module, function_type, name)
    return e.builder.call(function, args)


class counted:
    """`for k in range(count)`, as a context."""

    def __init__(self, builder: Any, count: Any):
        self.builder, self.count = builder, count

    def __enter__(self) -> Any:
        builder = self.builder
        before = builder.block
        self.body, self.end = builder.append_basic_block("body"), builder.append_basic_block("end")
        builder.cbranch(builder.icmp_unsigned(">", self.count, _WORD(0)), self.body, self.end)
        builder.position_at_end(self.body)
        self.k = builder.phi(_WORD)
        self.k.add_incoming(_WORD(0), before)
        return self.k

    def __exit__(self, *error: Any) -> None:
        builder = self.builder
        following = builder.add(self.k, _WORD(1))
        self.k.add_incoming(following, builder.block)
        builder.cbranch(builder.icmp_unsigned("<", following, self.count), self.body, self.end)
        builder.position_at_end(self.end)
