"""A second thread for the whole of a run, to which loops and products hand one half of their work.

One of XLA's own threads is asked for when a run begins. It then looks for work again and again until the run ends, so that
handing something over takes a fraction of a microsecond; to ask XLA each time takes tens of them. XLA promises neither that
there is a thread nor when it comes, so nothing waits for one that has not begun: a half that is not claimed in time is done
by the thread that offered it. Whoever has looked for long lets others have the processor, so that on a machine with too much to
do two threads are not slower than one.

Both look at a block of words on the heap, because a thread may come when the run is over. Words that different threads write
lie in different lines of the cache.
"""

import sys
from typing import Any

from llvmlite import ir

from ..ops._two_threads import BYTE, field, let_go, library, schedule, WORD


_OFFERED, _FUNCTION, _GIVEN, _FRAME, _STOP, _CLAIMED, _DONE, _HOLDERS = 0, 1, 2, 3, 4, 8, 16, 24
_SIZE = 32
_HALF = ir.FunctionType(ir.VoidType(), [WORD, WORD, WORD])


class SecondThread:
    """
    - `block`: the address of the words, which is zero where there is no second thread.
    """

    def __init__(self, builder: Any, frame: Any, wanted: Any):
        """Asks for it if it is `wanted`."""
        with builder.goto_entry_block():
            place = builder.alloca(WORD)
        builder.store(WORD(0), place)
        with builder.if_then(wanted):
            block = builder.call(library(builder, "malloc", BYTE, WORD), [WORD(8 * _SIZE)])
            first = (_OFFERED, 0), (_STOP, 0), (_CLAIMED, 0), (_DONE, 0), (_HOLDERS, 2)
            for word, value in first:
                builder.store(WORD(value), field(builder, block, word))
            builder.store(frame, field(builder, block, _FRAME))
            error = schedule(builder, frame, _task(builder.module), block)
            # Where no task was taken there is no other holder.
            with builder.if_then(builder.icmp_unsigned("!=", error, WORD(0))):
                builder.store(WORD(1), field(builder, block, _HOLDERS))
            builder.store(builder.ptrtoint(block, WORD), place)
        self.block = builder.load(place)

    def exists(self, builder: Any) -> Any:
        return builder.icmp_unsigned("!=", self.block, WORD(0))

    def run(self, builder: Any, frame: Any, given: Any, half: Any) -> None:
        """Runs `half(frame, given, 0)` here and `half(frame, given, 1)` there, a function of this module."""
        block = builder.inttoptr(self.block, BYTE)
        before = builder.load(field(builder, block, _OFFERED))
        own = builder.add(before, WORD(1))
        builder.store(builder.ptrtoint(half, WORD), field(builder, block, _FUNCTION))
        builder.store(given, field(builder, block, _GIVEN))
        builder.store_atomic(own, field(builder, block, _OFFERED), "release", 8)
        builder.call(half, [frame, given, WORD(0)])
        with builder.if_else(_claim(builder, block, before, own)) as (ours, theirs):
            with ours:
                builder.call(half, [frame, given, WORD(1)])
            with theirs:
                _wait(builder, block, own)

    def end(self, builder: Any) -> None:
        with builder.if_then(self.exists(builder)):
            block = builder.inttoptr(self.block, BYTE)
            builder.store_atomic(WORD(1), field(builder, block, _STOP), "release", 8)
            let_go(builder, block, _HOLDERS)


def _claim(builder: Any, block: Any, before: Any, own: Any) -> Any:
    """Whether the second half of what was offered as number `own` is ours."""
    claimed = builder.cmpxchg(field(builder, block, _CLAIMED), before, own, "acq_rel", "acquire")
    return builder.extract_value(claimed, 1)


_PATIENCE = 2**12  # times of looking, about 10 us, after which the processor is offered to others


def _looked(builder: Any, place: Any) -> None:
    """Counts in a word of the stack how often something was looked for in vain."""
    count = builder.add(builder.load(place), WORD(1))
    builder.store(count, place)
    with builder.if_then(builder.icmp_unsigned("==", builder.urem(count, WORD(_PATIENCE)), WORD(0)), likely=False):
        name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
        builder.call(library(builder, name, ir.IntType(32)), [])


def _wait(builder: Any, block: Any, own: Any) -> None:
    """Until the other thread, which has begun, is done."""
    with builder.goto_entry_block():
        count = builder.alloca(WORD)
    builder.store(WORD(0), count)
    again, not_yet, done = (builder.append_basic_block(name) for name in ("again", "not_yet", "done"))
    builder.branch(again)
    builder.position_at_end(again)
    finished = builder.load_atomic(field(builder, block, _DONE), "acquire", 8)
    builder.cbranch(builder.icmp_unsigned("==", finished, own), done, not_yet)
    builder.position_at_end(not_yet)
    _looked(builder, count)
    builder.branch(again)
    builder.position_at_end(done)


def _task(module: Any) -> Any:
    """The function that the other thread runs."""
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [BYTE]), "neuroeqx_second_thread")
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    [block] = function.args
    names = "look", "idle", "new", "mine", "seen", "end"
    look, idle, new, mine, seen, end = (function.append_basic_block(name) for name in names)
    entry, count = builder.block, builder.alloca(WORD)
    builder.store(WORD(0), count)
    builder.branch(look)
    builder.position_at_end(look)
    last = builder.phi(WORD)
    offered = builder.load_atomic(field(builder, block, _OFFERED), "acquire", 8)
    builder.cbranch(builder.icmp_unsigned("==", offered, last), idle, new)
    builder.position_at_end(idle)
    _looked(builder, count)
    idle = builder.block
    stop = builder.load_atomic(field(builder, block, _STOP), "acquire", 8)
    builder.cbranch(builder.icmp_unsigned("==", stop, WORD(0)), look, end)
    builder.position_at_end(new)
    builder.cbranch(_claim(builder, block, builder.sub(offered, WORD(1)), offered), mine, seen)
    builder.position_at_end(mine)
    half = builder.inttoptr(builder.load(field(builder, block, _FUNCTION)), _HALF.as_pointer())
    frame, given = (builder.load(field(builder, block, word)) for word in (_FRAME, _GIVEN))
    builder.call(half, [frame, given, WORD(1)])
    builder.store_atomic(offered, field(builder, block, _DONE), "release", 8)
    builder.store(WORD(0), count)
    builder.branch(seen)
    builder.position_at_end(seen)
    builder.branch(look)
    for number, source in ((WORD(0), entry), (last, idle), (offered, seen)):
        last.add_incoming(number, source)
    builder.position_at_end(end)
    let_go(builder, block, _HOLDERS)
    builder.ret_void()
    return function
