"""A second thread in the language of kernels."""

from llvmlite import ir

from ._two_threads import run_in_two
from .language import INT64, intrinsic, static, Value, word


WORTH_TWO = 2**18  # synapses (times members of a batch) from which another thread is asked: some 100 us of work


@intrinsic
def in_two(writer, part, frame, dtypes, number):
    """Runs `part(frame, 0, *dtypes, number)` and `part(frame, 1, *dtypes, number)`, the second in another thread where
    there is one.

    `part` is a kernel, which reads its operands from the frame again; `number` any whole number it needs.
    """
    builder, known = writer.builder, [Value(kind, ()) for kind in dtypes.type.of]

    def half(builder, frame, number, which):
        frame, which, number = (Value(INT64, (one,)) for one in (frame, ir.IntType(64)(which), number))
        writer.program.call(builder, part.type.value, [frame, which, *known, number])

    name = builder.module.get_unique_name("neuroeqx_second_half")
    run_in_two(builder, word(builder, frame), word(builder, number), half, name)
    return static(None)
