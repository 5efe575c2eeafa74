"""Expressions of kernels."""

import ast
from typing import Any

import numpy as np

from ._arithmetic import arithmetic, cast, compare, COMPARED, least_or_most, negative, truth
from ._kernel import Intrinsic, Kernel
from ._types import (
    Array,
    in_memory,
    INT64,
    KernelError,
    members,
    merged,
    scalar_type,
    Static,
    static,
    Tuple,
    tuple_of,
    Value,
)  # fmt: skip
from ._writer import Writer


class Variables:
    """Of one function: their types so far, and where they lie.

    A loop has a variable of its own: `own` are the names that those of the loops around the present place are kept under.
    """

    def __init__(self, writer: Writer, types: dict[str, Any]):
        self.writer, self.types = writer, types
        self.own: dict[str, str] = {}
        self.slots = {name: writer.slots(kind) for name, kind in types.items()}

    def __contains__(self, name: str) -> bool:
        return self.own.get(name, name) in self.types

    def read(self, name: str) -> Value:
        name = self.own.get(name, name)
        return self.writer.kept(self.slots[name], self.types[name])

    def write(self, name: str, value: Value) -> None:
        if name == "_":
            return
        name, value = self.own.get(name, name), in_memory(value)
        kind = merged(self.types[name], value.type) if name in self.types else value.type
        if self.types.get(name) != kind:
            self.types[name], self.slots[name] = kind, self.writer.slots(kind)
        self.writer.keep(self.slots[name], kind, value)


class Expressions:
    def __init__(self, own: Kernel, writer: Writer, variables: Variables):
        self.own, self.writer, self.variables = own, writer, variables

    @property
    def builder(self) -> Any:
        return self.writer.builder

    def value(self, node: ast.expr) -> Value:
        return getattr(self, f"_{type(node).__name__}", self._unknown)(node)

    def _unknown(self, node: ast.expr) -> Value:
        raise KernelError(f"no {type(node).__name__} in kernels")

    def _Constant(self, node: ast.Constant) -> Value:
        return static(node.value)

    def _Name(self, node: ast.Name) -> Value:
        if node.id in self.variables:
            return self.variables.read(node.id)
        return static(self.own.look_up(node.id))

    def _Tuple(self, node: ast.Tuple) -> Value:
        return tuple_of([self.value(one) for one in node.elts])

    def _BinOp(self, node: ast.BinOp) -> Value:
        return self.operation(type(node.op).__name__, self.value(node.left), self.value(node.right))

    def operation(self, name: str, a: Value, b: Value) -> Value:
        return arithmetic(self.builder, name, a, b, self.own.flags)

    def _UnaryOp(self, node: ast.UnaryOp) -> Value:
        value = self.value(node.operand)
        if isinstance(node.op, ast.USub):
            return negative(self.builder, value)
        if not isinstance(node.op, ast.Not):
            return self._unknown(node)
        known = truth(self.builder, value)
        if isinstance(known.type, Static):
            return static(not known.type.value)
        return Value(known.type, (self.builder.not_(known.parts[0]),))

    def _Compare(self, node: ast.Compare) -> Value:
        if len(node.ops) > 1:
            raise KernelError("one comparison at a time")
        a, b = self.value(node.left), self.value(node.comparators[0])
        if isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            return static((a.type == b.type) == isinstance(node.ops[0], ast.Is))
        return compare(self.builder, COMPARED[type(node.ops[0]).__name__], a, b)

    def _BoolOp(self, node: ast.BoolOp) -> Value:
        """The rest is looked at only where the beginning does not decide."""
        first = truth(self.builder, self.value(node.values[0]))
        for other in node.values[1:]:
            rest = lambda other=other: truth(self.builder, self.value(other))
            known = lambda first=first: first
            first = (
                self._choice(first, rest, known) if isinstance(node.op, ast.And) else self._choice(first, known, rest)
            )
        return first

    def _IfExp(self, node: ast.IfExp) -> Value:
        return self._choice(self.value(node.test), lambda: self.value(node.body), lambda: self.value(node.orelse))

    def _choice(self, condition: Value, yes: Any, no: Any) -> Value:
        """The value of one of two branches, of which both have to be written before their common type is known."""
        made: list[tuple[Any, Value]] = []

        def branch(write: Any) -> None:
            value = in_memory(write())
            made.append((self.builder.block, value))

        known = truth(self.builder, condition)
        if isinstance(known.type, Static):
            return (yes if known.type.value else no)()
        self.writer.either(known, lambda: branch(yes), lambda: branch(no))
        kind, end = merged(made[0][1].type, made[1][1].type), self.builder.block
        incoming = []
        for block, value in made:
            self.builder.position_before(block.terminator)
            incoming.append((block, self.writer.convert(value, kind).parts))
        self.builder.position_at_end(end)
        parts = []
        for i, part in enumerate(kind.parts):
            phi = self.builder.phi(part)
            for block, values in incoming:
                phi.add_incoming(values[i], block)
            parts.append(phi)
        return Value(kind, tuple(parts))

    def _Subscript(self, node: ast.Subscript) -> Value:
        array = self.value(node.value)
        if isinstance(array.type, Tuple):
            place = self.value(node.slice).type
            if not isinstance(place, Static):
                raise KernelError("places in tuples must be known")
            return members(array)[place.value]
        if isinstance(node.slice, ast.Slice):
            return self.section(array, node.slice)
        return self.writer.load(self.array(array), self.value(node.slice))

    def array(self, value: Value) -> Value:
        if not isinstance(value.type, Array):
            raise KernelError(f"{value.type} is no array")
        return value

    def section(self, array: Value, part: ast.Slice) -> Value:
        start, stop = (None if end is None else self.value(end) for end in (part.lower, part.upper))
        return self.writer.section(self.array(array), start, stop)

    def _Attribute(self, node: ast.Attribute) -> Value:
        value = self.value(node.value)
        if isinstance(value.type, Static):
            return static(getattr(value.type.value, node.attr))
        kind = self.array(value).type.dtype
        if node.attr == "shape":
            return tuple_of([Value(INT64, value.parts[1:])])
        return static({"dtype": kind.numpy, "itemsize": kind.bytes}[node.attr])

    def _Call(self, node: ast.Call) -> Value:
        arguments = [self.value(one) for one in node.args]
        if isinstance(node.func, ast.Attribute) and node.func.attr == "view":
            return self.writer.view(self.array(self.value(node.func.value)), scalar_type(arguments[0].type.value))
        function = self.value(node.func).type
        if not isinstance(function, Static):
            raise KernelError("what is called must be known")
        return self.call(function.value, arguments)

    def call(self, function: Any, arguments: list[Value]) -> Value:
        if isinstance(function, Kernel):
            return self.writer.call(function, arguments)
        if isinstance(function, Intrinsic):
            return function.function(self.writer, *arguments)
        if function in (min, max):
            return least_or_most(self.builder, "<" if function is min else ">", arguments)
        if isinstance(function, type) and issubclass(function, (np.generic, bool)):
            kind = scalar_type(function)
            return Value(kind, (cast(self.builder, arguments[0], kind),))
        if all(isinstance(one.type, Static) for one in arguments):
            return static(function(*(one.type.value for one in arguments)))
        raise KernelError(f"{function} cannot be called in a kernel")
