"""Numbers as sums of two, of which nothing is lost, and what elementary functions of vectors share.

Functions of float32 are computed in float64 where that is quick enough. Their series are then shorter: `size` is that of a
number of the result in bytes.

Series here and in the modules that build on this one are polynomials of least greatest error over the range that is named
with them (Remez), the constant first. The errors named are those before coefficients were rounded to the type.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ._functions import _LN2, _log_of, _mantissa, _polynomial, _scaled, _whole


REAL = np.dtype(np.float64)
# Of (e^r - 1 - r) / r^2 for |r| < ln 2 / 2, for errors of e^r of 3e-9 and 3e-18.
_EXP = {
    4: (0.5000000092775779, 0.16666518770803707, 0.0416662122730985, 0.008368901024942185, 0.0013950122069843135),
    8: (
        0.5000000000000012, 0.166666666666667, 0.04166666666651527, 0.008333333333307942, 0.0013888888947074904,
        0.00019841269915888625, 2.480148986410385e-05, 2.7557217551523558e-06, 2.7631313246953254e-07,
        2.511749515132541e-08,
    ),
}  # fmt: skip
# Of (log(1 + f) - f) / f^2 from sqrt(1/2) to sqrt(2), for an error of the logarithm of 2e-11.
_LOG = (
    -0.5000000002152283, 0.33333334044094154, -0.24999994830537212, 0.19999898095819285, -0.16666927304487134,
    0.14290572498964754, -0.12497418008557093, 0.11009596503064216, -0.09927227695899261, 0.10015402795419877,
    -0.09872287061799602, 0.05359077999917197,
)  # fmt: skip
# Of (2 atanh(s) - 2 s - 2/3 s^3) / s^5 in s^2, for s of the same numbers, for an error of 5e-25.
_LOG_REST = (
    0.4, 0.28571428571428376, 0.22222222222290725, 0.1818181816922886, 0.15384616755486263, 0.13333240308420294,
    0.1176867799879053, 0.10422828847498762, 0.1101387645913693,
)  # fmt: skip
_TWO_THIRDS = 2.0 / 3.0, 3.700743415417188e-17  # and what it lacks


def in_float64(formula: Callable[..., Any]) -> Callable[..., Any]:
    """A function of vectors of a dtype from a formula in float64, given the size of the result's numbers."""

    @functools.wraps(formula)
    def function(v, *args):
        *numbers, dtype = args
        if np.dtype(dtype).itemsize == 4:
            return v.narrow(formula(v, *map(v.widen, numbers), 4))
        return formula(v, *numbers, 8)

    return function


def constant(v, value):
    return v.const(value, REAL)


def at_most(v, x, bound):
    """The smaller of `x` and a number; NaN remains."""
    return v.select(v.compare(">", x, constant(v, bound)), constant(v, bound), x)


def sum_of(v, a, b):
    """`a + b`, rounded, and what was lost. `a` is the larger one, or zero."""
    total = v.exact_add(a, b)
    return total, v.exact_sub(b, v.exact_sub(total, a))


def any_sum_of(v, a, b):
    total = v.exact_add(a, b)
    part = v.exact_sub(total, a)
    return total, v.exact_add(v.exact_sub(a, v.exact_sub(total, part)), v.exact_sub(b, part))


def product_of(v, a, b):
    """`a b`, rounded, and what was lost."""
    product = v.exact_mul(a, b)
    return product, v.exact_fma(a, b, v.neg(product))


def product_of_pairs(v, a, b):
    high, low = product_of(v, a[0], b[0])
    return high, v.exact_add(low, v.fma(a[0], b[1], v.exact_mul(a[1], b[0])))


def exp_of(v, x, size, low=None, doublings=0, factor=None):
    """`e^(x + low) 2^doublings`, for `x` not far beyond where that is a number, or NaN; times a factor in two parts."""
    one, magic = constant(v, 1), constant(v, 1.5 * 2.0**52)
    n = v.exact_sub(v.fma(x, constant(v, 1.4426950408889634), magic), magic)
    parts = _LN2[8] if size == 8 else [math.log(2.0)]
    r = x
    for part in parts:
        r = v.fma(n, constant(v, -part), r)
    r = r if low is None else v.exact_add(r, low)
    series = _polynomial(v, r, _EXP[size], REAL)
    if factor is None:
        y = v.fma(v.exact_mul(r, r), series, v.exact_add(one, r))
    else:
        y, lost = sum_of(v, one, r)
        rest = v.fma(v.exact_mul(r, r), series, lost)
        y = v.fma(factor[0], y, v.fma(factor[0], rest, v.exact_mul(factor[1], y)))
    scaled = _scaled(v, y, v.exact_add(n, constant(v, doublings)) if doublings else n, REAL)
    return scaled if v.has_scale(x) else v.select(v.isnan(x), x, scaled)


def split(v, x):
    """`x = m 2^e` with `m` between the roots of 1/2 and of 2."""
    whole, bits = _whole(REAL), _mantissa(REAL)
    root = int(np.array(math.sqrt(0.5), REAL).view(whole))
    e = v.ashr(v.isub(v.bitcast(x, whole), v.const(root, whole)), v.const(bits, whole))
    m = v.bitcast(v.isub(v.bitcast(x, whole), v.shl(e, v.const(bits, whole))), REAL)
    return m, v.from_int(e, REAL)


def without_subnormals(v, x):
    """Positive `x` times a power of two where it is below the normal numbers; and minus its exponent, or zero."""
    few = v.compare("<", x, constant(v, float(np.finfo(REAL).tiny)))
    return (
        v.select(few, v.exact_mul(x, constant(v, 2.0**54)), x),
        v.select(few, constant(v, -54.0), constant(v, 0)),
    )


def log_of(v, f, e, size):
    """`log(1 + f) + e ln 2`, for `1 + f` as from `split`."""
    if size == 8:
        return _log_of(v, f, e, REAL)
    y = v.fma(v.exact_mul(f, f), _polynomial(v, f, _LOG, REAL), f)
    return v.fma(e, constant(v, math.log(2.0)), y)


def log_in_two(v, x, exponent):
    """The logarithm of `x 2^exponent`, for positive normal `x`, as a sum of two numbers, with some 65 binary digits."""
    m, e = split(v, x)
    e = v.exact_add(e, exponent)
    f = v.exact_sub(m, constant(v, 1))
    d, d_low = sum_of(v, constant(v, 2), f)
    inverse = v.near_quotient(constant(v, 1), d)
    s = v.exact_mul(f, inverse)
    s_low = v.exact_mul(v.exact_fma(v.neg(s), d_low, v.exact_fma(v.neg(s), d, f)), inverse)
    z, z_low = product_of_pairs(v, (s, s_low), (s, s_low))
    rest = _polynomial(v, z, _LOG_REST, REAL)
    c, c_low = sum_of(v, constant(v, _TWO_THIRDS[0]), v.exact_mul(z, rest))
    c_low = v.exact_add(c_low, v.fma(z_low, rest, constant(v, _TWO_THIRDS[1])))
    cube = product_of_pairs(v, (s, s_low), (z, z_low))
    q, q_low = product_of_pairs(v, cube, (c, c_low))
    first, second = _LN2[8]
    a, a_low = sum_of(v, v.exact_mul(e, constant(v, first)), v.exact_add(s, s))
    b, b_low = sum_of(v, a, q)
    low = v.exact_add(v.exact_add(a_low, b_low), v.exact_add(q_low, v.exact_add(s_low, s_low)))
    return sum_of(v, b, v.fma(e, constant(v, second), low))


def log_one_plus(v, w, size):
    """`log(1 + w)` for `w` from 0 to the largest number, and infinite `w`, NaN."""
    one = constant(v, 1)
    m, e = split(v, v.exact_add(one, w))
    f = v.exact_sub(m, one)
    f = v.select(v.compare("==", e, constant(v, 0)), w, f)
    y = log_of(v, f, e, size)
    return v.select(v.compare("<", w, constant(v, np.inf)), y, w)
