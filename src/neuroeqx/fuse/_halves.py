"""A loop as a function of its own, which two threads may share: each takes half of the arrays."""

import copy
from typing import Any

from llvmlite import ir

from ._flat import Operation, Value
from ._loops import emit_loop, work


_WORD = ir.IntType(64)
# Instructions (those for a vector, times the numbers in an array) from which a loop is shared: about 3 us. And how many
# there have to be for a vector: with fewer, what takes time is memory, and two threads are as fast as one.
WORTH_TWO = 2**18
DENSE = 64


WORTH_SYNAPSES = 2**10  # of the rows of a product, from which it is shared


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
    given = words_in_memory(builder, words)
    alone = lambda: builder.call(function, [e.frame, given, _WORD(0), size])
    in_halves(e, worth_two(e, operations), given, _half_of(builder.module, function), alone)


def in_halves(e: Any, worth: Any, given: Any, half: Any, alone: Any) -> None:
    """Runs `half(frame, given, 0 and 1)` in two threads, if there are two and it is `worth` it, or else what `alone` writes."""
    if e.second is None:
        alone()
        return
    with e.builder.if_else(e.builder.and_(e.second.exists(e.builder), worth)) as (shared, own):
        with shared:
            e.second.run(e.builder, e.frame, given, half)
        with own:
            alone()


def deliver(e: Any, words: list[Any], dtypes: list[Any]) -> None:
    """A product along listed rows, in two threads if there are two: one for the lower half of the targets.

    **Arguments:**

    - `words`, `dtypes`: of the kernel `deliver`, whose `listed` is `uint64`.
    """
    builder = e.builder
    alone = lambda: e.call("deliver", words, dtypes)
    if e.second is None or dtypes[-1] is not None:
        alone()
        return
    half_words, half_dtypes = words[:-1], dtypes[:-2]  # without the offset, and the kind of list
    with builder.goto_entry_block():
        disordered = builder.alloca(_WORD)
        builder.store(_WORD(0), disordered)
    given = words_in_memory(builder, [_WORD(0), _WORD(0), *half_words])
    half = _half_of_product(e, half_words, half_dtypes)
    synapses, sources, listed = half_words[5], half_words[8], half_words[9]
    active = builder.and_(_load(builder, listed, 0), _WORD(2**32 - 1))
    much = builder.icmp_unsigned(">=", builder.mul(active, synapses), builder.mul(sources, _WORD(WORTH_SYNAPSES)))
    ordered = builder.icmp_unsigned("==", builder.load(disordered), _WORD(0))
    with builder.if_else(builder.and_(e.second.exists(builder), builder.and_(much, ordered))) as (shared, own):
        with shared:
            e.second.run(builder, e.frame, given, half)
            missed = builder.add(_load(builder, given, 0), _load(builder, given, 1))
            with builder.if_then(builder.icmp_unsigned("!=", missed, _WORD(0)), likely=False):
                # Columns that do not rise are found on the wrong side, and each row would be walked twice.
                e.call("deliver_half", [*half_words, _WORD(2)], half_dtypes)
                builder.store(_WORD(1), disordered)
        with own:
            alone()


def _half_of_product(e: Any, words: list[Any], dtypes: list[Any]) -> Any:
    """What either thread does for `deliver`; it writes how many synapses it left to the words at `given`."""
    module = e.builder.module
    name = f"neuroeqx_product_{sum(function.name.startswith('neuroeqx_product_') for function in module.functions)}"
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_WORD] * 3), name)
    inner = copy.copy(e)
    inner.builder = ir.IRBuilder(function.append_basic_block())
    _, given, which = function.args
    own = [_load(inner.builder, given, 2 + k) for k in range(len(words))]
    missed = inner.call("deliver_half", [*own, which], dtypes)
    place = inner.builder.add(given, inner.builder.mul(which, _WORD(8)))
    inner.builder.store(missed, inner.builder.inttoptr(place, _WORD.as_pointer()))
    inner.builder.ret_void()
    return function


def _load(builder: Any, address: Any, place: int) -> Any:
    return builder.load(builder.inttoptr(builder.add(address, _WORD(8 * place)), _WORD.as_pointer()))


def words_in_memory(builder: Any, words: list[Any]) -> Any:
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
