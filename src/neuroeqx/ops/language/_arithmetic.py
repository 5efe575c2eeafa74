"""Operations on numbers, in LLVM's language, with the types that their results have."""

import operator
from typing import Any

from llvmlite import ir

from ._types import (
    BOOL,
    FLOAT64,
    in_memory,
    INT64,
    is_number,
    KernelError,
    promoted,
    Scalar,
    Static,
    static,
    UINT64,
    Value,
)


FOLDED = {
    "Add": operator.add, "Sub": operator.sub, "Mult": operator.mul, "FloorDiv": operator.floordiv, "Mod": operator.mod,
    "Div": operator.truediv, "Pow": operator.pow, "LShift": operator.lshift, "RShift": operator.rshift,
    "BitAnd": operator.and_, "BitOr": operator.or_, "BitXor": operator.xor,
}  # fmt: skip
_REAL = {"Add": "fadd", "Sub": "fsub", "Mult": "fmul", "Div": "fdiv"}
_WHOLE = {"Add": "add", "Sub": "sub", "Mult": "mul", "LShift": "shl", "BitAnd": "and_", "BitOr": "or_", "BitXor": "xor"}
_BITS = {"BitAnd", "BitOr", "BitXor"}
COMPARED = {"Eq": "==", "NotEq": "!=", "Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">="}


def cast(builder: Any, value: Value, kind: Scalar) -> Any:
    """A number as one of another type."""
    if isinstance(value.type, Static) and kind.kind != "b":
        return kind.llvm(kind.numpy.type(value.type.value).item())
    value = in_memory(value)
    own, [number] = value.type, value.parts
    if not isinstance(own, Scalar):
        raise KernelError(f"{own} is no number")
    if own == kind:
        return number
    if kind.kind == "b":
        zero = own.llvm(0)
        return (
            builder.fcmp_unordered("!=", number, zero) if own.kind == "f" else builder.icmp_unsigned("!=", number, zero)
        )
    if own.kind == "f":
        if kind.kind == "f":
            return (builder.fpext if kind.bits > own.bits else builder.fptrunc)(number, kind.llvm)
        return (builder.fptosi if kind.kind == "i" else builder.fptoui)(number, kind.llvm)
    if kind.kind == "f":
        return (builder.sitofp if own.kind == "i" else builder.uitofp)(number, kind.llvm)
    if kind.bits == own.bits:
        return number
    if kind.bits < own.bits:
        return builder.trunc(number, kind.llvm)
    return (builder.sext if own.kind == "i" else builder.zext)(number, kind.llvm)


def common(a: Value, b: Value) -> Scalar:
    """The type in which two numbers meet. A whole number that is known takes the sign of the other one."""
    for one, other in ((a.type, b.type), (b.type, a.type)):
        if isinstance(one, Static) and isinstance(one.value, int) and not isinstance(one.value, bool):
            if isinstance(other, Scalar) and other.kind == "u" and one.value >= 0:
                return UINT64 if other.bits == 64 else INT64
    kinds = [in_memory(value).type for value in (a, b)]
    for kind in kinds:
        if not isinstance(kind, Scalar):
            raise KernelError(f"{kind} is no number")
    return promoted(*kinds)


def arithmetic(builder: Any, name: str, a: Value, b: Value, flags: tuple[str, ...] = ()) -> Value:
    """An operation, called as in Python's syntax trees. Whole numbers are computed in 64 bits."""
    if isinstance(a.type, Static) and isinstance(b.type, Static):
        return static(FOLDED[name](a.type.value, b.type.value))
    kind = common(a, b)
    if kind.kind == "f" or name == "Div":
        kind = kind if kind.kind == "f" else FLOAT64
        operation = getattr(builder, _REAL[name])
        return Value(kind, (operation(cast(builder, a, kind), cast(builder, b, kind), flags=flags),))
    if not (kind.kind == "b" and name in _BITS):
        kind = UINT64 if kind.kind == "u" else INT64
    x, y = cast(builder, a, kind), cast(builder, b, kind)
    if name in ("FloorDiv", "Mod"):
        return Value(kind, (_divided(builder, name, kind, x, y),))
    if name == "RShift":
        return Value(kind, ((builder.ashr if kind.kind == "i" else builder.lshr)(x, y),))
    return Value(kind, (getattr(builder, _WHOLE[name])(x, y),))


def _divided(builder: Any, name: str, kind: Scalar, x: Any, y: Any) -> Any:
    """Rounded down, as in Python."""
    if kind.kind == "u":
        return (builder.udiv if name == "FloorDiv" else builder.urem)(x, y)
    zero = kind.llvm(0)
    rest = builder.srem(x, y)
    differs = builder.icmp_signed("<", builder.xor(x, y), zero)
    down = builder.and_(differs, builder.icmp_signed("!=", rest, zero))
    if name == "Mod":
        return builder.add(rest, builder.select(down, y, zero))
    return builder.sub(builder.sdiv(x, y), builder.zext(down, kind.llvm))


def compare(builder: Any, sign: str, a: Value, b: Value) -> Value:
    if isinstance(a.type, Static) and isinstance(b.type, Static):
        names = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
        return static(bool(getattr(operator, names[sign])(a.type.value, b.type.value)))
    kind = common(a, b)
    x, y = cast(builder, a, kind), cast(builder, b, kind)
    if kind.kind == "f":
        return Value(BOOL, ((builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered)(sign, x, y),))
    return Value(BOOL, ((builder.icmp_signed if kind.kind == "i" else builder.icmp_unsigned)(sign, x, y),))


def negative(builder: Any, value: Value) -> Value:
    if isinstance(value.type, Static):
        return static(-value.type.value)
    value = in_memory(value)
    if value.type.kind == "f":
        return Value(value.type, (builder.fneg(value.parts[0]),))
    return Value(INT64, (builder.neg(cast(builder, value, INT64)),))


def truth(builder: Any, value: Value) -> Value:
    """Whether something is true, perhaps known."""
    if isinstance(value.type, Static):
        return static(bool(value.type.value))
    if not is_number(value.type):
        raise KernelError(f"{value.type} is neither true nor false")
    return Value(BOOL, (cast(builder, value, BOOL),))


def least_or_most(builder: Any, sign: str, values: list[Value]) -> Value:
    """`min` or `max`."""
    best = values[0]
    for value in values[1:]:
        if isinstance(best.type, Static) and isinstance(value.type, Static):
            best = static((min if sign == "<" else max)(best.type.value, value.type.value))
            continue
        kind = common(best, value)
        better = compare(builder, sign, value, best)
        x, y = cast(builder, value, kind), cast(builder, best, kind)
        best = Value(kind, (builder.select(better.parts[0], x, y),))
    return best


WORD = ir.IntType(64)


def word(builder: Any, value: Value) -> Any:
    """A whole number as an address or an index."""
    return cast(builder, value, INT64)
