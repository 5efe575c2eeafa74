"""Powers and roots of vectors: `exp2`, `pow`, `cbrt`. Where series come from says `_pairs.py`."""

import numpy as np

from ._functions import _bias, _mantissa, _polynomial, _power_of_two, _scaled, _size, _whole, _within
from ._pairs import constant, exp_of, in_float64, log_in_two, log_of, product_of, REAL, split, without_subnormals


# Of (2^r - 1) / r for |r| < 1/2, with errors of 2^r of 1.3e-8 and 3e-18.
_EXP2 = {
    4: (
        0.6931471824645996, 0.24022594094276428, 0.055503662675619125, 0.009625389240682125, 0.0013388183433562517,
        0.00013358669821172953,
    ),
    8: (
        0.6931471805599453, 0.2402265069591013, 0.0555041086648201, 0.009618129107594074, 0.001333355814677157,
        0.00015403530457172584, 1.5252733496267062e-05, 1.3215435250998461e-06, 1.0178198174922886e-07,
        7.073788836388168e-09, 4.434995388948695e-10,
    ),
}  # fmt: skip
_EXP2_LIMITS = {4: (-151.0, 129.0), 8: (-1080.0, 1025.0)}  # beyond these it is zero or infinite
_POW_LIMIT = {4: 200.0, 8: 760.0}  # of the logarithm of a power
# Of x^(-1/3) from 1 to 2, with an error of 3e-4.
_INVERSE_ROOT = (1.5418911023519977, -0.809966999684601, 0.3177601808124289, -0.0499372610887052)


def exp2(v, x, dtype):
    inside = _within(v, x, dtype, *_EXP2_LIMITS[_size(dtype)])
    whole = v.const(1.5 * 2.0 ** _mantissa(dtype), dtype)
    n = v.exact_sub(v.exact_add(inside, whole), whole)
    r = v.exact_sub(inside, n)
    y = _scaled(v, v.fma(r, _polynomial(v, r, _EXP2[_size(dtype)], dtype), v.const(1, dtype)), n, dtype)
    return y if v.has_scale(x) else v.select(v.isnan(x), x, y)


@in_float64
def pow(v, x, y, size):
    """By the logarithm, of which the results of float64 need more digits than a number has."""
    zero, one, infinity = constant(v, 0), constant(v, 1), constant(v, np.inf)
    base = v.abs(x)
    if size == 4:
        m, e = split(v, base)
        log, log_low = log_of(v, v.exact_sub(m, one), e, 4), None
    else:
        log, log_low = log_in_two(v, *without_subnormals(v, base))
    log = v.select(v.compare("==", base, zero), constant(v, -np.inf), log)
    log = v.select(v.compare("==", base, infinity), infinity, log)
    limit = constant(v, _POW_LIMIT[size])
    if log_low is None:
        product, low = v.exact_mul(y, log), None
    else:
        product, low = product_of(v, y, log)
        low = v.fma(y, log_low, low)
        low = v.select(v.compare("<", v.abs(product), limit), low, zero)
    product = _within(v, product, REAL, -_POW_LIMIT[size], _POW_LIMIT[size])
    return _with_signs(v, x, y, base, exp_of(v, product, size, low))


def _with_signs(v, x, y, base, power):
    """The power of a number from that of its size, and the cases in which C's `pow` has a result of its own."""
    zero, one, infinity = constant(v, 0), constant(v, 1), constant(v, np.inf)
    half = v.exact_mul(y, constant(v, 0.5))
    whole = v.compare("==", v.floor(y), y)
    odd = v.and_(whole, v.compare("!=", v.floor(half), half))
    result = v.select(odd, v.copysign(power, x), power)
    finite = v.compare("<", base, infinity)
    fails = v.and_(v.and_(v.compare("<", x, zero), finite), v.not_(whole))
    fails = v.or_(fails, v.or_(v.isnan(x), v.isnan(y)))
    result = v.select(fails, constant(v, np.nan), result)
    unit = v.and_(v.compare("==", base, one), v.compare("==", v.abs(y), infinity))
    unit = v.or_(unit, v.or_(v.compare("==", y, zero), v.compare("==", x, one)))
    return v.select(unit, one, result)


@in_float64
def cbrt(v, x, size):
    """From an estimate of the inverse root, by Newton's method."""
    kind, bits = _whole(REAL), v.const(_mantissa(REAL), _whole(REAL))
    size_of_x, shift = without_subnormals(v, v.abs(x))
    exponent = v.isub(v.lshr(v.bitcast(size_of_x, kind), bits), v.const(_bias(REAL), kind))
    m = v.bitcast(v.isub(v.bitcast(size_of_x, kind), v.shl(exponent, bits)), REAL)  # from 1 to 2
    e = v.from_int(exponent, REAL)
    third = v.rint(v.exact_mul(v.exact_sub(e, constant(v, 1)), constant(v, 1.0 / 3.0)))
    rest = v.exact_sub(e, v.exact_mul(constant(v, 3), third))  # 0, 1 or 2
    none, single = v.compare("==", rest, constant(v, 0)), v.compare("==", rest, constant(v, 1))
    choose = lambda a, b, c: v.select(none, constant(v, a), v.select(single, constant(v, b), constant(v, c)))
    y = v.exact_mul(_polynomial(v, m, _INVERSE_ROOT, REAL), choose(1.0, 2.0 ** (-1 / 3), 2.0 ** (-2 / 3)))
    m = v.exact_mul(m, choose(1.0, 2.0, 4.0))
    for _ in range(2):
        error = v.fma(v.neg(v.exact_mul(m, v.exact_mul(y, y))), y, constant(v, 1))
        y = v.fma(v.exact_mul(y, constant(v, 1.0 / 3.0)), error, y)
    square = v.exact_mul(y, y)
    root = v.exact_mul(m, square)
    if size == 8:
        high, low = product_of(v, root, root)
        error = v.fma(low, root, v.exact_fma(high, root, v.neg(m)))
        root = v.fma(v.neg(error), v.exact_mul(square, constant(v, 1.0 / 3.0)), root)
    third = v.fma(shift, constant(v, 1.0 / 3.0), third)
    root = v.exact_mul(root, _power_of_two(v, v.to_int_fast(third, kind), REAL))
    usual = v.and_(v.compare(">", v.abs(x), constant(v, 0)), v.compare("<", v.abs(x), constant(v, np.inf)))
    return v.select(usual, v.copysign(root, x), x)
