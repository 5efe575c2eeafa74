"""A second thread for native code whose work is worth it, in LLVM's language.

The thread is one of XLA's own, asked for through the interface that called the kernel; none is started here. XLA promises
neither that there is one nor when a task runs, so nothing ever waits for a task that has not begun: who comes first, the
other thread or the one that asked, after its own half, claims the second half. Three words say how it stands (claimed,
done, holders); they are on the heap, because a task that comes too late still looks at them.
"""

from llvmlite import ir

from ._frame import api_function, CONTEXT


WORD, BYTE = ir.IntType(64), ir.IntType(8).as_pointer()
_CLAIMED, _DONE, _HOLDERS, _FRAME, _NUMBER, _SIZE = range(6)


def field(builder, block, place):
    """The address of a word."""
    return builder.gep(builder.bitcast(block, WORD.as_pointer()), [WORD(place)])


def library(builder, name, result, *arguments):
    """A function of the C library."""
    known = builder.module.globals.get(name)
    return known or ir.Function(builder.module, ir.FunctionType(result, arguments), name)


def _claim(builder, block):
    """Whether the second half is ours."""
    claimed = builder.cmpxchg(field(builder, block, _CLAIMED), WORD(0), WORD(1), "acq_rel", "acquire")
    return builder.extract_value(claimed, 1)


def let_go(builder, block, place):
    """The last of the two holders, whose number is that word of the block, frees it."""
    holders = builder.atomic_rmw("sub", field(builder, block, place), WORD(1), "acq_rel")
    with builder.if_then(builder.icmp_unsigned("==", holders, WORD(1))):
        builder.call(library(builder, "free", ir.VoidType(), BYTE), [block])


def _task(module, name, half):
    """The function that the other thread runs."""
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [BYTE]), name)
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    [block] = function.args
    with builder.if_then(_claim(builder, block)):
        frame, number = (builder.load(field(builder, block, place)) for place in (_FRAME, _NUMBER))
        half(builder, frame, number, 1)
        builder.store_atomic(WORD(1), field(builder, block, _DONE), "release", 8)
    let_go(builder, block, _HOLDERS)
    builder.ret_void()
    return function


def schedule(builder, frame, task, block):
    """Asks for the task to be run. An error is no answer: the task will then be done here."""
    load = lambda offset: builder.load(builder.inttoptr(builder.add(frame, WORD(offset)), WORD.as_pointer()))
    with builder.goto_entry_block():
        details = builder.alloca(ir.ArrayType(WORD, 5))
    values = WORD(40), WORD(0), load(CONTEXT), builder.ptrtoint(task, WORD), builder.ptrtoint(block, WORD)
    for place, value in enumerate(values):
        builder.store(value, builder.gep(details, [ir.IntType(32)(0), ir.IntType(32)(place)]))
    ask = api_function(builder, frame, "ThreadPool_Schedule", ir.FunctionType(WORD, [BYTE]))
    return builder.call(ask, [builder.bitcast(details, BYTE)])


def _wait(builder, block):
    """Until the other thread, which has begun, is done."""
    function = builder.function
    again, done = function.append_basic_block("again"), function.append_basic_block("done")
    builder.branch(again)
    builder.position_at_end(again)
    finished = builder.load_atomic(field(builder, block, _DONE), "acquire", 8)
    builder.cbranch(builder.icmp_unsigned("==", finished, WORD(0)), again, done)
    builder.position_at_end(done)


def run_in_two(builder, frame, number, half, name):
    """Runs the two halves that `half(builder, frame, number, which)` writes, in LLVM's language.

    **Arguments:**

    - `number`: a word that both get.
    - `name`: of the function that the other thread runs, of which a module has one.
    """
    block = builder.call(library(builder, "malloc", BYTE, WORD), [WORD(8 * _SIZE)])
    fields = (_CLAIMED, WORD(0)), (_DONE, WORD(0)), (_HOLDERS, WORD(2)), (_FRAME, frame), (_NUMBER, number)
    for place, value in fields:
        builder.store(value, field(builder, block, place))
    error = schedule(builder, frame, _task(builder.module, name, half), block)
    half(builder, frame, number, 0)
    with builder.if_else(_claim(builder, block)) as (ours, theirs):
        with ours:
            half(builder, frame, number, 1)
        with theirs:
            _wait(builder, block)
    # Where no task was taken there is no other holder.
    with builder.if_then(builder.icmp_unsigned("!=", error, WORD(0))):
        builder.store(WORD(1), field(builder, block, _HOLDERS))
    let_go(builder, block, _HOLDERS)


def number_of_threads(builder, frame):
    """How many threads XLA has for us; one where it does not say."""
    pointer = lambda value: builder.ptrtoint(value, WORD)
    load = lambda offset: builder.load(builder.inttoptr(builder.add(frame, WORD(offset)), WORD.as_pointer()))
    with builder.goto_entry_block():
        details, count = builder.alloca(ir.ArrayType(WORD, 4)), builder.alloca(WORD)
    builder.store(WORD(1), count)
    for place, value in enumerate((WORD(32), WORD(0), load(CONTEXT), pointer(count))):
        builder.store(value, builder.gep(details, [ir.IntType(32)(0), ir.IntType(32)(place)]))
    ask = api_function(builder, frame, "ThreadPool_NumThreads", ir.FunctionType(WORD, [BYTE]))
    builder.call(ask, [builder.bitcast(details, BYTE)])
    return builder.load(count)
