"""Finding the active entries of a vector of spikes, for kernels compiled by numba."""

from llvmlite import ir
from numba import types
from numba.core import cgutils

from ._ffi import intrinsic, kernel


LIST = 256  # entries of the list of active positions that a kernel keeps on its stack
_BLOCK = 64  # entries that are looked at together: as many as a word has bits


@intrinsic
def stack_list(typingctx):
    """Address of `LIST` 32-bit words on the stack of the function that calls this."""

    def generate(context, builder, signature, args):
        space = cgutils.alloca_once(builder, ir.ArrayType(ir.IntType(32), LIST))
        return builder.bitcast(space, cgutils.voidptr_t)

    return types.voidptr(), generate


@intrinsic
def _nonzero(typingctx, array, position):
    """64 bits: which of the 64 entries from `position` on are not zero (NaN is not, -0.0 is)."""

    def generate(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        block = ir.VectorType(data.type.pointee, _BLOCK)
        pointer = builder.bitcast(builder.gep(data, [args[1]]), block.as_pointer())
        values = builder.load(pointer, align=array.dtype.bitwidth // 8)
        return builder.bitcast(builder.fcmp_unordered("!=", values, ir.Constant(block, None)), ir.IntType(64))

    return types.uint64(array, position), generate


@intrinsic
def _lowest(typingctx, bits):
    """The position of the lowest bit that is set in a word that is not 0."""

    def generate(context, builder, signature, args):
        return builder.cttz(args[0], ir.IntType(1)(1))

    return types.int64(bits), generate


@kernel
def any_active(x, start, stop):
    """Whether any of `x[start:stop]` is not zero."""
    seen = False
    for i in range(start, stop):
        seen |= x[i] != 0
    return seen


@kernel
def next_active(x, start, stop, active):
    """Lists the positions from `start` to `stop` at which `x` is not zero, until the list could overflow.

    Returns how many there are and the position to go on from.
    """
    count, i = 0, start
    while i + _BLOCK <= stop and count <= LIST - _BLOCK:
        bits = _nonzero(x, i)
        while bits != 0:
            active[count] = i + _lowest(bits)
            count += 1
            bits &= bits - types.uint64(1)
        i += _BLOCK
    if i + _BLOCK > stop:
        while i < stop and count < LIST:
            active[count] = i
            count += x[i] != 0
            i += 1
    return count, i


@kernel
def write_active(x, ids):
    """Lists the positions at which `x` is not zero in `ids`, which has room for all. Returns how many there are."""
    count, i, stop = 0, 0, x.shape[0]
    while i + _BLOCK <= stop:
        bits = _nonzero(x, i)
        while bits != 0:
            ids[count] = i + _lowest(bits)
            count += 1
            bits &= bits - types.uint64(1)
        i += _BLOCK
    while i < stop:
        ids[count] = i  # overwritten by the next one, unless it is active
        count += x[i] != 0
        i += 1
    return count


@kernel
def listed_words(words, first, end, ids):
    """Lists the bits that are set in the words from `first` to `end`. Returns how many there are."""
    count = types.uint64(0)
    for w in range(first, end):
        bits = words[w]
        while bits != 0:
            ids[count] = w * _BLOCK + _lowest(bits)
            count += types.uint64(1)
            bits &= bits - types.uint64(1)
    return count


@kernel
def first_from(ids, count, least):
    """The place of the first of `count` rising numbers that is not below `least`."""
    low, high = types.uint64(0), types.uint64(count)
    while low < high:
        middle = (low + high) >> types.uint64(1)
        if ids[middle] < least:
            low = middle + types.uint64(1)
        else:
            high = middle
    return low
