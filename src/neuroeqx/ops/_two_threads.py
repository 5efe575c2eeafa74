"""A second thread for native code whose work is worth it, in LLVM's language.

The thread is one of XLA's own, asked for through the interface that called the kernel; none is started here. XLA promises
neither that there is one nor when a task runs, so nothing ever waits for a task that has not begun: who comes first, the
other thread or the one that asked, after its own half, claims the second half. Three words say how it stands (claimed,
done, holders); they are on the heap, because a task that comes too late still looks at them.
"""

from llvmlite import ir

from ._frame import api_function, CONTEXT


_WORD, _BYTE = ir.IntType(64), ir.IntType(8).as_pointer()
_CLAIMED, _DONE, _HOLDERS, _FRAME, _NUMBER, _SIZE = range(6)


def _field(builder, block, place):
    return builder.gep(builder.bitcast(block, _WORD.as_pointer()), [_WORD(place)])


def _library(builder, name, result, *arguments):
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(result, arguments), name)


def _claim(builder, block):
    """Whether the second half is ours."""
    claimed = builder.cmpxchg(_field(builder, block, _CLAIMED), _WORD(0), _WORD(1), "acq_rel", "acquire")
    return builder.extract_value(claimed, 1)


def _let_go(builder, block):
    """The last of the two holders frees the block."""
    holders = builder.atomic_rmw("sub", _field(builder, block, _HOLDERS), _WORD(1), "acq_rel")
    with builder.if_then(builder.icmp_unsigned("==", holders, _WORD(1))):
        builder.call(_library(builder, "free", ir.VoidType(), _BYTE), [block])


def _task(module, name, half):
    """The function that the other thread runs."""
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_BYTE]), name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    [block] = function.args
    with builder.if_then(_claim(builder, block)):
        frame, number = (builder.load(_field(builder, block, place)) for place in (_FRAME, _NUMBER))
        half(builder, frame, number, 1)
        builder.store_atomic(_WORD(1), _field(builder, block, _DONE), "release", 8)
    _let_go(builder, block)
    builder.ret_void()
    return function


def _schedule(builder, frame, task, block):
    """Asks for the task to be run. An error is no answer: the task will then be done here."""
    load = lambda offset: builder.load(builder.inttoptr(builder.add(frame, _WORD(offset)), _WORD.as_pointer()))
    with builder.goto_entry_block():
        details = builder.alloca(ir.ArrayType(_WORD, 5))
    values = _WORD(40), _WORD(0), load(CONTEXT), builder.ptrtoint(task, _WORD), builder.ptrtoint(block, _WORD)
    for place, value in enumerate(values):
        builder.store(value, builder.gep(details, [ir.IntType(32)(0), ir.IntType(32)(place)]))
    schedule = api_function(builder, frame, "ThreadPool_Schedule", ir.FunctionType(_WORD, [_BYTE]))
    return builder.call(schedule, [builder.bitcast(details, _BYTE)])


def _wait(builder, block):
    """Until the other thread, which has begun, is done."""
    function = builder.function
    again, done = function.append_basic_block("again"), function.append_basic_block("done")
    builder.branch(again)
    builder.position_at_end(again)
    finished = builder.load_atomic(_field(builder, block, _DONE), "acquire", 8)
    builder.cbranch(builder.icmp_unsigned("==", finished, _WORD(0)), again, done)
    builder.position_at_end(done)


def run_in_two(builder, frame, number, half, name):
    """Runs the two halves that `half(builder, frame, number, which)` writes, in LLVM's language.

    **Arguments:**

    - `number`: a word that both get.
    - `name`: of the function that the other thread runs, of which a module has one.
    """
    block = builder.call(_library(builder, "malloc", _BYTE, _WORD), [_WORD(8 * _SIZE)])
    fields = (_CLAIMED, _WORD(0)), (_DONE, _WORD(0)), (_HOLDERS, _WORD(2)), (_FRAME, frame), (_NUMBER, number)
    for place, value in fields:
        builder.store(value, _field(builder, block, place))
    error = _schedule(builder, frame, _task(builder.module, name, half), block)
    half(builder, frame, number, 0)
    with builder.if_else(_claim(builder, block)) as (ours, theirs):
        with ours:
            half(builder, frame, number, 1)
        with theirs:
            _wait(builder, block)
    # Where no task was taken there is no other holder.
    with builder.if_then(builder.icmp_unsigned("!=", error, _WORD(0))):
        builder.store(_WORD(1), _field(builder, block, _HOLDERS))
    _let_go(builder, block)


def number_of_threads(builder, frame):
    """How many threads XLA has for us; one where it does not say."""
    pointer = lambda value: builder.ptrtoint(value, _WORD)
    load = lambda offset: builder.load(builder.inttoptr(builder.add(frame, _WORD(offset)), _WORD.as_pointer()))
    with builder.goto_entry_block():
        details, count = builder.alloca(ir.ArrayType(_WORD, 4)), builder.alloca(_WORD)
    builder.store(_WORD(1), count)
    for place, value in enumerate((_WORD(32), _WORD(0), load(CONTEXT), pointer(count))):
        builder.store(value, builder.gep(details, [ir.IntType(32)(0), ir.IntType(32)(place)]))
    ask = api_function(builder, frame, "ThreadPool_NumThreads", ir.FunctionType(_WORD, [_BYTE]))
    builder.call(ask, [builder.bitcast(details, _BYTE)])
    return builder.load(count)
