"""Large numbers less multiples of pi/2, by as many digits of 2/pi as matter (Payne and Hanek 1983).

Those of float64 one by one in integers, since vectors have no products of that many digits; those of float32 in float64.
"""

import functools
from typing import Any

import numpy as np
from llvmlite import ir

from ._trigonometry import _HALF_PI


_WORD, _WIDE, _REAL = ir.IntType(64), ir.IntType(128), ir.DoubleType()
_WORDS = 20  # of digits of 2/pi: a zero first, and as many as the largest number needs


@functools.cache
def _two_over_pi() -> tuple[int, ...]:
    """Its binary digits as words, the first of them zero; from pi by Machin's formula."""
    bits = 64 * _WORDS

    def inverse_tangent(k: int) -> int:
        """Of 1 / k, by Taylor's series."""
        power, total, j = (1 << bits) // k, 0, 0
        while power:
            total, power, j = total + (-1) ** j * (power // (2 * j + 1)), power // k**2, j + 1
        return total

    pi = 4 * (4 * inverse_tangent(5) - inverse_tangent(239))
    digits = ((2 << 2 * bits) // pi) >> 64  # of which the last were wrong
    return tuple((digits >> (bits - 64 * (k + 1))) % 2**64 for k in range(_WORDS))


def reduced(v: Any, x: Any, size: int) -> tuple[Any, Any]:
    """`n` and `r` of `x = n pi/2 + r`, for finite vectors of float64 with a size of at least 2^24; of others something.

    - `size`: 4 if their numbers have no more digits than those of float32.
    """
    if size == 4:
        return _of_singles(v, x)
    function, b = _function(v.builder.module), v.builder
    if v.lanes is None:
        pair = b.call(function, [x])
        return b.extract_value(pair, 0), b.extract_value(pair, 1)
    n, r = (ir.Constant(v.type(dtype), ir.Undefined) for dtype in (np.int64, np.float64))
    for lane in map(ir.IntType(32), range(v.lanes)):
        pair = b.call(function, [b.extract_element(x, lane)])
        n = b.insert_element(n, b.extract_value(pair, 0), lane)
        r = b.insert_element(r, b.extract_value(pair, 1), lane)
    return n, r


_LEAST, _MOST = 24, 127  # exponents of float32 that there are tables for


@functools.cache
def _tables() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """For each exponent 28 digits of 2/pi, without those whose products are multiples of four, and 53 further ones."""
    digits = sum(word << 64 * (_WORDS - 1 - k) for k, word in enumerate(_two_over_pi()))
    first, second = [], []
    for exponent in range(_LEAST, _MOST + 1):
        unit = exponent - 25 + 28  # digits before the end of the first part
        cut = lambda count, unit: (digits >> (64 * (_WORDS - 1) - unit)) % 2**count * 2.0**-unit
        first.append(cut(28, unit))
        second.append(cut(53, unit + 53))
    return tuple(first), tuple(second)


def _of_singles(v: Any, x: Any) -> tuple[Any, Any]:
    """Of 24 digits, so that products with 28 are exact; the nearest one to a multiple of pi/2 is 2^-30 quarters away."""
    whole, real = np.dtype(np.int64), np.dtype(np.float64)
    place = v.isub(v.and_(v.lshr(v.bitcast(x, whole), v.const(52, whole)), v.const(2047, whole)), v.const(1023, whole))
    place = v.isub(place, v.const(_LEAST, whole))
    for how, end in ("<", 0), (">", _MOST - _LEAST):
        place = v.select(v.icompare(how, place, v.const(end, whole)), v.const(end, whole), place)
    names = "neuroeqx_first_of_two_over_pi", "neuroeqx_second_of_two_over_pi"
    first, second = (v.look_up(name, table, place) for name, table in zip(names, _tables(), strict=True))
    product = v.exact_mul(x, first)
    fours = v.exact_mul(v.rint(v.exact_mul(product, v.const(0.25, real))), v.const(4, real))
    product = v.exact_sub(product, fours)
    n = v.rint(v.exact_fma(x, second, product))
    rest = v.exact_fma(x, second, v.exact_sub(product, n))
    return v.to_int_fast(n, whole), v.exact_mul(rest, v.const(_HALF_PI[8][0], real))


def _function(module: Any) -> Any:
    """Of a number of float64, the two as a pair."""
    name = "neuroeqx_huge_angle"
    if name in module.globals:
        return module.globals[name]
    result = ir.LiteralStructType([_WORD, _REAL])
    function = ir.Function(module, ir.FunctionType(result, [_REAL]), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    b = ir.IRBuilder(function.append_basic_block())
    bits = b.bitcast(function.args[0], _WORD)
    n, rest = _quarters(b, bits)
    negative = b.icmp_signed("<", rest, _WIDE(0))
    r = _angle(b, b.select(negative, b.neg(rest), rest))
    below = b.icmp_signed("<", bits, _WORD(0))
    n, r = b.select(below, b.neg(n), n), b.select(b.xor(below, negative), b.fneg(r), r)
    b.ret(b.insert_value(b.insert_value(ir.Constant(result, ir.Undefined), n, 0), r, 1))
    return function


def _quarters(b: Any, bits: Any) -> tuple[Any, Any]:
    """`2/pi |x|` but for multiples of four: the nearest whole number, and the rest in units of 2^-128."""
    mantissa = b.or_(b.and_(bits, _WORD(2**52 - 1)), _WORD(2**52))
    exponent = b.and_(b.lshr(bits, _WORD(52)), _WORD(2047))
    # |x| is the mantissa times 2^(exponent - 1075). Its product with the digits of 2/pi before this one is a multiple of four.
    digit = b.sub(exponent, _WORD(1077 - 64))
    digit = b.select(b.icmp_signed("<", digit, _WORD(0)), _WORD(0), digit)
    parts = [b.mul(b.zext(mantissa, _WIDE), b.zext(part, _WIDE)) for part in _digits(b, digit)]
    # In units of 2^-126. The number of float64 that is nearest to a multiple of pi/2 is 2^-61 quarters away from it.
    product = b.add(b.add(b.shl(parts[0], _WIDE(64)), parts[1]), b.lshr(parts[2], _WIDE(64)))
    nearest = b.lshr(b.add(product, _WIDE(1 << 125)), _WIDE(126))
    return b.trunc(nearest, _WORD), b.shl(product, _WIDE(2))


def _digits(b: Any, digit: Any) -> list[Any]:
    """The 192 digits of 2/pi from some digit on, as three words."""
    name, kind = "neuroeqx_two_over_pi", ir.ArrayType(_WORD, _WORDS)
    table: Any = b.module.globals.get(name) or ir.GlobalVariable(b.module, kind, name)
    table.initializer, table.global_constant, table.linkage = ir.Constant(kind, list(_two_over_pi())), True, "internal"
    first, shift = b.lshr(digit, _WORD(6)), b.and_(digit, _WORD(63))
    words = [b.load(b.gep(table, [_WORD(0), b.add(first, _WORD(k))])) for k in range(4)]
    pairs = zip(words[:-1], words[1:], strict=True)
    pairs = [b.or_(b.shl(b.zext(high, _WIDE), _WIDE(64)), b.zext(low, _WIDE)) for high, low in pairs]
    return [b.trunc(b.lshr(b.shl(pair, b.zext(shift, _WIDE)), _WIDE(64)), _WORD) for pair in pairs]


def _angle(b: Any, rest: Any) -> Any:
    """`pi/2` times a number in units of 2^-128, rounded once and a little."""
    zeros = b.ctlz(rest, ir.IntType(1)(0))
    digits = b.shl(rest, zeros)
    parts = [b.trunc(b.lshr(digits, _WIDE(75)), _WORD), b.trunc(b.lshr(digits, _WIDE(22)), _WORD)]
    high, low = b.uitofp(parts[0], _REAL), b.uitofp(b.and_(parts[1], _WORD(2**53 - 1)), _REAL)
    first, second = (ir.Constant(_REAL, part) for part in _HALF_PI[8][:2])
    low = b.fmul(b.fmul(low, ir.Constant(_REAL, 2.0**-53)), first)
    r = b.fma(high, first, b.fma(high, second, low))  # of a number with 53 digits before the point
    exponent = b.sub(_WORD(1023 - 53), b.trunc(zeros, _WORD))
    return b.fmul(r, b.bitcast(b.shl(exponent, _WORD(52)), _REAL))
