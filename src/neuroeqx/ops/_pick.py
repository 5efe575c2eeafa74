"""Picking the synapses of a row that lie within a section of the targets, a vector at a time, in the language of kernels."""

from llvmlite import ir

from ._active import LIST
from .language import intrinsic, UINT64, Value, word


LANES = 16  # 32-bit numbers in 64 bytes
MOST = LIST - LANES  # picked synapses in a list on the stack, behind which a whole vector is written


def _load(writer, array, position, mask):
    """The numbers at 16 places, where the mask has bits."""
    number, kind = ir.IntType(32), ir.VectorType(array.type.dtype.llvm, LANES)
    pointer = writer.builder.bitcast(writer.pointer(array, position, inbounds=False), kind.as_pointer())
    declaration = ir.FunctionType(kind, [kind.as_pointer(), number, mask.type, kind])
    function = writer.declared(f"llvm.masked.load.v{LANES}i32.p0", declaration)
    return writer.builder.call(function, [pointer, number(4), mask, ir.Constant(kind, None)])


def _append(writer, lanes, mask, array, position):
    """Writes the numbers whose bits are set, one after the other, and something behind them."""
    declaration = ir.FunctionType(lanes.type, [lanes.type, mask.type, lanes.type])
    function = writer.declared(f"llvm.experimental.vector.compress.v{LANES}i32", declaration)
    packed = writer.builder.call(function, [lanes, mask, ir.Constant(lanes.type, ir.Undefined)])
    pointer = writer.builder.bitcast(writer.pointer(array, position), lanes.type.as_pointer())
    writer.builder.store(packed, pointer, align=4)


@intrinsic
def pick(writer, indices, k, end, first, size, places, synapses, count):
    """Appends the targets of the next 16 synapses from `k` on (below `end`) that lie within a section.

    And the numbers of the synapses, unless there is no list for them. Returns how many there are then. What follows them in
    the lists is overwritten.
    """
    builder, number, kind = writer.builder, ir.IntType(32), ir.VectorType(ir.IntType(32), LANES)
    k_, end_, first, size, count_ = (word(builder, value) for value in (k, end, first, size, count))
    lane, every = ir.Constant(kind, list(range(LANES))), ir.Constant(kind, [0] * LANES)

    def low(value):
        single = builder.insert_element(ir.Constant(kind, ir.Undefined), builder.trunc(value, number), number(0))
        return builder.shuffle_vector(single, ir.Constant(kind, ir.Undefined), every)

    left, most = builder.sub(end_, k_), ir.IntType(64)(LANES)
    left = builder.select(builder.icmp_unsigned("<", left, most), left, most)
    there = builder.icmp_unsigned("<", lane, low(left))
    targets = _load(writer, indices, k, there)
    own = builder.icmp_unsigned("<", builder.sub(targets, low(first)), low(size))
    own = builder.and_(own, there)
    _append(writer, targets, own, places, count)
    if synapses.parts:
        _append(writer, builder.add(low(k_), lane), own, synapses, count)
    bits = builder.bitcast(own, ir.IntType(LANES))
    return Value(UINT64, (builder.add(count_, builder.zext(builder.ctpop(bits), ir.IntType(64))),))
