"""Trigonometric functions of vectors and their inverses.

Arguments are reduced as by Cody and Waite, with pi/2 in three parts. Where one is too large for that, those of float32 are
taken as float64, and those of float64 are reduced number by number (`_huge_angle.py`). Where series come from says `_pairs.py`.
"""

import numpy as np

from ._functions import _mantissa, _polynomial, _size, _whole
from ._pairs import constant, in_float64, REAL


# pi/2 in three parts, each cut off rather than rounded, so that zeros keep their sign.
_HALF_PI = {
    4: (1.570796251296997, 7.549789415861596e-08, 5.390302529957765e-15),
    8: (1.5707963267948966, 6.123233995736765e-17, 1.0828566739219139e-32),
}
# Up to these, what the first two parts leave of a number is larger than what the third takes from it, next to zeros too.
_QUICK = {4: 2.0**16, 8: 2.0**24}
# Of (sin(r) - r) / r^3 and (cos(r) - 1 + r^2 / 2) / r^4 in r^2 for |r| < pi/4, with errors of 4e-9 and 4e-18.
_SIN = {
    4: (-0.16666655242443085, 0.008332188241183758, -0.00019517990585882217),
    8: (
        -0.16666666666666632, 0.008333333333322158, -0.0001984126982959115, 2.755731361301727e-06,
        -2.5050745236630508e-08, 1.589602141987932e-10,
    ),
}  # fmt: skip
_COS = {
    4: (0.04166664555668831, -0.00138873013202101, 2.443066296109464e-05),
    8: (
        0.041666666666666595, -0.0013888888888873754, 2.4801587289240285e-05, -2.755731427948291e-07,
        2.0875713000052696e-09, -1.1359098067169127e-11,
    ),
}  # fmt: skip
# Of (atan(t) - t) / t^3 in t^2 for |t| < tan(pi/8), with errors of 7e-10 and 1e-18.
_ATAN = {
    4: (-0.3333331559529925, 0.19998493308689128, -0.1424390485665488, 0.10596334437850631, -0.060841464804829236),
    8: (
        -0.33333333333333204, 0.19999999999954823, -0.1428571428030815, 0.11111110788624176, -0.09090897897745351,
        0.0769206258975234, -0.06663129973619239, 0.05848071330929981, -0.05040098984116247, 0.03808415940941837,
        -0.017928102350565096,
    ),
}  # fmt: skip
# Of (asin(t) - t) / t^3 in t^2 for |t| < 1/2, with errors of 3e-10 and 1e-18.
_ASIN = {
    4: (
        0.16666659901245442, 0.07500509585978916, 0.044515933324098006, 0.03181606297799264, 0.014407834178735606,
        0.03755853752870867,
    ),
    8: (
        0.1666666666666676, 0.07499999999970818, 0.04464285717468364, 0.030381942701728844, 0.02237221520686739,
        0.017351607471467943, 0.013980880169879068, 0.011398393505337967, 0.010783288589747381, 0.0036945782404110344,
        0.021736898429528213, -0.021041452528525864, 0.032655467797760504,
    ),
}  # fmt: skip
_QUARTER_PI = np.pi / 4, 3.061616997868383e-17  # and what it lacks


def _reduced(v, x, dtype):
    """`x = n pi/2 + r`; the bits of a number that ends in those of `n`, and `r`."""
    magic = v.const(1.5 * 2.0 ** _mantissa(dtype), dtype)
    shifted = v.fma(x, v.const(2.0 / np.pi, dtype), magic)
    n = v.exact_sub(shifted, magic)
    r = x
    for part in _HALF_PI[_size(dtype)]:
        r = v.exact_fma(n, v.const(-part, dtype), r)
    return v.bitcast(shifted, _whole(dtype)), r


def _reduced_too_if_huge(v, x, n, r, size):
    """`n` and `r` as from `_reduced`, where `x` is too large for that: of float64."""
    huge = v.and_(_is_huge(v, x, REAL), v.compare("<", v.abs(x), constant(v, np.inf)))
    n_of_huge, r_of_huge = v.huge_angle(x, size)
    return v.select(huge, n_of_huge, n), v.select(huge, r_of_huge, r)


def _sine_and_cosine(v, r, size, dtype):
    z = v.exact_mul(r, r)
    sine = v.fma(v.exact_mul(r, z), _polynomial(v, z, _SIN[size], dtype), r)
    cosine = v.fma(z, v.fma(z, _polynomial(v, z, _COS[size], dtype), v.const(-0.5, dtype)), v.const(1, dtype))
    return v.copysign(sine, r), cosine  # signed zeros too


def _is_odd(v, n, dtype):
    kind = _whole(dtype)
    return v.icompare("!=", v.and_(n, v.const(1, kind)), v.const(0, kind))


def _is_huge(v, x, dtype):
    return v.compare(">", v.abs(x), v.const(_QUICK[_size(dtype)], dtype))


def _unless_huge(v, x, dtype, quick, slow):
    return v.unless_all(v.not_(_is_huge(v, x, dtype)), quick, slow)


def _wave(quarters):
    """The sine, some quarters of its period ahead."""

    def of_angle(v, n, r, size, dtype):
        kind = _whole(dtype)
        n = v.iadd(n, v.const(quarters, kind))
        sine, cosine = _sine_and_cosine(v, r, size, dtype)
        y = v.select(_is_odd(v, n, dtype), cosine, sine)
        sign = v.shl(v.and_(n, v.const(2, kind)), v.const(8 * _size(dtype) - 2, kind))
        return v.bitcast(v.xor(v.bitcast(y, kind), sign), dtype)

    def wide(v, x, size):
        n, r = _reduced(v, x, REAL)
        slow = lambda: of_angle(v, *_reduced_too_if_huge(v, x, n, r, size), size, REAL)
        return _unless_huge(v, x, REAL, of_angle(v, n, r, size, REAL), slow)

    def function(v, x, dtype):
        if _size(dtype) == 8:
            return wide(v, x, 8)
        quick = of_angle(v, *_reduced(v, x, dtype), 4, dtype)
        return _unless_huge(v, x, dtype, quick, lambda: v.narrow(wide(v, v.widen(x), 4)))

    return function


sin, cos = _wave(0), _wave(1)


@in_float64
def tan(v, x, size):
    def of_angle(n, r):
        sine, cosine = _sine_and_cosine(v, r, size, REAL)
        odd = _is_odd(v, n, REAL)
        return v.div(v.select(odd, v.neg(cosine), sine), v.select(odd, sine, cosine))

    n, r = _reduced(v, x, REAL)
    return _unless_huge(v, x, REAL, of_angle(n, r), lambda: of_angle(*_reduced_too_if_huge(v, x, n, r, size)))


def _angle(v, small, large, size):
    """`atan(small / large)` without the multiple of pi/4 that is returned with it, for 0 <= `small` <= `large`."""
    far = v.compare(">", small, v.exact_mul(large, constant(v, 0.41421356237309503)))
    above, below = v.select(far, v.exact_sub(small, large), small), v.select(far, v.exact_add(small, large), large)
    t = v.div(above, below)
    z = v.exact_mul(t, t)
    angle = v.fma(v.exact_mul(t, z), _polynomial(v, z, _ATAN[size], REAL), t)
    return angle, v.select(far, constant(v, 1), constant(v, 0))


def _from(v, sums, condition, angle, quarters):
    """`sums` quarters of pi minus the angle, where a condition holds."""
    angle = v.select(condition, v.neg(angle), angle)
    return angle, v.select(condition, v.exact_sub(constant(v, sums), quarters), quarters)


def _sum(v, angle, quarters):
    """`angle + quarters pi/4`."""
    first, second = _QUARTER_PI
    return v.fma(quarters, constant(v, first), v.fma(quarters, constant(v, second), angle))


@in_float64
def atan(v, x, size):
    a, one = v.abs(x), constant(v, 1)
    beyond = v.compare(">", a, one)
    angle, quarters = _angle(v, v.select(beyond, one, a), v.select(beyond, a, one), size)
    angle, quarters = _from(v, 2, beyond, angle, quarters)
    return v.copysign(_sum(v, angle, quarters), x)


@in_float64
def atan2(v, y, x, size):
    a, b, zero, one = v.abs(y), v.abs(x), constant(v, 0), constant(v, 1)
    steep = v.compare(">", a, b)
    small, large = v.select(steep, b, a), v.select(steep, a, b)
    if size == 8:  # what is computed with both must be normal numbers
        huge, tiny = v.compare(">", large, constant(v, 2.0**1000)), v.compare("<", large, constant(v, 2.0**-900))
        factor = v.select(huge, constant(v, 2.0**-100), v.select(tiny, constant(v, 2.0**100), one))
        small, large = v.exact_mul(small, factor), v.exact_mul(large, factor)
    both = v.compare("==", small, constant(v, np.inf))
    small, large = v.select(both, one, small), v.select(both, one, large)
    large = v.select(v.compare("==", large, zero), one, large)
    angle, quarters = _from(v, 2, steep, *_angle(v, small, large, size))
    left = v.compare("<", v.copysign(one, x), zero)  # negative zero too
    angle, quarters = _from(v, 4, left, angle, quarters)
    result = v.copysign(_sum(v, angle, quarters), y)
    return v.select(v.or_(v.isnan(x), v.isnan(y)), constant(v, np.nan), result)


def _asin_parts(v, a, size):
    """Whether `a` > 1/2, and `asin(a)`, or half of `acos(a)` there."""
    half = constant(v, 0.5)
    beyond = v.compare(">", a, half)
    z = v.exact_mul(half, v.exact_sub(constant(v, 1), a))
    t = v.select(beyond, v.sqrt(z), a)
    z = v.select(beyond, z, v.exact_mul(a, a))
    return beyond, v.fma(v.exact_mul(t, z), _polynomial(v, z, _ASIN[size], REAL), t)


@in_float64
def asin(v, x, size):
    beyond, angle = _asin_parts(v, v.abs(x), size)
    zero = constant(v, 0)
    angle, quarters = _from(v, 2, beyond, v.select(beyond, v.exact_add(angle, angle), angle), zero)
    return v.copysign(_sum(v, angle, quarters), x)


@in_float64
def acos(v, x, size):
    beyond, angle = _asin_parts(v, v.abs(x), size)
    negative, zero = v.compare("<", x, constant(v, 0)), constant(v, 0)
    angle = v.select(beyond, v.exact_add(angle, angle), angle)
    # From asin(|x|) or acos(|x|) to acos(|x|), from there to acos(x).
    angle, quarters = _from(v, 2, v.not_(beyond), angle, zero)
    return _sum(v, *_from(v, 4, negative, angle, quarters))
