"""Types of the language of kernels, and the values of these types in LLVM's language."""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from llvmlite import ir


class Scalar(NamedTuple):
    """A number: `kind` is that of NumPy, one of `b`, `i`, `u`, `f`."""

    kind: str
    bits: int

    @property
    def llvm(self) -> Any:
        if self.kind == "f":
            return ir.FloatType() if self.bits == 32 else ir.DoubleType()
        return ir.IntType(self.bits)

    @property
    def memory(self) -> Any:
        """As it lies in an array: a truth value takes a byte."""
        return ir.IntType(8) if self.kind == "b" else self.llvm

    @property
    def bytes(self) -> int:
        return max(self.bits // 8, 1)

    @property
    def parts(self) -> tuple[Any, ...]:
        return (self.llvm,)

    @property
    def numpy(self) -> np.dtype:
        return np.dtype(bool) if self.kind == "b" else np.dtype(f"{self.kind}{self.bits // 8}")


class Array(NamedTuple):
    """Numbers side by side in memory: where they begin, and how many there are."""

    dtype: Scalar

    @property
    def parts(self) -> tuple[Any, ...]:
        return self.dtype.memory.as_pointer(), ir.IntType(64)


class Lanes(NamedTuple):
    """A vector of 64 bytes: 16 float32 or 8 float64 in a register (or several, where registers are shorter)."""

    element: Scalar

    @property
    def parts(self) -> tuple[Any, ...]:
        return (ir.VectorType(self.element.llvm, 512 // self.element.bits),)


class Tuple(NamedTuple):
    of: tuple[Any, ...]

    @property
    def parts(self) -> tuple[Any, ...]:
        return tuple(part for one in self.of for part in one.parts)


class Static:
    """Something that is known when a kernel is compiled, and is no part of what runs: `None`, a dtype, a function, a number.

    Types are compared, and Python takes 1, 1.0 and True to be equal.
    """

    parts: tuple[Any, ...] = ()

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))

    def __repr__(self) -> str:
        return f"Static({self.value!r})"


Type: TypeAlias = Scalar | Array | Lanes | Tuple | Static

BOOL, INT64, UINT64 = Scalar("b", 1), Scalar("i", 64), Scalar("u", 64)
FLOAT64 = Scalar("f", 64)


class Value(NamedTuple):
    """`parts` are values in LLVM's language, as many as the type has."""

    type: Any
    parts: tuple[Any, ...]


class KernelError(Exception):
    """A kernel that says something the language does not know."""


def scalar_type(dtype: Any) -> Scalar:
    dtype = np.dtype(dtype)
    return BOOL if dtype.kind == "b" else Scalar(dtype.kind, 8 * dtype.itemsize)


def static(value: Any) -> Value:
    """Something of Python's: a tuple becomes one."""
    if isinstance(value, tuple):
        return tuple_of([static(one) for one in value])
    return Value(Static(value), ())


def tuple_of(values: list[Value]) -> Value:
    return Value(Tuple(tuple(v.type for v in values)), tuple(part for v in values for part in v.parts))


def members(value: Value) -> list[Value]:
    """Of a tuple."""
    values, first = [], 0
    for kind in value.type.of:
        values.append(Value(kind, value.parts[first : first + len(kind.parts)]))
        first += len(kind.parts)
    return values


def is_number(kind: Type) -> bool:
    return isinstance(kind, Scalar) or (
        isinstance(kind, Static) and isinstance(kind.value, (bool, int, float, np.generic))
    )


def in_memory(value: Value) -> Value:
    """Numbers that are known become values of a type that others of their kind have."""
    if isinstance(value.type, Tuple):
        return tuple_of([in_memory(one) for one in members(value)])
    if not (isinstance(value.type, Static) and is_number(value.type)):
        return value
    number = value.type.value
    if isinstance(number, np.generic):
        kind = scalar_type(number.dtype)
        number = number.item()
    else:
        kind = BOOL if isinstance(number, bool) else INT64 if isinstance(number, int) else FLOAT64
    return Value(kind, (kind.llvm(number),))


def merged(a: Type, b: Type) -> Type:
    """The type of a variable that has been of both."""
    if a == b:
        return a
    if isinstance(a, Tuple) and isinstance(b, Tuple) and len(a.of) == len(b.of):
        return Tuple(tuple(merged(one, other) for one, other in zip(a.of, b.of, strict=True)))
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return promoted(a, b)
    raise KernelError(f"a variable is {a} here and {b} there")


def promoted(a: Scalar, b: Scalar) -> Scalar:
    """The type that holds the numbers of both."""
    kinds = {a.kind, b.kind}
    if "f" in kinds:
        wide = a.kind == b.kind == "f" and max(a.bits, b.bits) == 32
        return Scalar("f", 32 if wide else 64)
    if len(kinds) == 1:
        return Scalar(a.kind, max(a.bits, b.bits))
    if kinds == {"i", "u"} and 64 in [t.bits for t in (a, b) if t.kind == "u"]:
        raise KernelError("no whole number holds both int64 and uint64: convert one of them")
    if kinds == {"b", "u"}:
        return a if a.kind == "u" else b
    return INT64
