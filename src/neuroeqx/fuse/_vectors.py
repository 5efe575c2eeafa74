"""Elementwise operations in LLVM's language, on vectors of 64 bytes: what fused loops are made of."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding, ir

from . import _huge_angle as huge_angle


BYTES = 64  # of a vector; where registers are shorter it takes several
_FLOATS = {4: ir.FloatType(), 8: ir.DoubleType()}
# Sums and products may be contracted to one operation with one rounding, as XLA does on CPU.
_FAST = ("contract",)


@functools.cache
def _has_avx512() -> bool:
    """Whether the processor has AVX-512."""
    return bool(binding.get_host_cpu_features().get("avx512f", False))


def element_type(dtype: Any) -> Any:
    """The type of one number in a register; a truth value is one bit."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return ir.IntType(1)
    return _FLOATS[dtype.itemsize] if dtype.kind == "f" else ir.IntType(8 * dtype.itemsize)


class Vectors:
    """Builds operations on vectors of some number of lanes; with none, on single numbers.

    Values are LLVM values; what LLVM's types do not tell (signs of integers) the caller knows.
    """

    def __init__(self, builder: Any, lanes: int | None, divides: bool = False):
        """
        - `divides`: use the processor's division. It takes long, but other work goes on meanwhile.
        """
        self.builder, self.lanes, self.divides = builder, lanes, divides
        self.start: Any = None  # the place of the first lane in the arrays

    # Making values

    def type(self, dtype: Any) -> Any:
        element = element_type(dtype)
        return element if self.lanes is None else ir.VectorType(element, self.lanes)

    def const(self, value: Any, dtype: Any) -> Any:
        """The same number in every lane."""
        dtype, kind = np.dtype(dtype), self.type(dtype)
        number = bool(value) if dtype.kind == "b" else dtype.type(value).item()
        if dtype.kind == "b" or dtype.kind in "iu":
            number = int(number)
        return ir.Constant(kind, number if self.lanes is None else [number] * self.lanes)

    def fill(self, single: Any) -> Any:
        """A number that is only known when the program runs, in every lane."""
        if self.lanes is None:
            return single
        kind, word = ir.VectorType(single.type, self.lanes), ir.IntType(32)
        first = self.builder.insert_element(ir.Constant(kind, ir.Undefined), single, word(0))
        zeros = ir.Constant(ir.VectorType(word, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), zeros)

    def place(self) -> Any:
        """Where in the arrays each lane lies, as uint32."""
        number = ir.IntType(32)
        if self.lanes is None or self.start is None:
            return self.const(0, np.uint32)
        lanes = ir.Constant(ir.VectorType(number, self.lanes), list(range(self.lanes)))
        return self.builder.add(self.fill(self.builder.trunc(self.start, number)), lanes)

    def _call(self, name: str, *args: Any, result: Any | None = None) -> Any:
        """An operation that LLVM has as a function, of the type of its first argument."""
        kind = args[0].type
        element = kind.element if isinstance(kind, ir.VectorType) else kind
        suffix = {"float": "f32", "double": "f64"}.get(str(element), str(element))
        suffix = suffix if self.lanes is None else f"v{self.lanes}{suffix}"
        function_type = ir.FunctionType(result or kind, [a.type for a in args])
        full = f"llvm.{name}.{suffix}"
        function = self.builder.module.globals.get(full) or ir.Function(self.builder.module, function_type, full)
        return self.builder.call(function, list(args))

    # Floating point

    def add(self, a, b):
        return self.builder.fadd(a, b, flags=_FAST)

    def sub(self, a, b):
        return self.builder.fsub(a, b, flags=_FAST)

    def mul(self, a, b):
        return self.builder.fmul(a, b, flags=_FAST)

    def div(self, a, b):
        if not self.divides and self.lanes == 16 and str(a.type.element) == "float" and _has_avx512():
            return self._quick_div(a, b)
        return self.builder.fdiv(a, b)

    def _quick_div(self, a, b):
        """A quotient of vectors of float32 from an approximate reciprocal, in half the time of a division.

        Two steps of Newton's method, the second on the quotient, leave an error of half a unit in the last place and a
        little. Where a lane has no finite quotient or a very large divisor, the vector is divided after all.
        """
        builder = self.builder
        r, minus = self.inverse(b), self.neg(b)
        q = builder.fmul(a, r)
        q = self.fma(self.fma(minus, q, a), r, q)
        usual = self.compare("<", self.abs(q), self.const(np.inf, np.float32))
        usual = self.and_(usual, self.compare("<", self.abs(b), self.const(2.0**126, np.float32)))
        return self.unless_all(usual, q, lambda: builder.fdiv(a, b))

    def inverse(self, a):
        """`1 / a` to a unit in the last place, for numbers with a size between 2^-126 and 2^126."""
        if self.lanes != 16 or str(a.type.element) != "float" or not _has_avx512():
            return self.builder.fdiv(ir.Constant(a.type, 1.0 if self.lanes is None else [1.0] * self.lanes), a)
        kind, name, mask = a.type, "llvm.x86.avx512.rcp14.ps.512", ir.IntType(16)
        function = self.builder.module.globals.get(name) or ir.Function(
            self.builder.module, ir.FunctionType(kind, [kind, kind, mask]), name
        )
        r = self.builder.call(function, [a, ir.Constant(kind, ir.Undefined), mask(0xFFFF)])
        return self.fma(r, self.fma(self.neg(a), r, self.const(1, np.float32)), r)

    def _estimate(self, name: str, a: Any) -> Any | None:
        """14 digits of an inverse (`rcp14`) or of that of a root (`rsqrt14`) of float64, where there is an instruction."""
        if self.lanes not in (8, 16) or not _has_avx512():
            return None
        kind, mask, word = ir.VectorType(_FLOATS[8], 8), ir.IntType(8), ir.IntType(32)
        full, none = f"llvm.x86.avx512.{name}.pd.512", ir.Constant(kind, ir.Undefined)
        function_type = ir.FunctionType(kind, [kind, kind, mask])
        function = self.builder.module.globals.get(full) or ir.Function(self.builder.module, function_type, full)
        lanes = lambda first, count: ir.Constant(ir.VectorType(word, count), list(range(first, first + count)))
        other = ir.Constant(a.type, ir.Undefined)
        parts = [self.builder.shuffle_vector(a, other, lanes(k, 8)) for k in range(0, self.lanes, 8)]
        parts = [self.builder.call(function, [part, none, mask(0xFF)]) for part in parts]
        return parts[0] if len(parts) == 1 else self.builder.shuffle_vector(*parts, lanes(0, 16))

    def rough_inverse(self, a):
        """`1 / a` of float64 with 27 digits or more, for numbers from 2^-1000 to 2^1000 in size."""
        r, one = self._estimate("rcp14", a), self.const(1, np.float64)
        return self.builder.fdiv(one, a) if r is None else self.fma(self.fma(self.neg(a), r, one), r, r)

    def near_quotient(self, a, b):
        """`a / b` of float64 to about a unit in the last place, for finite `a`, and `b` as in `rough_inverse`."""
        r = self.rough_inverse(b)
        q = self.exact_mul(a, r)
        return self.fma(self.fma(self.neg(b), q, a), r, q)

    def near_sqrt(self, a):
        """The root to about a unit in the last place, for numbers from 2^-1000 to 2^1000."""
        r = self._estimate("rsqrt14", a)
        if r is None:
            return self.sqrt(a)
        half = self.exact_mul(r, self.const(0.5, np.float64))
        root = self.exact_mul(a, r)
        rest = self.fma(self.neg(root), half, self.const(0.5, np.float64))
        root, half = self.fma(root, rest, root), self.fma(half, rest, half)
        return self.fma(self.fma(self.neg(root), root, a), half, root)

    def unless_all(self, condition: Any, quick: Any, slow: Callable[[], Any]) -> Any:
        """`quick`, or `slow()` where the condition does not hold in every lane; that is only computed then."""
        builder = self.builder
        if self.lanes is not None:
            bits = ir.IntType(self.lanes)
            condition = builder.icmp_unsigned("==", builder.bitcast(condition, bits), bits(2**self.lanes - 1))
        before, rare, after = builder.block, builder.append_basic_block("rare"), builder.append_basic_block("usual")
        builder.cbranch(condition, after, rare)
        builder.position_at_end(rare)
        other = slow()
        rare = builder.block
        builder.branch(after)
        builder.position_at_end(after)
        chosen = builder.phi(quick.type)
        chosen.add_incoming(quick, before)
        chosen.add_incoming(other, rare)
        return chosen

    def fma(self, a, b, c):
        """`a * b + c`, rounded once where the processor can."""
        return self._call("fmuladd", a, b, c)

    def exact_fma(self, a, b, c):
        """`a * b + c`, rounded once; where the processor cannot, by the C library."""
        return self._call("fma", a, b, c)

    def exact_sub(self, a, b):
        """A difference that is never contracted."""
        return self.builder.fsub(a, b)

    def exact_add(self, a, b):
        return self.builder.fadd(a, b)

    def exact_mul(self, a, b):
        return self.builder.fmul(a, b)

    def neg(self, a):
        return self.builder.fneg(a)

    def abs(self, a):
        return self._call("fabs", a)

    def copysign(self, size, sign):
        return self._call("copysign", size, sign)

    def sqrt(self, a):
        return self._call("sqrt", a)

    def floor(self, a):
        return self._call("floor", a)

    def ceil(self, a):
        return self._call("ceil", a)

    def rint(self, a):
        """The nearest whole number; of two the even one."""
        return self._call("rint", a)

    def round_away(self, a):
        """The nearest whole number; of two the one further from zero."""
        return self._call("round", a)

    def elementary(self, name, formula, dtype, *args):
        """A function that other languages than this one have under its name."""
        del name
        return formula(self, *args, dtype)

    def huge_angle(self, a, size):
        """`n` and `r` of `a = n pi/2 + r`, see `_huge_angle.py`."""
        return huge_angle.reduced(self, a, size)

    def look_up(self, name: str, table: tuple[float, ...], place):
        """The numbers of a table of float64 at some places in it, as int64. One name is one table."""
        builder, element = self.builder, _FLOATS[8]
        kind = ir.ArrayType(element, len(table))
        known: Any = builder.module.globals.get(name) or ir.GlobalVariable(builder.module, kind, name)
        known.initializer, known.global_constant, known.linkage = ir.Constant(kind, list(table)), True, "internal"
        place = self.iadd(self.shl(place, self.const(3, np.int64)), self.fill(builder.ptrtoint(known, ir.IntType(64))))
        if self.lanes is None:
            return builder.load(builder.inttoptr(place, element.as_pointer()))
        result, every = self.type(np.float64), self.const(True, bool)
        places = builder.inttoptr(place, ir.VectorType(element.as_pointer(), self.lanes))
        name, word = f"llvm.masked.gather.v{self.lanes}f64.v{self.lanes}p0", ir.IntType(32)
        function_type = ir.FunctionType(result, [places.type, word, every.type, result])
        function = builder.module.globals.get(name) or ir.Function(builder.module, function_type, name)
        return builder.call(function, [places, word(8), every, ir.Constant(result, ir.Undefined)])

    def compare(self, how, a, b):
        """`how` is one of `< <= > >= ==` (false where a number is NaN) and `!=` (then true)."""
        return self.builder.fcmp_unordered(how, a, b) if how == "!=" else self.builder.fcmp_ordered(how, a, b)

    def isnan(self, a):
        return self.builder.fcmp_unordered("uno", a, a)

    # Integers and bits

    def icompare(self, how, a, b, signed=True):
        return (self.builder.icmp_signed if signed else self.builder.icmp_unsigned)(how, a, b)

    def iadd(self, a, b):
        return self.builder.add(a, b)

    def isub(self, a, b):
        return self.builder.sub(a, b)

    def imul(self, a, b):
        return self.builder.mul(a, b)

    def shl(self, a, b):
        return self.builder.shl(a, b)

    def lshr(self, a, b):
        return self.builder.lshr(a, b)

    def ashr(self, a, b):
        return self.builder.ashr(a, b)

    def and_(self, a, b):
        return self.builder.and_(a, b)

    def or_(self, a, b):
        return self.builder.or_(a, b)

    def xor(self, a, b):
        return self.builder.xor(a, b)

    def not_(self, a):
        return self.builder.not_(a)

    # Both

    def has_scale(self, a) -> bool:
        """Whether `scale` is there for these vectors: on processors with AVX-512."""
        return (
            self.lanes is not None and self.lanes * (4 if str(a.type.element) == "float" else 8) == 64 and _has_avx512()
        )

    def scale(self, a, n):
        """`a` times 2 to the power of the whole number `n`, of the same type; it may overflow or underflow."""
        single = str(a.type.element) == "float"
        name = f"llvm.x86.avx512.mask.scalef.{'ps' if single else 'pd'}.512"
        kind, mask, word = a.type, ir.IntType(16 if single else 8), ir.IntType(32)
        function = self.builder.module.globals.get(name) or ir.Function(
            self.builder.module, ir.FunctionType(kind, [kind, kind, kind, mask, word]), name
        )
        every, as_set = mask(2**kind.count - 1), word(4)  # rounding
        return self.builder.call(function, [a, n, ir.Constant(kind, ir.Undefined), every, as_set])

    def select(self, condition, a, b):
        """`a` where the condition holds, else `b`."""
        return self.builder.select(condition, a, b)

    def bitcast(self, a, dtype):
        return self.builder.bitcast(a, self.type(dtype))

    def to_int(self, a, dtype):
        """Truncated towards zero; what the type cannot hold becomes its nearest value, NaN zero, as in XLA."""
        signed = np.dtype(dtype).kind == "i"
        kind = self.type(dtype)
        source = str(a.type.element if self.lanes else a.type)
        target = 8 * np.dtype(dtype).itemsize
        vector = "" if self.lanes is None else f"v{self.lanes}"
        name = (
            f"llvm.fpto{'s' if signed else 'u'}i.sat.{vector}i{target}.{vector}{'f32' if source == 'float' else 'f64'}"
        )
        function = self.builder.module.globals.get(name) or ir.Function(
            self.builder.module, ir.FunctionType(kind, [a.type]), name
        )
        return self.builder.call(function, [a])

    def to_int_fast(self, a, dtype):
        """As `to_int`, for values that are known to fit."""
        return self.builder.fptosi(a, self.type(dtype))

    def from_int(self, a, dtype, signed=True):
        return (self.builder.sitofp if signed else self.builder.uitofp)(a, self.type(dtype))

    def widen(self, a):
        """float32 to float64."""
        return self.builder.fpext(a, self.type(np.float64))

    def narrow(self, a):
        """float64 to float32."""
        return self.builder.fptrunc(a, self.type(np.float32))
