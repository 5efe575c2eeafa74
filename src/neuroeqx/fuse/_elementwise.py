"""How each elementwise primitive of JAX is written with vectors. What is not in the table stays in XLA."""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import (
    _error_function as error_function,
    _functions as functions,
    _hyperbolic as hyperbolic,
    _power as power,
    _trigonometry as trigonometry,
)


# From the operations to build with, the parameters of the equation, the dtypes of operands and result, and the operands,
# to the result.
Emitter = Callable[..., Any]
EMITTERS: dict[str, Emitter] = {}
FUNCTIONS: set[str] = set()  # those that take many operations
_REALS = (np.dtype(np.float32), np.dtype(np.float64))
_WHOLE = (np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.uint32), np.dtype(np.uint64))
DTYPES = (*_REALS, *_WHOLE, np.dtype(bool))


def _kind(dtype: np.dtype) -> str:
    return "f" if dtype in _REALS else "b" if dtype.kind == "b" else "u" if dtype.kind == "u" else "i"


def _emits(name: str) -> Callable[[Emitter], Emitter]:
    def note(emitter: Emitter) -> Emitter:
        EMITTERS[name] = emitter
        return emitter

    return note


def _arithmetic(name: str, real: str, whole: str) -> None:
    def emit(v, params, dtypes, result, a, b):
        return getattr(v, real if _kind(result) == "f" else whole)(a, b)

    EMITTERS[name] = emit


_arithmetic("add", "add", "iadd")
_arithmetic("add_any", "add", "iadd")
_arithmetic("sub", "sub", "isub")
_arithmetic("mul", "mul", "imul")


@_emits("div")
def _div(v, params, dtypes, result, a, b):
    if _kind(result) == "f":
        return v.div(a, b)
    return _whole_quotient(v, result, a, b, v.builder.sdiv, v.builder.udiv, -1)


@_emits("rem")
def _rem(v, params, dtypes, result, a, b):
    if _kind(result) == "f":
        return v.builder.frem(a, b)
    return _whole_quotient(v, result, a, b, v.builder.srem, v.builder.urem, None)


def _whole_quotient(v, result, a, b, signed, unsigned, by_zero):
    """Of integers. The processor stops the program at a division by zero and at that of the least number by -1."""
    one, zero = v.const(1, result), v.const(0, result)
    none = v.icompare("==", b, zero)
    if _kind(result) == "u":
        quotient = unsigned(a, v.select(none, one, b))
        return v.select(none, v.const(np.iinfo(result).max, result) if by_zero else a, quotient)
    least = v.const(np.iinfo(result).min, result)
    minus = v.const(-1, result)
    over = v.and_(v.icompare("==", a, least), v.icompare("==", b, minus))
    quotient = signed(a, v.select(v.or_(none, over), one, b))
    quotient = v.select(over, least if by_zero else zero, quotient)
    return v.select(none, minus if by_zero else a, quotient)


def _unary_real(name: str, operation: str) -> None:
    EMITTERS[name] = lambda v, params, dtypes, result, a: getattr(v, operation)(a)


for _name in ("sqrt", "floor", "ceil"):
    _unary_real(_name, _name)


@_emits("neg")
def _neg(v, params, dtypes, result, a):
    return v.neg(a) if _kind(result) == "f" else v.isub(v.const(0, result), a)


@_emits("abs")
def _abs(v, params, dtypes, result, a):
    if _kind(result) == "f":
        return v.abs(a)
    zero = v.const(0, result)
    return v.select(v.icompare("<", a, zero), v.isub(zero, a), a) if _kind(result) == "i" else a


@_emits("sign")
def _sign(v, params, dtypes, result, a):
    zero, one = v.const(0, result), v.const(1, result)
    if _kind(result) == "f":
        positive, negative = v.compare(">", a, zero), v.compare("<", a, zero)
        return v.select(positive, one, v.select(negative, v.const(-1, result), a))  # zeros and NaN are their own signs
    if _kind(result) == "u":
        return v.select(v.icompare("==", a, zero), zero, one)
    return v.select(v.icompare(">", a, zero), one, v.select(v.icompare("<", a, zero), v.const(-1, result), zero))


@_emits("square")
def _square(v, params, dtypes, result, a):
    return v.mul(a, a) if _kind(result) == "f" else v.imul(a, a)


@_emits("one_minus_square")
def _one_minus_square(v, params, dtypes, result, a):
    one = v.const(1, result)
    if _kind(result) == "f":
        return v.mul(v.add(one, a), v.sub(one, a))
    return v.imul(v.iadd(one, a), v.isub(one, a))


@_emits("rsqrt")
def _rsqrt(v, params, dtypes, result, a):
    return v.div(v.const(1, result), v.sqrt(a))


@_emits("integer_pow")
def _integer_pow(v, params, dtypes, result, a):
    y = params["y"]
    mul = v.mul if _kind(result) == "f" else v.imul
    power, square, rest = None, a, abs(y)
    while rest:
        if rest & 1:
            power = square if power is None else mul(power, square)
        rest >>= 1
        if rest:
            square = mul(square, square)
    if power is None:
        return v.const(1, result)
    return v.div(v.const(1, result), power) if y < 0 else power


def _extreme(name: str, how: str) -> None:
    def emit(v, params, dtypes, result, a, b):
        if _kind(result) == "f":
            chosen = v.select(v.compare(how, a, b), a, b)  # b where b is NaN
            return v.select(v.isnan(a), a, chosen)
        if _kind(result) == "b":
            return (v.or_ if how == ">" else v.and_)(a, b)
        return v.select(v.icompare(how, a, b, _kind(result) == "i"), a, b)

    EMITTERS[name] = emit


_extreme("max", ">")
_extreme("min", "<")


@_emits("clamp")
def _clamp(v, params, dtypes, result, low, a, high):
    largest = EMITTERS["max"](v, {}, dtypes, result, low, a)
    return EMITTERS["min"](v, {}, dtypes, result, largest, high)


def _comparison(name: str, how: str) -> None:
    def emit(v, params, dtypes, result, a, b):
        if _kind(dtypes[0]) == "f":
            return v.compare(how, a, b)
        return v.icompare(how, a, b, _kind(dtypes[0]) == "i")

    EMITTERS[name] = emit


for _name, _how in {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    _comparison(_name, _how)


def _bitwise(name: str, operation: str) -> None:
    EMITTERS[name] = lambda v, params, dtypes, result, *args: getattr(v, operation)(*args)


for _name, _operation in {"and": "and_", "or": "or_", "xor": "xor", "not": "not_"}.items():
    _bitwise(_name, _operation)


def _shift(name: str, operation: str) -> None:
    def emit(v, params, dtypes, result, a, b):
        bits = v.const(8 * result.itemsize - 1, result)
        shifted = getattr(v, operation)(a, v.and_(b, bits))
        beyond = v.icompare(">", b, bits, signed=False)
        if operation == "ashr":
            return v.select(beyond, v.ashr(a, bits), shifted)
        return v.select(beyond, v.const(0, result), shifted)

    EMITTERS[name] = emit


for _name, _operation in {
    "shift_left": "shl",
    "shift_right_logical": "lshr",
    "shift_right_arithmetic": "ashr",
}.items():
    _shift(_name, _operation)


@_emits("select_n")
def _select_n(v, params, dtypes, result, which, *cases):
    if len(cases) == 1:
        return cases[0]
    condition = which if _kind(dtypes[0]) == "b" else v.icompare("!=", which, v.const(0, dtypes[0]))
    return v.select(condition, cases[1], cases[0])


@_emits("is_finite")
def _is_finite(v, params, dtypes, result, a):
    return v.compare("<", v.abs(a), v.const(np.inf, dtypes[0]))


@_emits("round")
def _round(v, params, dtypes, result, a):
    to_even = int(params["rounding_method"]) == 1
    return v.rint(a) if to_even else v.round_away(a)


@_emits("convert_element_type")
def _convert(v, params, dtypes, result, a):
    source, target = _kind(dtypes[0]), _kind(result)
    if dtypes[0] == result:
        return a
    if target == "b":
        zero = v.const(0, dtypes[0])
        return v.compare("!=", a, zero) if source == "f" else v.icompare("!=", a, zero)
    if source == "b":
        return v.select(a, v.const(1, result), v.const(0, result))
    if source == "f":
        if target == "f":
            return v.widen(a) if result.itemsize == 8 else v.narrow(a)
        return v.to_int(a, result)
    if target == "f":
        return v.from_int(a, result, source == "i")
    if result.itemsize == dtypes[0].itemsize:
        return a
    if result.itemsize < dtypes[0].itemsize:
        return v.builder.trunc(a, v.type(result))
    return (v.builder.sext if source == "i" else v.builder.zext)(a, v.type(result))


@_emits("bitcast_convert_type")
def _bitcast(v, params, dtypes, result, a):
    return v.bitcast(a, result)


def _function(primitive: str, name: str) -> None:
    function = getattr(functions, name)
    FUNCTIONS.add(primitive)
    EMITTERS[primitive] = lambda v, params, dtypes, result, *args: function(v, *args, result)


FUNCTIONS.add("exp")


@_emits("exp")
def _exp(v, params, dtypes, result, a):
    return functions.exp(v, a, result, params.get("bounded", False))


for _name in ("expm1", "log", "log1p", "tanh", "logistic"):
    _function(_name, _name)
for _name in ("phi1", "exprel_inverse", "exprel_inverse_of"):
    _function(f"neuroeqx_{_name}", _name)


FUNCTIONS.add("log2")


@_emits("log2")
def _log2(v, params, dtypes, result, a):
    # The inverse of ln 2 in two parts: rounded it would add an error of its own.
    high = float(np.array(1 / np.log(2), result))
    low = float(1 / np.log(np.longdouble(2)) - high)
    log = functions.log(v, a, result)
    scaled = v.fma(log, v.const(high, result), v.exact_mul(log, v.const(low, result)))
    infinite = v.compare("==", v.abs(log), v.const(np.inf, result))
    return v.select(infinite, log, scaled)


def _elementary(primitive: str, formula: Callable[..., Any]) -> None:
    """By our own formula on CPU; elsewhere by the function of a library."""
    FUNCTIONS.add(primitive)
    EMITTERS[primitive] = lambda v, params, dtypes, result, *args: v.elementary(primitive, formula, result, *args)


for _module, _names in {
    power: ("exp2", "pow", "cbrt"),
    trigonometry: ("sin", "cos", "tan", "asin", "acos", "atan", "atan2"),
    hyperbolic: ("sinh", "cosh", "asinh", "acosh", "atanh"),
    error_function: ("erf", "erfc"),
}.items():
    for _name in _names:
        _elementary(_name, getattr(_module, _name))


@_emits("nextafter")
def _nextafter(v, params, dtypes, result, a, b):
    kind = np.dtype(f"int{8 * result.itemsize}")
    zero, one, most = v.const(0, kind), v.const(1, kind), v.const(np.iinfo(kind).max, kind)
    x, y = v.bitcast(a, kind), v.bitcast(b, kind)
    size, other = v.and_(x, most), v.and_(y, most)
    apart = v.icompare("<", v.xor(x, y), zero)  # of different signs
    down = v.or_(apart, v.icompare(">", size, other))
    step = v.iadd(x, v.select(down, v.const(-1, kind), one))
    least = v.or_(v.and_(y, v.not_(most)), one)
    step = v.select(v.icompare("==", size, zero), v.select(v.icompare("==", other, zero), y, least), step)
    step = v.select(v.icompare("==", x, y), y, step)
    return v.select(v.or_(v.isnan(a), v.isnan(b)), v.const(np.nan, result), v.bitcast(step, result))


def supports(name: str, dtypes: list[Any], params: dict[str, Any]) -> bool:
    """Whether an elementwise primitive can be written for these dtypes (operands and results)."""
    if name not in EMITTERS or any(np.dtype(dtype) not in DTYPES for dtype in dtypes):
        return False
    if name == "select_n":
        return len(dtypes) <= 4
    if name == "pow":
        return all(_kind(np.dtype(dtype)) == "f" for dtype in dtypes)
    if name == "bitcast_convert_type":
        return np.dtype(dtypes[0]).itemsize == np.dtype(dtypes[1]).itemsize
    if name in ("sign", "integer_pow") and _kind(np.dtype(dtypes[0])) == "b":
        return False
    return True
