"""The error function of vectors and its complement. Where series come from says `_pairs.py`."""

import numpy as np

from ._functions import _polynomial, _reduced, _scaled, _size, _within
from ._pairs import at_most, constant, exp_of, product_of, REAL, sum_of


# Of erf(x) / x - 1 in x^2, for |x| < 1.2 with an error of 1e-8, for |x| < 1/2 with one of 2e-17.
_NEAR = {
    4: (
        0.12837915122509003, -0.3761253356933594, 0.11282647401094437, -0.02681891620159149, 0.005129434168338776,
        -0.000754987879190594, 6.496711284853518e-05,
    ),
    8: (
        0.12837916709551256, -0.3761263890318281, 0.11283791670893566, -0.02686617062945751, 0.005223977422314847,
        -0.0008548311865220827, 0.00012054642158211543, -1.4906071517643352e-05, 1.612385220974464e-06,
        -1.306276081240239e-07,
    ),
}  # fmt: skip
# Of erfc(x)^(1/4) in x - 2.4, from 1.2 to where erf is 1 in float32, for an error of erf of 5e-9.
_ROOT = (
    0.1619864910169392, -0.20913173249464695, 0.09691419600950134, -0.009427319013793617, -0.007834311814315967,
    0.0026347995192734248, 0.00019297802710045524, -0.00018922843300985578,
)  # fmt: skip
# Of e^(x^2) erfc(x) in (x - 3.5) / (x + 3.5), from zero to where erfc is zero in float32, with an error of 2e-8.
_WHOLE = 3.5, (
    0.15529365625991165, -0.2892650028054619, 0.2331303395114646, -0.16134007812574291, 0.0944305623486692,
    -0.04541973511411595, 0.01696543537759717, -0.004319849150197765, 0.0002515702315016348, 0.000416210417176773,
)  # fmt: skip
# Of (1 + 2x) e^(x^2) erfc(x) in (x - 3.75) / (x + 3.75), from 1/2 to where erfc is zero, with an error of 4e-18.
_FAR = 3.75, (
    1.2375126308378275, -0.140240598585547, 0.0035854154854656514, 0.08227673849014903, -0.10880393014184392,
    0.0923043211602858, -0.05869339858684266, 0.02836227741977071, -0.009746579599264666, 0.0017556258515399454,
    0.0002937140155784616, -0.0002901541059349512, 5.164726380482953e-05, 2.2384445585913186e-05,
    -1.143799611322305e-05, -9.743096100890283e-07, 1.7383966293240052e-06, -5.5678684396997874e-08,
    -2.4083495599164624e-07, 2.143056283622407e-08, 2.4757551044731884e-08, -2.5694363694927992e-09,
)  # fmt: skip
_MOST = {4: 10.5, 8: 27.5}  # above, erfc is zero


def _near(v, x, dtype):
    return v.fma(x, _polynomial(v, v.exact_mul(x, x), _NEAR[_size(dtype)], dtype), x)


def _far(v, a):
    """`erfc(a)` for `a` > 1/2."""
    k, series = _FAR
    a, one = at_most(v, a, _MOST[8]), constant(v, 1)
    below, slope = v.exact_add(a, constant(v, k)), v.fma(a, constant(v, 2), one)
    inverse = v.near_quotient(one, v.exact_mul(below, slope))
    t = v.exact_mul(v.exact_mul(v.exact_sub(a, constant(v, k)), slope), inverse)
    flat = v.exact_mul(below, inverse)  # 1 / slope
    square, low = product_of(v, a, a)
    # What is lost when the constant of the series is added, and of 1 / (1 + 2 a), is more than erfc may lack.
    y, y_low = sum_of(v, constant(v, series[0]), v.exact_mul(t, _polynomial(v, t, series[1:], REAL)))
    lost = v.exact_fma(a, constant(v, 2), v.exact_sub(one, slope))
    rest = v.exact_fma(v.neg(flat), lost, v.exact_fma(v.neg(flat), slope, one))
    high, high_low = product_of(v, y, flat)
    high_low = v.exact_add(high_low, v.fma(y_low, flat, v.exact_mul(high, rest)))
    return exp_of(v, v.neg(square), 8, v.neg(low), factor=(high, high_low))


def erf(v, x, dtype):
    dtype, a = np.dtype(dtype), v.abs(x)
    if _size(dtype) == 4:
        most, end = v.const(3.95, dtype), 1.2
        inside = v.exact_sub(v.select(v.compare(">", a, most), most, a), v.const(2.4, dtype))
        root = _polynomial(v, inside, _ROOT, dtype)
        square = v.exact_mul(root, root)
        far = v.fma(v.neg(square), square, v.const(1, dtype))
    else:
        far, end = v.exact_sub(constant(v, 1), _far(v, a)), 0.5
    return v.copysign(v.select(v.compare("<", a, v.const(end, dtype)), _near(v, x, dtype), far), x)


def erfc(v, x, dtype):
    dtype = np.dtype(dtype)
    a, size, number = v.abs(x), _size(dtype), lambda value: v.const(value, dtype)
    far = _far_single(v, a) if size == 4 else _far(v, a)
    far = v.select(v.compare("<", x, number(0)), v.exact_sub(number(2), far), far)
    if size == 4:
        return far
    near = v.exact_sub(number(1), _near(v, x, dtype))
    return v.select(v.compare("<", a, number(0.5)), near, far)


def _far_single(v, x):
    """`erfc(|x|)` of float32: the polynomial in float64, of the exponential only what is left of one."""
    k, series = _WHOLE
    dtype = np.dtype(np.float32)
    a = _within(v, v.abs(x), dtype, high=_MOST[4])
    square = v.exact_mul(a, a)
    lost = v.exact_fma(a, a, v.neg(square))
    n, r, rest = _reduced(v, v.neg(square), dtype)
    rest = v.fma(v.exact_mul(r, r), rest, r)
    rest = v.fma(v.neg(lost), rest, v.exact_sub(rest, lost))  # e^(r - lost) - 1
    a = v.widen(a)
    t = v.exact_mul(v.exact_sub(a, constant(v, k)), v.rough_inverse(v.exact_add(a, constant(v, k))))
    y = _polynomial(v, t, series, REAL)
    y = _scaled(v, v.narrow(v.fma(y, v.widen(rest), y)), n, dtype)
    return y if v.has_scale(y) else v.select(v.isnan(x), x, y)
