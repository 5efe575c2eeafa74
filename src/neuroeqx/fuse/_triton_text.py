"""Operations on lanes as lines of Triton: what `_vectors.py` is for CPU.

The tables of `_elementwise.py` and the formulas of `_functions.py` are written once for both; here are their sums, shifts and
comparisons, with those that Triton lacks (`rint`, `rem`, `pow`) made of others, since the interpreter has no libdevice.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from . import _functions as functions
from ._call import Unsupported
from ._elementwise import EMITTERS
from ._flat import Operation


# What has been tried; a further primitive is to be tried before it is entered here.
SUPPORTED = frozenset({
    "abs", "add", "add_any", "and", "bitcast_convert_type", "ceil", "clamp", "convert_element_type", "cos", "div", "eq",
    "erf_inv", "exp", "exp2", "expm1", "fill", "floor", "ge", "gt", "integer_pow", "is_finite", "le", "log", "log1p",
    "log2", "logistic", "lt", "max", "min", "mul", "ne", "neg", "not", "one_minus_square", "or", "pow", "rem", "round",
    "rsqrt", "select_n", "shift_left", "shift_right_arithmetic", "shift_right_logical", "sign", "sin", "sqrt", "square",
    "sub", "tanh", "xor",
    "neuroeqx_exprel_inverse", "neuroeqx_exprel_inverse_of", "neuroeqx_phi1", "neuroeqx_random_bits",
    "neuroeqx_threefry_first", "neuroeqx_threefry_second",
})  # fmt: skip
_REALS = (np.dtype(np.float32), np.dtype(np.float64))
_BOOL = np.dtype(bool)


class Name(NamedTuple):
    """A variable of the kernel; `wide` if it has a number for each lane."""

    text: str
    dtype: np.dtype
    wide: bool


def type_name(dtype: np.dtype) -> str:
    return "tl.int1" if dtype == _BOOL else f"tl.{dtype.name}"


class Text:
    """Writes operations as lines of a kernel.

    Constants are lines of their own in `constants`, which must come before all others.
    """

    def __init__(self, place: Name):
        self.lines: list[str] = []
        self.constants: dict[tuple[str, np.dtype], Name] = {}
        self.count = 0
        self.builder = _Builder(self)
        self._place = place

    def line(self, expression: str, dtype: Any, *args: Name, wide: bool | None = None) -> Name:
        self.count += 1
        wide = any(a.wide for a in args) if wide is None else wide
        name = Name(f"v{self.count}", np.dtype(dtype), wide)
        self.lines.append(f"{name.text} = {expression}")
        return name

    def apply(self, operation: Operation, args: list[Name]) -> Name:
        """One operation. Raises `Unsupported` for those that are not known here."""
        output, dtypes = operation.outputs[0], [atom.dtype for atom in operation.inputs]
        if operation.name not in SUPPORTED:
            raise Unsupported(f"{operation.name} in Triton")
        if operation.name in ("add", "add_any", "sub", "mul", "integer_pow", "rem", "div") and output.dtype == _BOOL:
            raise Unsupported(f"{operation.name} of truth values in Triton")
        if operation.name == "fill":
            result = args[0]
        elif operation.name == "logistic":
            result = _logistic(self, args[0])
        else:
            result = EMITTERS[operation.name](self, operation.params, dtypes, output.dtype, *args)
        return result if output.scalar else self.widen_to_lanes(result)

    def widen_to_lanes(self, a: Name) -> Name:
        return a if a.wide else self.line(f"tl.broadcast_to({a.text}, [BLOCK])", a.dtype, wide=True)

    # Making values

    def type(self, dtype: Any) -> np.dtype:
        return np.dtype(dtype)

    def const(self, value: Any, dtype: Any) -> Name:
        dtype = np.dtype(dtype)
        if dtype in _REALS:
            with np.errstate(over="ignore"):
                number = float(dtype.type(value))
            text = repr(number) if math.isfinite(number) else f'float("{number}")'
        else:
            text = repr(bool(value)) if dtype == _BOOL else repr(int(dtype.type(value)))
        if (text, dtype) not in self.constants:
            self.constants[text, dtype] = Name(f"c{len(self.constants)}", dtype, False)
        return self.constants[text, dtype]

    def constant_lines(self) -> list[str]:
        return [f"{own.text} = {_full(text, dtype)}" for (text, dtype), own in self.constants.items()]

    def place(self) -> Name:
        return self._place

    # Floating point

    def _binary(self, sign: str, a: Name, b: Name, dtype: Any = None) -> Name:
        return self.line(f"{a.text} {sign} {b.text}", dtype or a.dtype, a, b)

    def add(self, a, b):
        return self._binary("+", a, b)

    def sub(self, a, b):
        return self._binary("-", a, b)

    def mul(self, a, b):
        return self._binary("*", a, b)

    exact_add, exact_sub, exact_mul = add, sub, mul  # nothing is contracted

    def div(self, a, b):
        if a.dtype == _REALS[1]:
            return self._binary("/", a, b)
        return self.line(f"tl.div_rn({a.text}, {b.text})", a.dtype, a, b)

    def inverse(self, a):
        return self.div(self.const(1, a.dtype), a)

    def fma(self, a, b, c):
        wide = [self.widen_to_lanes(x) for x in (a, b, c)] if any(x.wide for x in (a, b, c)) else [a, b, c]
        return self.line(f"tl.fma({', '.join(x.text for x in wide)})", a.dtype, *wide)

    def _function(self, name: str, a: Name) -> Name:
        return self.line(f"tl.{name}({a.text})", a.dtype, a)

    def neg(self, a):
        return self.line(f"-{a.text}", a.dtype, a)

    def abs(self, a):
        return self._function("abs", a)

    def sqrt(self, a):
        return self._function("sqrt_rn" if a.dtype == _REALS[0] else "sqrt", a)

    def floor(self, a):
        return self._function("floor", a)

    def ceil(self, a):
        return self._function("ceil", a)

    def copysign(self, size, sign):
        whole = np.dtype(f"uint{8 * size.dtype.itemsize}")
        most = self.const(1 << (8 * size.dtype.itemsize - 1), whole)
        bits = self.and_(self.bitcast(sign, whole), most)
        return self.bitcast(self.or_(self.bitcast(self.abs(size), whole), bits), size.dtype)

    def rint(self, a):
        # Numbers of this size have no digits behind the point, which the addition rounds away.
        whole = self.const(2.0 ** (23 if a.dtype == _REALS[0] else 52), a.dtype)
        size = self.abs(a)
        rounded = self.sub(self.add(size, whole), whole)
        return self.select(self.compare("<", size, whole), self.copysign(rounded, a), a)

    def round_away(self, a):
        size = self.abs(a)
        below = self.floor(size)
        up = self.compare(">=", self.sub(size, below), self.const(0.5, a.dtype))
        return self.copysign(self.select(up, self.add(below, self.const(1, a.dtype)), below), a)

    def elementary(self, name, formula, dtype, *args):
        """A function of a library rather than by its formula, which is for CPUs."""
        del formula, dtype
        if name in ("sin", "cos", "exp2"):
            return self._function(name, args[0])
        if name == "pow":
            return _pow(self, *args)
        raise Unsupported(f"{name} in Triton")

    def compare(self, how, a, b):
        return self._binary(how, a, b, _BOOL)

    def isnan(self, a):
        return self._binary("!=", a, a, _BOOL)

    # Integers and bits

    def icompare(self, how, a, b, signed=True):
        if a.dtype == _BOOL:
            a, b = self.cast(a, np.int32), self.cast(b, np.int32)
        elif not signed:
            a, b = self._unsigned(a), self._unsigned(b)
        return self._binary(how, a, b, _BOOL)

    def _unsigned(self, a: Name) -> Name:
        return self.bitcast(a, f"uint{8 * a.dtype.itemsize}")

    iadd, isub, imul = add, sub, mul

    def shl(self, a, b):
        return self._binary("<<", a, b)

    def lshr(self, a, b):
        return self.bitcast(self._binary(">>", self._unsigned(a), self._unsigned(b)), a.dtype)

    def ashr(self, a, b):
        signed = [self.bitcast(x, f"int{8 * x.dtype.itemsize}") for x in (a, b)]
        return self.bitcast(self._binary(">>", *signed), a.dtype)

    def and_(self, a, b):
        return self._binary("&", a, b)

    def or_(self, a, b):
        return self._binary("|", a, b)

    def xor(self, a, b):
        return self._binary("^", a, b)

    def not_(self, a):
        return self.line(f"~{a.text}", a.dtype, a)

    # Both

    def has_scale(self, a) -> bool:
        del a
        return False

    def select(self, condition, a, b):
        return self.line(f"tl.where({condition.text}, {a.text}, {b.text})", a.dtype, condition, a, b)

    def bitcast(self, a, dtype):
        dtype = np.dtype(dtype)
        if dtype == a.dtype:
            return a
        return self.line(f"{a.text}.to({type_name(dtype)}, bitcast=True)", dtype, a)

    def cast(self, a, dtype):
        return self.line(f"{a.text}.to({type_name(np.dtype(dtype))})", dtype, a)

    def to_int(self, a, dtype):
        """Truncated towards zero; what the type cannot hold becomes its nearest value, NaN zero."""
        kind = np.iinfo(dtype)
        least, beyond = self.const(float(kind.min), a.dtype), self.const(float(kind.max + 1), a.dtype)
        low, high = self.compare("<=", a, least), self.compare(">=", a, beyond)
        odd = self.or_(self.or_(low, high), self.isnan(a))
        number = self.cast(self.select(odd, self.const(0, a.dtype), a), dtype)
        number = self.select(low, self.const(kind.min, dtype), number)
        return self.select(high, self.const(kind.max, dtype), number)

    def to_int_fast(self, a, dtype):
        """An exponent. What no number has is held at where powers of its half still are numbers, NaN at zero."""
        most = 254.0 if a.dtype == _REALS[0] else 2046.0
        low, high = self.const(-most, a.dtype), self.const(most, a.dtype)
        a = self.select(self.compare(">", a, high), high, self.select(self.compare("<", a, low), low, a))
        return self.cast(self.select(self.isnan(a), self.const(0, a.dtype), a), dtype)

    def from_int(self, a, dtype, signed=True):
        del signed  # the type says it
        return self.cast(a, dtype)

    def widen(self, a):
        return self.cast(a, np.float64)

    def narrow(self, a):
        return self.cast(a, np.float32)


class _Builder:
    """The operations that the tables take from LLVM's builder."""

    def __init__(self, text: Text):
        self.text = text

    def fdiv(self, a, b):
        return self.text.div(a, b)

    def sdiv(self, a, b):
        return self.text._binary("//", a, b)

    def srem(self, a, b):
        return self.text._binary("%", a, b)

    udiv, urem = sdiv, srem

    def frem(self, a, b):
        return _rem(self.text, a, b)

    def trunc(self, a, dtype):
        return self.text.cast(a, dtype)

    sext = zext = trunc


def _full(text: str, dtype: np.dtype) -> str:
    return f"tl.full([], {text}, {type_name(dtype)})"


def _logistic(v: Text, a: Name) -> Name:
    """To three units in the last place; many GPUs have few units for the wider type, in which CPUs compute it."""
    one, e = v.const(1, a.dtype), functions.exp(v, v.neg(v.abs(a)), a.dtype)
    return v.div(v.select(v.compare("<", a, v.const(0, a.dtype)), e, one), v.add(one, e))


def _rem(v: Text, a: Name, b: Name) -> Name:
    """`a - b trunc(a / b)`, of the sign of `a`: exact for quotients up to 2^100, of which it takes 50 digits at a time."""
    if a.dtype == _REALS[0]:
        return v.narrow(_rem(v, v.widen(a), v.widen(b)))
    size, divisor, zero = v.abs(a), v.abs(b), v.const(0, a.dtype)
    rest = size
    for _ in range(2):
        rest = v.fma(v.neg(v.floor(v.div(rest, divisor))), divisor, rest)
    rest = v.select(v.compare("<", rest, zero), v.add(rest, divisor), rest)
    rest = v.select(v.compare(">=", rest, divisor), v.sub(rest, divisor), rest)
    infinite = v.compare("==", divisor, v.const(np.inf, a.dtype))
    finite = v.compare("<", size, v.const(np.inf, a.dtype))
    return v.copysign(v.select(v.and_(infinite, finite), size, rest), a)


def _pow(v: Text, a: Name, b: Name) -> Name:
    """`a**b` by the logarithm: of float32 in float64; of float64 to some 1e-13 where the result is near to the limits."""
    if a.dtype == _REALS[0]:
        return v.narrow(_pow(v, v.widen(a), v.widen(b)))
    real, zero, one = a.dtype, v.const(0, a.dtype), v.const(1, a.dtype)
    size = v.abs(a)
    log = functions.log(v, size, real)
    product = v.mul(log, b)
    rest = v.fma(log, b, v.neg(product))
    finite = v.compare("<", v.abs(product), v.const(np.inf, real))
    rest = v.select(finite, rest, zero)
    power = functions.exp(v, product, real)
    power = v.select(v.compare("<", power, v.const(np.inf, real)), v.fma(power, rest, power), power)
    whole = v.compare("==", v.floor(b), b)
    half = v.mul(b, v.const(0.5, real))
    odd = v.and_(whole, v.compare("!=", v.floor(half), half))
    signed = v.select(odd, v.copysign(power, a), power)
    negative = v.compare("<", a, zero)
    invalid = v.and_(v.and_(negative, v.not_(whole)), v.compare(">", a, v.const(-np.inf, real)))
    result = v.select(invalid, v.const(np.nan, real), signed)
    unit = v.and_(v.compare("==", size, one), v.compare("==", v.abs(b), v.const(np.inf, real)))
    always = v.or_(v.or_(v.compare("==", b, zero), v.compare("==", a, one)), unit)
    return v.select(always, one, result)
