"""A loop as a function of its own, which two threads may share: each takes half of the arrays."""

import copy
from typing import Any

from llvmlite import ir

from ._flat import Operation, Value
from ._loops import emit_loop, work


_WORD = ir.IntType(64)
# Instructions (those for a vector, times the numbers in an array) from which a loop is shared: about 3 us. And how many
# there have to be for a vector: with fewer, what takes time is memory, of which the two would send each other parts.
WORTH_TWO = 2**18
DENSE = 64


def worth_two(e: Any, operations: list[Operation]) -> Any:
    """Whether a loop is so long that another thread should take half of it."""
    if work(operations) < DENSE:
        return ir.IntType(1)(0)
    return e.builder.icmp_unsigned(">=", e.size(operations[0].outputs[0]), _WORD(-(-WORTH_TWO // work(operations))))


def run_loop(e: Any, operations: list[Operation]) -> None:
    """Runs a loop, in two halves if it is worth it and there is another thread."""
    builder = e.builder
    singles, arrays = _given(e, operations)
    function = _function(e, operations, singles, arrays)
    size = e.size(operations[0].outputs[0])
    words = [size, e.member, e.thread, *(_as_word(builder, e.single(v)) for v in singles), *map(e.address, arrays)]
    given = _in_memory(builder, words)
    alone = lambda: builder.call(function, [e.frame, given, _WORD(0), size])
    if e.second is None:
        alone()
        return
    with builder.if_else(builder.and_(e.second.exists(builder), worth_two(e, operations))) as (in_two, own):
        with in_two:
            e.second.run(builder, e.frame, given, _half_of(builder.module, function))
        with own:
            alone()


def _in_memory(builder: Any, words: list[Any]) -> Any:
    """The address of words, whose room is that of the function."""
    with builder.goto_entry_block():
        block = builder.alloca(ir.ArrayType(_WORD, len(words)))
    for k, word in enumerate(words):
        builder.store(word, builder.gep(block, [ir.IntType(32)(0), ir.IntType(32)(k)]))
    return builder.ptrtoint(block, _WORD)


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


def _half_of(module: Any, function: Any) -> Any:
    """A half of a loop, of which the first ends with a whole word of bits."""
    half = ir.Function(module, ir.FunctionType(ir.VoidType(), [_WORD] * 3), f"{function.name}_half")
    builder = ir.IRBuilder(half.append_basic_block())
    frame, given, which = half.args
    size = builder.load(builder.inttoptr(given, _WORD.as_pointer()))
    middle = builder.and_(builder.lshr(size, _WORD(1)), _WORD(-64))
    first = builder.icmp_unsigned("==", which, _WORD(0))
    builder.call(function, [frame, given, builder.select(first, _WORD(0), middle), builder.select(first, middle, size)])
    builder.ret_void()
    return half
