"""Loops, and products before them, that two threads share: each takes half of the arrays.

Each thread has the same half of every array of one length in every round, so that what one has written is hardly ever read
by the other: a line of the cache that changes hands costs some 5 ns, more than a LIF cell. So a loop of few instructions is
shared only if all that changes its arrays is; products are, where they come right before it (`Group`).
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from llvmlite import ir

from ._calls import CALLS
from ._flat import Operation, Value
from ._loops import emit_loop, work
from ._plan import in_place, Kept, loops_within, Plan


_WORD = ir.IntType(64)
# Instructions (those for a vector, times the numbers in an array) from which loops are shared. Loops with fewer than `DENSE`
# for a vector wait for memory and are not shared where one thread changes their arrays; what others have counts more.
WORTH_TWO = 2**20
DENSE = 64
_COUNTS = 4


class Group(NamedTuple):
    """
    - `calls`: products that come before the loops and can be done in halves with them.
    - `loops`: loops that two threads may share.
    - `alone`: loops that one thread runs.
    """

    calls: list[Operation]
    loops: list[list[Operation]]
    alone: list[list[Operation]]


def groups_of(e: Any) -> list[Group]:
    """Of each stage the loops, and those of the last calls of the stage before that can be done with them."""
    before = [[], *e.plan.calls][: len(e.plan.loops)]
    held = [_held_back(e, *stage) for stage in zip(before, e.plan.first, e.plan.loops, strict=True)]
    shared = {id(call) for calls in held for call in calls}
    others = [call for calls in e.plan.calls for call in calls if id(call) not in shared]
    foreign = {place for call in others for place in _changed(e, call)}
    groups = []
    for calls, loops in zip(held, e.plan.loops, strict=True):
        fit = [loop for loop in loops if work(loop) >= DENSE or not foreign & _touched(e, loop)]
        groups.append(Group(calls if fit else [], fit, [loop for loop in loops if not any(loop is own for own in fit)]))
    return groups


def _held_back(e: Any, calls: list[Operation], first: list[Operation], loops: list[list[Operation]]) -> list[Operation]:
    """The last calls before loops, as far back as each can be done in halves together with them."""
    between = {id(atom) for operation in first for atom in operation.inputs}
    held: list[Operation] = []
    for operation in reversed(calls) if loops else ():
        if operation.kind == "call":
            if any(id(v) in between for v in operation.outputs) or not _fits(e, operation, held, loops):
                break
            held.insert(0, operation)
        between |= {id(atom) for atom in operation.inputs if operation.kind != "call"}
    return held


def _fits(e: Any, call: Operation, later: list[Operation], loops: list[list[Operation]]) -> bool:
    """Whether a half of a call reads and changes nothing but its half of what later calls and loops read and change."""
    if "block" in call.params or CALLS[call.name].section(e, call) is None:
        return False
    [(output, source)] = in_place(call).items()
    own = _place(e, call.outputs[output])
    if _place(e, call.inputs[source]) != own or e.origin(call.inputs[source]) is not call.inputs[source]:
        return False  # would have to be copied first
    read = {_place(e, atom) for k, atom in enumerate(call.inputs) if k != source and not atom.scalar}
    changed = {own, *(place for loop in loops for place in _stored(e, loop))}
    changed |= {place for other in later for place in _changed(e, other)}
    if read & changed or any(own in _read(e, other) for other in later):
        return False
    size = call.outputs[output].size
    same = lambda atom: atom.size == size and e.origin(atom) is atom
    touching = [a for loop in loops for op in loop for a in (*op.inputs, *op.outputs) if _place(e, a) == own]
    return all(map(same, touching))


def _place(e: Any, atom: Any) -> Any:
    """Which memory an array lies in; `None` for what lies in registers."""
    if not isinstance(atom, Value) or atom.scalar:
        return None
    slot = e.plan.slots.get(id(e.origin(atom)))
    return None if slot is None else e.place(slot)


def _read(e: Any, call: Operation) -> set[Any]:
    """The memory that a call reads and does not change."""
    return {_place(e, a) for k, a in enumerate(call.inputs) if k not in in_place(call).values()} - {None}


def _changed(e: Any, call: Operation) -> set[Any]:
    return {_place(e, value) for value in call.outputs} - {None}


def _stored(e: Any, loop: list[Operation]) -> set[Any]:
    """The memory that a loop writes. Of spikes it writes bits; where those lie nothing else does."""
    written = lambda v: id(v) not in e.plan.lists or e.plan.lists[id(v)].kept == Kept.WRITTEN
    return {_place(e, op.outputs[0]) for op in loop if written(op.outputs[0])} - {None}


def _touched(e: Any, loop: list[Operation]) -> set[Any]:
    return {_place(e, atom) for op in loop for atom in op.inputs} - {None} | _stored(e, loop)


def _weight(loop: list[Operation]) -> int:
    return work(loop) * (_COUNTS if work(loop) >= DENSE else 1)


def is_worth_two(plan: Plan) -> bool:
    """Whether there may be loops so long that another thread should take half of them."""
    own = any(sum(_weight(loop) * loop[0].outputs[0].size for loop in loops) >= WORTH_TWO for loops in plan.loops)
    return own or any(is_worth_two(part.plan) for parts in plan.parts.values() for part in parts)


def any_worth_two(e: Any) -> Any:
    """The same, for the sizes of a run and for loops that can be shared."""
    wanted = ir.IntType(1)(0)
    for group in groups_of(e):
        wanted = e.builder.or_(wanted, _worth_two(e, group.loops))
    within = [part.plan for parts in e.plan.parts.values() for part in parts]
    for loop in (loop for plan in within for loop in loops_within(plan)):
        if work(loop) >= DENSE:
            wanted = e.builder.or_(wanted, _worth_two(e, [loop]))
    return wanted


def _worth_two(e: Any, loops: list[list[Operation]]) -> Any:
    total = _WORD(0)
    for loop in loops:
        total = e.builder.add(total, e.builder.mul(e.size(loop[0].outputs[0]), _WORD(_weight(loop))))
    return e.builder.icmp_unsigned(">=", total, _WORD(WORTH_TWO))


class _Piece(NamedTuple):
    """Work of which halves can be done.

    - `words`: what it is given.
    - `whole`: does all of it, given a builder, the frame and the address of the words.
    - `half`: given which half, too.
    - `joined`: what follows two halves, if anything.
    """

    words: list[Any]
    whole: Callable[[Any, Any, Any], None]
    half: Callable[[Any, Any, Any, Any], None]
    joined: Callable[[], None] = lambda: None


def run_group(e: Any, group: Group) -> None:
    """Runs calls and loops, in two halves if it is worth it and there is another thread, and lists the spikes."""
    pieces = [_piece_of_call(e, call) for call in group.calls]
    for loop in group.loops:
        pieces.append(_piece_of_loop(e, loop))
        pieces += [_piece_of_list(e, op.outputs[0]) for op in loop if id(op.outputs[0]) in e.plan.lists]
    if e.second is None or not pieces:
        _in_one(e, pieces)
    else:
        builder = e.builder
        with builder.if_else(builder.and_(e.second.exists(builder), _worth_two(e, group.loops))) as (in_two, own):
            with in_two:
                given = _in_memory(builder, [word for piece in pieces for word in piece.words])
                e.second.run(builder, e.frame, given, _half_of(e, pieces))
                for piece in pieces:
                    piece.joined()
            with own:
                _in_one(e, pieces)
    for loop in group.alone:
        lists = [_piece_of_list(e, op.outputs[0]) for op in loop if id(op.outputs[0]) in e.plan.lists]
        _in_one(e, [_piece_of_loop(e, loop), *lists])


def _in_one(e: Any, pieces: list[_Piece]) -> None:
    for piece in pieces:
        piece.whole(e.builder, e.frame, _in_memory(e.builder, piece.words))


def _at(builder: Any, address: Any, k: int) -> Any:
    return builder.load(builder.inttoptr(builder.add(address, _WORD(8 * k)), _WORD.as_pointer()))


def _half_of(e: Any, pieces: list[_Piece]) -> Any:
    """A half of all the pieces as a function."""
    module = e.builder.module
    half = ir.Function(module, ir.FunctionType(ir.VoidType(), [_WORD] * 3), module.get_unique_name("neuroeqx_half"))
    builder = ir.IRBuilder(half.append_basic_block())
    frame, given, which = half.args
    for piece in pieces:
        piece.half(builder, frame, given, which)
        given = builder.add(given, _WORD(8 * len(piece.words)))
    builder.ret_void()
    return half


def _middle(builder: Any, size: Any) -> Any:
    """Where the second half begins: with a whole word of bits."""
    return builder.and_(builder.lshr(size, _WORD(1)), _WORD(-64))


def _section(builder: Any, size: Any, which: Any) -> tuple[Any, Any]:
    """Where a half begins and ends."""
    middle, first = _middle(builder, size), builder.icmp_unsigned("==", which, _WORD(0))
    return builder.select(first, _WORD(0), middle), builder.select(first, middle, size)


def _piece_of_call(e: Any, call: Operation) -> _Piece:
    kernel = CALLS[call.name].section(e, call)
    assert kernel is not None
    name, words, dtypes = kernel()

    def half(builder: Any, frame: Any, address: Any, which: Any) -> None:
        inner = copy.copy(e)
        inner.builder = builder
        own = [_at(builder, address, k + 1) for k in range(len(words))]
        inner.call(name, [*own, *_section(builder, _at(builder, address, 0), which)], dtypes)

    size = e.size(call.outputs[0])
    return _Piece([size, *words], lambda builder, frame, address: CALLS[call.name].emit(e, call), half)


def _piece_of_loop(e: Any, operations: list[Operation]) -> _Piece:
    singles, arrays = _given(e, operations)
    function = _function(e, operations, singles, arrays)
    size = e.size(operations[0].outputs[0])
    words = [size, e.member, e.thread, *(_as_word(e.builder, e.single(v)) for v in singles), *map(e.address, arrays)]

    def whole(builder: Any, frame: Any, address: Any) -> None:
        builder.call(function, [frame, address, _WORD(0), _at(builder, address, 0)])

    def half(builder: Any, frame: Any, address: Any, which: Any) -> None:
        builder.call(function, [frame, address, *_section(builder, _at(builder, address, 0), which)])

    return _Piece(words, whole, half)


def _piece_of_list(e: Any, value: Value) -> _Piece:
    """The list of the bits that a loop has written."""
    own = e.plan.lists[id(value)]
    bits, places, halves = (e.data(*e.place(slot)) for slot in (own.bits, own.places, own.halves))
    size, kept, dtypes = e.size(value), e.word(own.kept), [value.dtype.type]

    def half(builder: Any, frame: Any, address: Any, which: Any) -> None:
        inner = copy.copy(e)
        inner.builder = builder
        size, bits, halves = (_at(builder, address, k) for k in range(3))
        inner.call("mark_half", [bits, size, *_section(builder, size, which), halves], [])

    def joined() -> None:
        e.call("mark_from", [halves, _middle(e.builder, size), size, places, e.address(value), kept], dtypes)

    whole = lambda builder, frame, given: e.call("mark", [bits, size, places, e.address(value), kept], dtypes)
    return _Piece([size, bits, halves], whole, half, joined)


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
