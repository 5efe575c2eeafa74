"""Finding the active entries of a vector of spikes, in the language of kernels."""

import numpy as np
from llvmlite import ir

from .language import INT64, intrinsic, kernel, stack_array, UINT64, Value, word


LIST = 256  # entries of the list of active positions that a kernel keeps on its stack
_BLOCK = 64  # entries that are looked at together: as many as a word has bits


@kernel
def stack_list():
    """Room for `LIST` positions on the stack."""
    return stack_array(LIST, np.uint32)


@intrinsic
def _nonzero(writer, array, position):
    """64 bits: which of the 64 entries from `position` on are not zero (NaN is not, -0.0 is)."""
    builder, dtype = writer.builder, array.type.dtype
    block = ir.VectorType(dtype.llvm, _BLOCK)
    pointer = builder.bitcast(writer.pointer(array, position), block.as_pointer())
    values = builder.load(pointer, align=dtype.bytes)
    fired = builder.fcmp_unordered("!=", values, ir.Constant(block, None))
    return Value(UINT64, (builder.bitcast(fired, ir.IntType(64)),))


@intrinsic
def _lowest(writer, bits):
    """The position of the lowest bit that is set in a word that is not 0."""
    return Value(INT64, (writer.builder.cttz(word(writer.builder, bits), ir.IntType(1)(1)),))


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
            bits &= bits - np.uint64(1)
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
            bits &= bits - np.uint64(1)
        i += _BLOCK
    while i < stop:
        ids[count] = i  # overwritten by the next one, unless it is active
        count += x[i] != 0
        i += 1
    return count


@kernel
def listed_words(words, first, end, ids):
    """Lists the bits that are set in the words from `first` to `end`. Returns how many there are."""
    count = np.uint64(0)
    for w in range(first, end):
        bits = words[w]
        while bits != 0:
            ids[count] = w * _BLOCK + _lowest(bits)
            count += np.uint64(1)
            bits &= bits - np.uint64(1)
    return count


@kernel
def first_from(ids, count, least):
    """The place of the first of `count` rising numbers that is not below `least`."""
    low, high = np.uint64(0), np.uint64(count)
    while low < high:
        middle = (low + high) >> np.uint64(1)
        if ids[middle] < least:
            low = middle + np.uint64(1)
        else:
            high = middle
    return low
