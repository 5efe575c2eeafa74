"""Hyperbolic functions of vectors and their inverses. Where series come from says `_pairs.py`."""

import numpy as np

from ._functions import _polynomial, _reduced, _scaled, _size, _within
from ._pairs import at_most, constant, exp_of, in_float64, log_one_plus


# Of (sinh(x) - x) / x^3 in x^2, for |x| < 2 with an error of 4e-10, for |x| < 1 with one of 9e-20.
_SINH = {
    4: (0.1666666716337204, 0.008333316072821617, 0.00019843189511448145, 2.7464679988042917e-06, 2.7073705055613573e-08),
    8: (
        0.16666666666666669, 0.008333333333333148, 0.00019841269841431867, 2.755731915707304e-06,
        2.5052123136514035e-08, 1.6057259787317763e-10, 7.758748189123863e-13,
    ),
}  # fmt: skip
_NEAR = {4: 2.0, 8: 1.0}
_MOST = {4: 91.0, 8: 712.0}  # above, results are infinite
_LOG_LIMIT = 2.0**54  # above, asinh and acosh are log(2 x)


def _halves(v, x, dtype):
    """`e^|x| / 2` and `e^-|x| / 2`."""
    one, quarter = v.const(1, dtype), v.const(0.25, dtype)
    a = _within(v, v.abs(x), dtype, high=_MOST[_size(dtype)])
    if _size(dtype) == 4:
        n, r, series = _reduced(v, a, dtype)
        y = _scaled(v, v.fma(v.exact_mul(r, r), series, v.exact_add(one, r)), v.exact_sub(n, one), dtype)
        y = y if v.has_scale(x) else v.select(v.isnan(x), x, y)
        return y, v.exact_mul(quarter, v.inverse(_within(v, y, dtype, high=2.0**60)))
    y = exp_of(v, a, 8, doublings=-1)
    return y, v.near_quotient(quarter, at_most(v, y, 2.0**500))


def sinh(v, x, dtype):
    z, size = v.exact_mul(x, x), _size(dtype)
    near = v.fma(v.exact_mul(x, z), _polynomial(v, z, _SINH[size], dtype), x)
    far = v.exact_sub(*_halves(v, x, dtype))
    return v.copysign(v.select(v.compare("<", v.abs(x), v.const(_NEAR[size], dtype)), near, far), x)


def cosh(v, x, dtype):
    return v.exact_add(*_halves(v, x, dtype))


def _log_twice(v, large, x, w, size):
    """`log(1 + w)`, or `log(2 x)` for `large` ones."""
    y = log_one_plus(v, v.select(large, x, w), size)
    return v.select(large, v.exact_add(y, constant(v, np.log(2.0))), y)


@in_float64
def asinh(v, x, size):
    a, one = v.abs(x), constant(v, 1)
    square = v.exact_mul(a, a)
    w = v.exact_add(a, v.near_quotient(square, v.exact_add(one, v.near_sqrt(v.exact_add(one, square)))))
    return v.copysign(_log_twice(v, v.compare(">", a, constant(v, _LOG_LIMIT)), a, w, size), x)


@in_float64
def acosh(v, x, size):
    one = constant(v, 1)
    t = v.exact_sub(x, one)
    square = v.exact_mul(t, v.exact_add(t, constant(v, 2)))
    root = v.near_sqrt(v.select(v.compare(">", square, constant(v, 0)), square, one))
    w = v.select(v.compare("==", t, constant(v, 0)), t, v.exact_add(t, root))
    y = _log_twice(v, v.compare(">", x, constant(v, _LOG_LIMIT)), x, w, size)
    return v.select(v.compare(">=", x, one), y, constant(v, np.nan))


@in_float64
def atanh(v, x, size):
    a, one = v.abs(x), constant(v, 1)
    y = log_one_plus(v, v.div(v.exact_add(a, a), v.exact_sub(one, a)), size)
    y = v.copysign(v.exact_mul(constant(v, 0.5), y), x)
    return v.select(v.compare("<=", a, one), y, constant(v, np.nan))
