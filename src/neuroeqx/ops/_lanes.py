"""Explicit vectors of 64 bytes for kernels compiled by numba: one lane per member of a batch."""

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import models, register_model

from ._ffi import intrinsic, kernel


_BYTES = 64


class _Lanes(types.Type):
    """16 float32 or 8 float64 in a vector register (or several, where registers are shorter)."""

    def __init__(self, element: types.Float):
        self.element = element
        super().__init__(name=f"Lanes({element})")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        element = manager.lookup(lanes.element).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(element, _BYTES * 8 // lanes.element.bitwidth))


def width(dtype: type) -> int:
    """How many lanes of this dtype a vector has."""
    return _BYTES // np.dtype(dtype).itemsize


def _pointer(context, builder, array_type, array, position, vector):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [position]), vector.as_pointer())


@intrinsic
def load(typingctx, array, position):
    """The lanes `array[position], array[position + 1], ...`"""

    def generate(context, builder, signature, args):
        vector = context.get_value_type(signature.return_type)
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1], vector)
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return _Lanes(array.dtype)(array, position), generate


@intrinsic
def store(typingctx, array, position, lanes):
    """`array[position + l] = lanes[l]`"""

    def generate(context, builder, signature, args):
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1], args[2].type)
        builder.store(args[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, position, lanes), generate


@intrinsic
def fill(typingctx, value):
    """The same value in every lane."""
    lanes = _Lanes(value)

    def generate(context, builder, signature, args):
        vector = context.get_value_type(lanes)
        single = builder.insert_element(ir.Constant(vector, ir.Undefined), args[0], ir.IntType(32)(0))
        every = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
        return builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), every)

    return lanes(value), generate


@intrinsic
def multiply_add(typingctx, a, b, c):
    """`a * b + c`, fused where the processor can."""

    def generate(context, builder, signature, args):
        product = builder.fmul(args[0], args[1], flags=("contract",))
        return builder.fadd(product, args[2], flags=("contract",))

    return a(a, b, c), generate


@intrinsic
def total(typingctx, lanes):
    """The sum of all lanes, in any order."""

    def generate(context, builder, signature, args):
        vector = args[0].type
        suffix = f"v{vector.count}f{lanes.element.bitwidth}"
        declaration = ir.FunctionType(vector.element, [vector.element, vector])
        function = cgutils.get_or_insert_function(builder.module, declaration, f"llvm.vector.reduce.fadd.{suffix}")
        return builder.call(function, [ir.Constant(vector.element, 0.0), args[0]], fastmath=("reassoc",))

    return lanes.element(lanes), generate


@intrinsic
def _transpose(typingctx, source, position, stride, rows, sink, sink_position, sink_stride, sink_rows):
    """A square block, a vector's length on each side: `sink[j, i] = source[i, j]`, rows `stride` entries apart.

    Of the source only the first `rows` are read, the rest is zero; of the sink only the first `sink_rows` are written.
    """

    def generate(context, builder, signature, args):
        vector, word = context.get_value_type(_Lanes(source.dtype)), ir.IntType(64)
        align, side = source.dtype.bitwidth // 8, vector.count

        def exists(i, rows):
            return builder.icmp_signed("<", word(i), rows)

        def pointer(i, array_type, array, start, stride, rows):
            row = builder.select(exists(i, rows), word(i), builder.sub(rows, word(1)))
            return _pointer(context, builder, array_type, array, builder.add(start, builder.mul(stride, row)), vector)

        values = [builder.load(pointer(i, source, *args[:4]), align=align) for i in range(side)]
        zero = ir.Constant(vector, None)
        values = [builder.select(exists(i, args[3]), values[i], zero) for i in range(side)]
        # Interleaving the first half of the rows with the second, log2(side) times, transposes them.
        mask = ir.VectorType(ir.IntType(32), side)
        halves = [[start + i // 2 + side * (i % 2) for i in range(side)] for start in (0, side // 2)]
        for _ in range(side.bit_length() - 1):
            pairs = zip(values[: side // 2], values[side // 2 :], strict=True)
            values = [builder.shuffle_vector(a, b, ir.Constant(mask, half)) for a, b in pairs for half in halves]
        for i in reversed(range(side)):  # rows that do not exist go where the last one is written after them
            builder.store(values[i], pointer(i, sink, *args[4:]), align=align)
        return context.get_dummy_value()

    integers = (types.intp,) * 3
    return types.void(source, *integers, sink, *integers), generate


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
