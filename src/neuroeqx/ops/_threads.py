"""A second thread for kernels compiled by numba. Imports numba."""

from llvmlite import ir
from numba import types

from ._ffi import intrinsic
from ._two_threads import run_in_two


WORTH_TWO = 2**18  # synapses (times members of a batch) from which another thread is asked: some 100 us of work

_WORD = ir.IntType(64)


@intrinsic
def in_two(typingctx, part, frame, dtypes, number):
    """Runs `part(frame, 0, *dtypes, number)` and `part(frame, 1, *dtypes, number)`, the second in another thread where
    there is one.

    `part` is a kernel of a module, which reads its operands from the frame again; `number` any whole number it needs.
    """
    arguments = (types.intp, types.intp, *dtypes, types.int64)
    signature, number_type = part.get_call_type(typingctx, arguments, {}), number

    def generate(context, builder, _, args):
        compiled = part.dispatcher.overloads[signature.args]
        context.active_code_library.add_linking_library(compiled.library)

        def half(builder, frame, number, which):
            dummies = [context.get_dummy_value() for _ in dtypes]
            values = [frame, _WORD(which), *dummies, number]
            context.call_internal_no_propagate(builder, compiled.fndesc, compiled.signature, values)

        _, frame, _, number = args
        number = context.cast(builder, number, number_type, types.int64)
        run_in_two(builder, frame, number, half, context.mangler("second_half", [signature]))
        return context.get_dummy_value()

    return types.void(part, types.intp, dtypes, number), generate
