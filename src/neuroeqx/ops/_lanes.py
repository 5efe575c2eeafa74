"""Explicit vectors of 64 bytes in the language of kernels: one lane per member of a batch."""

import numpy as np
from llvmlite import ir

from .language import intrinsic, kernel, Lanes, static, Value, word


_BYTES = 64


def width(dtype: type) -> int:
    """How many lanes of this dtype a vector has."""
    return _BYTES // np.dtype(dtype).itemsize


def _vector(kind):
    """Of lanes, in LLVM's language."""
    [vector] = kind.parts
    return vector


@intrinsic
def load(writer, array, position):
    """The lanes `array[position], array[position + 1], ...`"""
    kind = Lanes(array.type.dtype)
    pointer = writer.builder.bitcast(writer.pointer(array, position), _vector(kind).as_pointer())
    return Value(kind, (writer.builder.load(pointer, align=array.type.dtype.bytes),))


@intrinsic
def store(writer, array, position, lanes):
    """`array[position + l] = lanes[l]`"""
    pointer = writer.builder.bitcast(writer.pointer(array, position), _vector(lanes.type).as_pointer())
    writer.builder.store(lanes.parts[0], pointer, align=array.type.dtype.bytes)
    return static(None)


@intrinsic
def fill(writer, value):
    """The same value in every lane."""
    kind = Lanes(value.type)
    vector = _vector(kind)
    single = writer.builder.insert_element(ir.Constant(vector, ir.Undefined), value.parts[0], ir.IntType(32)(0))
    every = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return Value(kind, (writer.builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), every),))


@intrinsic
def multiply_add(writer, a, b, c):
    """`a * b + c`, fused where the processor can."""
    product = writer.builder.fmul(a.parts[0], b.parts[0], flags=("contract",))
    return Value(a.type, (writer.builder.fadd(product, c.parts[0], flags=("contract",)),))


@intrinsic
def add(writer, a, b):
    return Value(a.type, (writer.builder.fadd(a.parts[0], b.parts[0], flags=("contract",)),))


@intrinsic
def multiply(writer, a, b):
    return Value(a.type, (writer.builder.fmul(a.parts[0], b.parts[0], flags=("contract",)),))


@intrinsic
def divide(writer, a, b):
    return Value(a.type, (writer.builder.fdiv(a.parts[0], b.parts[0]),))


@intrinsic
def total(writer, lanes):
    """The sum of all lanes, in any order."""
    vector, element = _vector(lanes.type), lanes.type.element
    kind = ir.FunctionType(vector.element, [vector.element, vector])
    function = writer.declared(f"llvm.vector.reduce.fadd.v{vector.count}f{element.bits}", kind)
    start = ir.Constant(vector.element, 0.0)
    return Value(element, (writer.builder.call(function, [start, lanes.parts[0]], fastmath=("reassoc",)),))


@intrinsic
def _transpose(writer, source, position, stride, rows, sink, sink_position, sink_stride, sink_rows):
    """A square block, a vector's length on each side: `sink[j, i] = source[i, j]`, rows `stride` entries apart.

    Of the source only the first `rows` are read, the rest is zero; of the sink only the first `sink_rows` are written.
    """
    builder, number, dtype = writer.builder, ir.IntType(64), source.type.dtype
    vector = _vector(Lanes(dtype))
    align, side = dtype.bytes, vector.count
    position, stride, rows = (word(builder, value) for value in (position, stride, rows))
    sink_position, sink_stride, sink_rows = (word(builder, value) for value in (sink_position, sink_stride, sink_rows))

    def exists(i, rows):
        return builder.icmp_signed("<", number(i), rows)

    def pointer(i, array, start, stride, rows):
        row = builder.select(exists(i, rows), number(i), builder.sub(rows, number(1)))
        place = builder.add(start, builder.mul(stride, row))
        return builder.bitcast(builder.gep(array.parts[0], [place]), vector.as_pointer())

    values = [builder.load(pointer(i, source, position, stride, rows), align=align) for i in range(side)]
    zero = ir.Constant(vector, None)
    values = [builder.select(exists(i, rows), values[i], zero) for i in range(side)]
    # Interleaving the first half of the rows with the second, log2(side) times, transposes them.
    mask = ir.VectorType(ir.IntType(32), side)
    halves = [[start + i // 2 + side * (i % 2) for i in range(side)] for start in (0, side // 2)]
    for _ in range(side.bit_length() - 1):
        pairs = zip(values[: side // 2], values[side // 2 :], strict=True)
        values = [builder.shuffle_vector(a, b, ir.Constant(mask, half)) for a, b in pairs for half in halves]
    for i in reversed(range(side)):  # rows that do not exist go where the last one is written after them
        builder.store(values[i], pointer(i, sink, sink_position, sink_stride, sink_rows), align=align)
    return static(None)


@kernel
def gather_lanes(batch, size, first, count, lanes, packed):
    """Packs members `first` to `first + count` of `batch[members, size]` as `packed[size, lanes]`; the rest is zero."""
    whole = size - size % lanes
    for i in range(0, whole, lanes):
        _transpose(batch, first * size + i, size, count, packed, i * lanes, lanes, lanes)
    packed[whole * lanes :] = 0
    for i in range(whole, size):
        for member in range(count):
            packed[i * lanes + member] = batch[(first + member) * size + i]


@kernel
def scatter_lanes(packed, size, first, count, lanes, batch):
    """The way back of `gather_lanes`."""
    whole = size - size % lanes
    for i in range(0, whole, lanes):
        _transpose(packed, i * lanes, lanes, lanes, batch, first * size + i, size, count)
    for i in range(whole, size):
        for member in range(count):
            batch[(first + member) * size + i] = packed[i * lanes + member]
