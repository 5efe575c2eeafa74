"""Elementary functions of vectors: polynomials and powers of two, without branches.

Arguments are reduced as by Cody and Waite. The coefficients for float32 of `log` and `tanh` are those of Cephes (S.
Moshier), other series are those of Taylor, long enough for the type. XLA lets its threads flush subnormal numbers to zero,
and so arguments and results in that range may be zero here.
"""

import math

import numpy as np


# ln 2 in two parts, of which products of the first with a small whole number are exact.
_LN2 = {4: (0.693359375, -2.12194440e-4), 8: (6.93147180369123816490e-01, 1.90821492927058770002e-10)}
_LIMITS = {4: (-104.0, 89.0), 8: (-746.0, 710.0)}  # beyond these exp is zero or infinite
# Of (e^r - 1 - r) / r^2 for |r| < ln 2 / 2, the constant first: for the least error of e^r - 1, 1.4e-8, by weighted least
# squares whose weights are the errors of the last fit.
_EXP = (0.5, 0.1666654348373413, 0.04166628047823906, 0.008366578258574009, 0.00139464414678514)
_LOG = (
    3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1, -1.2420140846e-1,
    1.1676998740e-1, -1.1514610310e-1, 7.0376836292e-2,
)  # fmt: skip
_TANH = (-3.33332819422e-1, 1.33314422036e-1, -5.37397155531e-2, 2.06390887954e-2, -5.70498872745e-3)
_TAYLOR = 13  # terms of exp in float64


def _size(dtype):
    return np.dtype(dtype).itemsize


def _whole(dtype):
    return np.dtype(f"int{8 * _size(dtype)}")


def _mantissa(dtype):
    return 23 if _size(dtype) == 4 else 52


def _bias(dtype):
    return 127 if _size(dtype) == 4 else 1023


def _polynomial(v, x, coefficients, dtype):
    """The constant first. Pairs of terms, pairs of pairs: what does not wait for each other is computed together."""
    terms = [v.const(c, dtype) for c in coefficients]
    while len(terms) > 1:
        pairs = [v.fma(x, b, a) for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(terms) - len(terms) % 2 :]
        x = v.exact_mul(x, x)
    return terms[0]


def _power_of_two(v, n, dtype):
    """2^n for whole n (as integers) in the range of normal numbers."""
    kind = _whole(dtype)
    return v.bitcast(v.shl(v.iadd(n, v.const(_bias(dtype), kind)), v.const(_mantissa(dtype), kind)), dtype)


def _within(v, x, dtype, low=None, high=None):
    if low is not None:
        x = v.select(v.compare("<", x, v.const(low, dtype)), v.const(low, dtype), x)
    return x if high is None else v.select(v.compare(">", x, v.const(high, dtype)), v.const(high, dtype), x)


def _within_limits(v, x, dtype):
    return _within(v, x, dtype, *_LIMITS[_size(dtype)])


def _reduced(v, x, dtype):
    """`x = n ln 2 + r` with a whole `n`; then `n`, `r` and `(e^r - 1 - r) / r^2`."""
    # Numbers of this size have no digits behind the point.
    whole = v.const(1.5 * 2.0 ** _mantissa(dtype), dtype)
    n = v.exact_sub(v.fma(x, v.const(1.0 / math.log(2.0), dtype), whole), whole)
    first, second = _LN2[_size(dtype)]
    r = v.fma(n, v.const(-first, dtype), x)
    r = v.fma(n, v.const(-second, dtype), r)
    coefficients = _EXP if _size(dtype) == 4 else [1.0 / math.factorial(k) for k in range(2, _TAYLOR + 1)]
    return n, r, _polynomial(v, r, coefficients, dtype)


def _scaled(v, y, n, dtype):
    """`y 2^n`, where there is no instruction for it in two steps, neither of which leaves the range of powers."""
    if v.has_scale(y):
        return v.scale(y, n)
    whole = v.to_int_fast(n, _whole(dtype))
    half = v.ashr(whole, v.const(1, _whole(dtype)))
    y = v.exact_mul(y, _power_of_two(v, half, dtype))
    return v.exact_mul(y, _power_of_two(v, v.isub(whole, half), dtype))


def exp(v, x, dtype, bounded=False):
    """
    - `bounded`: whether it is known that the result is a normal number.
    """
    n, r, series = _reduced(v, x if bounded else _within_limits(v, x, dtype), dtype)
    y = _scaled(v, v.fma(v.exact_mul(r, r), series, v.exact_add(v.const(1, dtype), r)), n, dtype)
    return y if v.has_scale(x) else v.select(v.isnan(x), x, y)  # NaN is lost on the way through integers only


def expm1(v, x, dtype):
    one = v.const(1, dtype)
    # At -50 it is -1.
    n, r, series = _reduced(v, _within(v, x, dtype, -50.0, _LIMITS[_size(dtype)][1]), dtype)
    rest = v.fma(v.exact_mul(r, r), series, r)
    few = v.compare("<", n, v.const(2, dtype))
    small = v.select(few, n, v.const(0, dtype))
    power = _power_of_two(v, v.to_int_fast(small, _whole(dtype)), dtype)
    near = v.exact_add(v.exact_mul(power, rest), v.exact_sub(power, one))
    far = v.exact_sub(_scaled(v, v.exact_add(one, rest), n, dtype), one)
    tiny = v.compare("<", v.abs(x), v.const(1e-7 if _size(dtype) == 4 else 1e-16, dtype))
    y = v.select(tiny, x, v.select(few, near, far))  # signed zeros too
    return v.select(v.isnan(x), x, y)


def log(v, x, dtype):
    kind, bits = _whole(dtype), _mantissa(dtype)
    least = float(np.finfo(dtype).tiny)
    subnormal = v.compare("<", x, v.const(least, dtype))
    up = bits + 2
    y = v.select(subnormal, v.exact_mul(x, v.const(2.0**up, dtype)), x)
    # The mantissa between sqrt(1/2) and sqrt(2).
    root = int(np.array(math.sqrt(0.5), dtype).view(kind))
    offset = v.isub(v.bitcast(y, kind), v.const(root, kind))
    exponent = v.ashr(offset, v.const(bits, kind))
    mantissa = v.bitcast(v.isub(v.bitcast(y, kind), v.shl(exponent, v.const(bits, kind))), dtype)
    e = v.from_int(exponent, dtype)
    e = v.select(subnormal, v.exact_sub(e, v.const(up, dtype)), e)
    result = _log_of(v, v.exact_sub(mantissa, v.const(1, dtype)), e, dtype)
    zero, infinity = v.const(0, dtype), v.const(np.inf, dtype)
    result = v.select(v.compare("==", x, infinity), infinity, result)
    result = v.select(v.compare("==", x, zero), v.const(-np.inf, dtype), result)
    return v.select(v.compare(">=", x, zero), result, v.const(np.nan, dtype))


def _log_of(v, f, e, dtype):
    """log(1 + f) + e ln 2."""
    first, second = _LN2[_size(dtype)]
    square = v.exact_mul(f, f)
    if _size(dtype) == 4:
        y = v.exact_mul(v.exact_mul(square, f), _polynomial(v, f, _LOG, dtype))
        y = v.fma(e, v.const(second, dtype), y)
        y = v.fma(square, v.const(-0.5, dtype), y)
        return v.fma(e, v.const(first, dtype), v.exact_add(f, y))
    # By s = f / (2 + f): log(1 + f) = f - f^2/2 + s (f^2/2 + R), R the rest of 2 atanh(s).
    s = v.div(f, v.exact_add(v.const(2, dtype), f))
    z = v.exact_mul(s, s)
    rest = v.exact_mul(z, _polynomial(v, z, [2.0 / (2 * k + 1) for k in range(1, 12)], dtype))
    half = v.exact_mul(v.const(0.5, dtype), square)
    small = v.exact_mul(s, v.exact_add(half, rest))
    small = v.fma(e, v.const(second, dtype), small)
    return v.fma(e, v.const(first, dtype), v.exact_sub(f, v.exact_sub(half, small)))


def log1p(v, x, dtype):
    one = v.const(1, dtype)
    u = v.exact_add(one, x)
    lost = v.builder.fdiv(v.exact_sub(x, v.exact_sub(u, one)), u)  # of x, in the sum
    result = v.exact_add(log(v, u, dtype), lost)
    edge = v.or_(v.compare("==", u, v.const(np.inf, dtype)), v.compare("==", u, v.const(0, dtype)))
    result = v.select(edge, log(v, u, dtype), result)
    return v.select(v.compare("==", u, one), x, result)


def tanh(v, x, dtype):
    size = v.abs(x)
    most = v.const(22.0, dtype)
    t = expm1(v, v.mul(v.const(2, dtype), v.select(v.compare(">", size, most), most, size)), dtype)
    y = v.builder.fdiv(t, v.exact_add(t, v.const(2, dtype)))
    if _size(dtype) == 4:  # where the quotient of two rounded numbers is not good enough
        square = v.exact_mul(x, x)
        series = v.fma(v.exact_mul(square, size), _polynomial(v, square, _TANH, dtype), size)
        y = v.select(v.compare("<", size, v.const(0.625, dtype)), series, y)
    return v.select(v.isnan(x), x, v.copysign(y, x))


def logistic(v, x, dtype):
    if _size(dtype) == 4:  # three roundings of float32 would be more than two units in the last place
        return v.narrow(logistic(v, v.widen(x), np.float64))
    one = v.const(1, dtype)
    e = exp(v, v.neg(v.abs(x)), dtype)
    return v.div(v.select(v.compare("<", x, v.const(0, dtype)), e, one), v.exact_add(one, e))


def _expm1_parts(v, x, dtype):
    """Where `x` is near to zero, `(e^x - 1) / x` there, and `e^x - 1` elsewhere."""
    n, r, series = _reduced(v, x, dtype)
    one = v.const(1, dtype)
    power = _scaled(v, v.fma(v.exact_mul(r, r), series, v.exact_add(one, r)), n, dtype)
    return v.compare("==", n, v.const(0, dtype)), v.fma(r, series, one), v.exact_sub(power, one)


def phi1(v, z, dtype):
    """`(e^z - 1) / z`, which is 1 at zero, without a branch. To five units in the last place, NaN for infinite `z`."""
    # Above, the reduction fails where the result is infinite anyway.
    near, quotient, difference = _expm1_parts(v, _within(v, z, dtype, _LIMITS[_size(dtype)][0]), dtype)
    return v.select(near, quotient, v.exact_mul(difference, v.inverse(z)))


def exprel_inverse(v, x, dtype):
    """`x / (e^x - 1)`, which is 1 at zero."""
    inside = _within(v, x, dtype, _LIMITS[_size(dtype)][0], 80.0 if _size(dtype) == 4 else 700.0)
    near, quotient, difference = _expm1_parts(v, inside, dtype)
    divisor = v.inverse(v.select(near, quotient, difference))
    return v.exact_mul(v.select(near, v.const(1, dtype), x), divisor)


def exprel_inverse_of(v, x, exp_x, dtype):
    """The same, given `e^x`."""
    small = v.compare("<", v.abs(x), v.const(0.1 if _size(dtype) == 4 else 0.003, dtype))
    one = v.const(1, dtype)
    series = v.fma(x, v.fma(x, v.const(1.0 / 12.0, dtype), v.const(-0.5, dtype)), one)
    return v.select(small, series, v.exact_mul(x, v.inverse(v.exact_sub(exp_x, one))))
