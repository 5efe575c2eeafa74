"""Vectors of words in the language of kernels: Philox blocks, digits of gaps, normal deviates.

Written in LLVM's language: none of it would become vectors by itself, and branches on random bits are slow.
"""

import numpy as np
from llvmlite import ir

from ..language import cast, intrinsic, kernel, Scalar, stack_array, static
from ._philox import INCREMENTS, MULTIPLIERS, ROUNDS


_BLOCKS = 8  # Philox blocks per vector
_VECTORS = 2  # that are made at once: one alone would wait for its own multiplications
WORDS = 4 * _BLOCKS * _VECTORS  # that `philox` writes
LANES = 16  # words that the other operations handle
STACK = 1024  # words of scratch space

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _same(vector, value):
    return ir.Constant(vector, [value] * vector.count)


def _fill(builder, vector, value):
    """A scalar in every lane."""
    nothing = ir.Constant(vector, ir.Undefined)
    single = builder.insert_element(nothing, value, _I32(0))
    return builder.shuffle_vector(single, nothing, _same(ir.VectorType(_I32, vector.count), 0))


def _place(writer, array, position, vector):
    return writer.builder.bitcast(writer.pointer(array, position), vector.as_pointer())


def _write_philox(builder, words, *scalars):
    """The body of `philox`; `words` is the address of the first word."""
    vector = ir.VectorType(_I64, _BLOCKS)
    low, half = _same(vector, 0xFFFFFFFF), _same(vector, 32)
    first, row, stream, k0, k1 = (_fill(builder, vector, builder.zext(scalar, _I64)) for scalar in scalars)
    numbers = [ir.Constant(vector, list(range(v * _BLOCKS, (v + 1) * _BLOCKS))) for v in range(_VECTORS)]
    states = [[builder.add(first, number), row, stream, _same(vector, 0)] for number in numbers]
    # Words lie in 64 bits of which the upper 32 are anything: a product takes the lower 32 of its factors.
    for _ in range(ROUNDS):
        for s in states:
            p0 = builder.mul(builder.and_(s[0], low), _same(vector, MULTIPLIERS[0]))
            p1 = builder.mul(builder.and_(s[2], low), _same(vector, MULTIPLIERS[1]))
            c0 = builder.xor(builder.lshr(p1, half), builder.xor(s[1], k0))
            c2 = builder.xor(builder.lshr(p0, half), builder.xor(s[3], k1))
            s[:] = [c0, p1, c2, p0]
        k0, k1 = (builder.add(k, _same(vector, i)) for k, i in zip((k0, k1), INCREMENTS, strict=True))
    for v, s in enumerate(states):
        pairs = [builder.or_(builder.and_(a, low), builder.shl(b, half)) for a, b in (s[:2], s[2:])]
        for part in range(2):
            order = [part * _BLOCKS // 2 + i // 2 + _BLOCKS * (i % 2) for i in range(_BLOCKS)]
            mixed = builder.shuffle_vector(*pairs, ir.Constant(ir.VectorType(_I32, _BLOCKS), order))
            place = builder.gep(words, [_I64((2 * v + part) * 2 * _BLOCKS)])
            builder.store(mixed, builder.bitcast(place, vector.as_pointer()), align=4)


@intrinsic
def philox(writer, words, position, *scalars):
    """Writes the words of 16 blocks to `words`, from `position` on. The scalars: block, row, stream and the key."""
    name, module = "neuroeqx_philox", writer.builder.module
    function = module.globals.get(name)
    if function is None:
        # A function of its own: copies in every place of use would take seconds to compile.
        declaration = ir.FunctionType(ir.VoidType(), [_I32.as_pointer(), *[_I32] * 5])
        function = ir.Function(module, declaration, name)
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        body = ir.IRBuilder(function.append_basic_block())
        _write_philox(body, *function.args)
        body.ret_void()
    numbers = [cast(writer.builder, scalar, Scalar("u", 32)) for scalar in scalars]
    writer.builder.call(function, [writer.pointer(words, position), *numbers])
    return static(None)


def _gather(writer, table, index, vector):
    """`table[index]` in every lane; `table` is the address of words."""
    builder, pointers = writer.builder, ir.VectorType(vector.element.as_pointer(), vector.count)
    wide = ir.VectorType(_I64, vector.count)
    start = _fill(builder, wide, builder.ptrtoint(table, _I64))
    addresses = builder.add(start, builder.shl(builder.zext(index, wide), _same(wide, 2)))
    mask = ir.VectorType(ir.IntType(1), vector.count)
    declaration = ir.FunctionType(vector, [pointers, _I32, mask, vector])
    name = f"llvm.masked.gather.v{vector.count}i32.v{vector.count}p0"
    function = writer.declared(name, declaration)
    every = ir.Constant(mask, [1] * vector.count)
    nothing = ir.Constant(vector, ir.Undefined)
    return builder.call(function, [builder.inttoptr(addresses, pointers), _I32(4), every, nothing])


_VECTOR = ir.VectorType(_I32, LANES)


@intrinsic
def digits(writer, words, position, gaps, table):
    """Makes 16 words from `position` on digits, by the alias table that begins at `gaps[table]`."""
    builder = writer.builder
    pointer = _place(writer, words, position, _VECTOR)
    drawn = builder.load(pointer, align=4)
    bucket = builder.lshr(drawn, _same(_VECTOR, 22))
    entry = _gather(writer, writer.pointer(gaps, table), bucket, _VECTOR)
    part = builder.and_(drawn, _same(_VECTOR, 0x3FFFFF))
    own = builder.icmp_unsigned("<", part, builder.lshr(entry, _same(_VECTOR, 10)))
    digit = builder.select(own, bucket, builder.and_(entry, _same(_VECTOR, 1023)))
    builder.store(digit, pointer, align=4)
    return static(None)


@intrinsic
def normals(writer, words, position, table):
    """Makes 16 words from `position` on normal deviates, int32 in units of 2^-26; see `normal_table`."""
    builder, wide = writer.builder, ir.VectorType(_I64, LANES)
    same = lambda value: _same(_VECTOR, value)
    pointer = _place(writer, words, position, _VECTOR)
    drawn = builder.load(pointer, align=4)
    u = builder.and_(drawn, same(0x7FFFFFFF))
    # At least the 25th bit set, so that there are never more than 25 zeros.
    count = writer.declared(f"llvm.ctlz.v{LANES}i32", ir.FunctionType(_VECTOR, [_VECTOR, ir.IntType(1)]))
    zeros = builder.call(count, [builder.or_(u, same(1 << 6)), ir.IntType(1)(0)])
    shift = builder.sub(same(25), zeros)
    entry = builder.add(builder.shl(shift, same(6)), builder.lshr(u, shift))
    start, twice = table.parts[0], builder.shl(entry, same(1))
    value = _gather(writer, start, twice, _VECTOR)
    fall = _gather(writer, start, builder.or_(twice, same(1)), _VECTOR)
    part = builder.shl(builder.shl(u, builder.add(zeros, same(6))), same(1))
    product = builder.mul(builder.zext(fall, wide), builder.zext(part, wide))
    z = builder.sub(value, builder.trunc(builder.lshr(product, _same(wide, 32)), _VECTOR))
    negative = builder.icmp_signed("<", drawn, same(0))
    builder.store(builder.select(negative, builder.sub(same(0), z), z), pointer, align=4)
    return static(None)


@kernel
def stack():
    """Scratch space on the stack."""
    return stack_array(STACK, np.uint32)
