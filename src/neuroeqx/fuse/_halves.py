"""A loop as a function of its own, which two threads may share: each takes half of the arrays."""

import copy
from typing import Any

from llvmlite import ir

from ..ops._two_threads import run_in_two
from ._flat import Operation, Value
from ._loops import emit_loop, work


_WORD = ir.IntType(64)
# Instructions (those for a vector, times the numbers in an array) from which another thread is asked: about 50 us. And how many
# there have to be for a vector: with fewer, what takes time is memory, of which the two would send each other parts.
WORTH_TWO = 2**22
DENSE = 64


def run_loop(e: Any, operations: list[Operation]) -> None:
    """Runs a loop, in two halves if it is worth it and XLA has another thread."""
    builder = e.builder
    singles, arrays = _given(e, operations)
    function = _function(e, operations, singles, arrays)
    size = e.size(operations[0].outputs[0])
    stays_alone = e.threads is None or work(operations) < DENSE
    words = [size, e.member, e.thread, *(_as_word(builder, e.single(v)) for v in singles), *map(e.address, arrays)]
    with builder.goto_entry_block():
        block = builder.alloca(ir.ArrayType(_WORD, len(words)))
    for k, word in enumerate(words):
        builder.store(word, builder.gep(block, [ir.IntType(32)(0), ir.IntType(32)(k)]))
    given = builder.ptrtoint(block, _WORD)
    if stays_alone:
        builder.call(function, [e.frame, given, _WORD(0), size])
        return
    large = builder.icmp_unsigned(">=", size, _WORD(WORTH_TWO // work(operations)))
    large = builder.and_(large, builder.icmp_unsigned(">", e.threads, _WORD(1)))
    with builder.if_else(large) as (in_two, alone):
        with in_two:
            name = f"{function.name}_half"
            half = lambda builder, frame, given, which: _call_half(builder, function, frame, given, which)
            run_in_two(builder, e.frame, given, half, name)
        with alone:
            builder.call(function, [e.frame, given, _WORD(0), size])


def _given(e: Any, operations: list[Operation]) -> tuple[list[Value], list[Value]]:
    """What a loop reads and cannot find through the frame: single numbers, and parts of arrays."""
    made = {id(op.outputs[0]) for op in operations}
    read = {id(a): a for op in operations for a in op.inputs if isinstance(a, Value) and id(a) not in made}
    singles = [a for a in read.values() if a.scalar]
    return singles, [a for a in read.values() if not a.scalar and id(a) in e.views]


def _as_word(builder: Any, number: Any) -> Any:
    kind = number.type
    if isinstance(kind, ir.FloatType):
        number = builder.bitcast(number, ir.IntType(32))
    elif isinstance(kind, ir.DoubleType):
        return builder.bitcast(number, _WORD)
    return number if number.type == _WORD else builder.zext(number, _WORD)


def _from_word(builder: Any, word: Any, kind: Any) -> Any:
    if isinstance(kind, ir.DoubleType):
        return builder.bitcast(word, kind)
    if isinstance(kind, ir.FloatType):
        return builder.bitcast(builder.trunc(word, ir.IntType(32)), kind)
    return word if kind == _WORD else builder.trunc(word, kind)


def _function(e: Any, operations: list[Operation], singles: list[Value], arrays: list[Value]) -> Any:
    """The loop, given the frame, the address of what it reads, and where to begin and to end."""
    module = e.builder.module
    name = f"neuroeqx_loop_{sum(function.name.startswith('neuroeqx_loop_') for function in module.functions)}"
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_WORD] * 4), name)
    e.prepare(function)
    inner = copy.copy(e)
    frame, given, first, end = function.args
    builder = inner.builder = ir.IRBuilder(function.append_basic_block())
    inner.frame, inner.bases, inner.sizes, inner.inverses = frame, {}, {}, {}
    load = lambda k: builder.load(builder.inttoptr(builder.add(given, _WORD(8 * k)), _WORD.as_pointer()))
    if e.layout.batched is not None:
        inner.member, inner.thread = load(1), load(2)
    inner.scalars = {id(v): _from_word(builder, load(3 + k), e.type_of(v)) for k, v in enumerate(singles)}
    inner.views = {id(v): load(3 + len(singles) + k) for k, v in enumerate(arrays)}
    inner.entry = builder.append_basic_block("frame")
    begin = builder.append_basic_block("begin")
    builder.branch(inner.entry)
    builder.position_at_end(begin)
    emit_loop(inner, operations, first, end)
    builder.ret_void()
    builder.position_at_end(inner.entry)
    builder.branch(begin)
    return function


def _call_half(builder: Any, function: Any, frame: Any, given: Any, which: int) -> None:
    size = builder.load(builder.inttoptr(given, _WORD.as_pointer()))
    middle = builder.and_(builder.lshr(size, _WORD(1)), _WORD(-64))
    builder.call(function, [frame, given, _WORD(0) if which == 0 else middle, middle if which == 0 else size])
