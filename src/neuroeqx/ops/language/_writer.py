"""What a kernel does with arrays, variables and tuples, in LLVM's language."""

from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from ._arithmetic import cast, truth, word
from ._types import Array, BOOL, in_memory, INT64, KernelError, members, Scalar, Static, Tuple, tuple_of, Type, Value


_WORD = ir.IntType(64)


class Writer:
    """Writes one function. Intrinsics get it, to write theirs."""

    def __init__(self, program: Any, builder: Any):
        self.program, self.builder = program, builder

    # Memory

    def room(self, kind: Any, align: int | None = None) -> Any:
        """The address of room on the stack."""
        with self.builder.goto_entry_block():
            place = self.builder.alloca(kind)
        if align is not None:
            place.align = align
        return place

    def slots(self, kind: Type) -> list[Any]:
        return [self.room(part) for part in kind.parts]

    def keep(self, slots: list[Any], kind: Type, value: Value) -> None:
        """Writes a value of perhaps another type to the room of a variable."""
        for slot, part in zip(slots, self.convert(value, kind).parts, strict=True):
            self.builder.store(part, slot)

    def kept(self, slots: list[Any], kind: Type) -> Value:
        return Value(kind, tuple(self.builder.load(slot) for slot in slots))

    def convert(self, value: Value, kind: Type) -> Value:
        if value.type == kind:
            return value
        if isinstance(kind, Scalar):
            return Value(kind, (cast(self.builder, value, kind),))
        own = in_memory(value)
        if own.type == kind:
            return own
        if not (isinstance(own.type, Tuple) and isinstance(kind, Tuple)):
            raise KernelError(f"{own.type} is no {kind}")
        return tuple_of([self.convert(one, other) for one, other in zip(members(own), kind.of, strict=True)])

    # Arrays

    def pointer(self, array: Value, index: Value, inbounds: bool = True) -> Any:
        """To a number of an array. Indices are not negative."""
        return self.builder.gep(array.parts[0], [word(self.builder, index)], inbounds=inbounds)

    def load(self, array: Value, index: Value) -> Value:
        number = self.builder.load(self.pointer(array, index))
        if array.type.dtype == BOOL:
            number = self.builder.icmp_unsigned("!=", number, number.type(0))
        return Value(array.type.dtype, (number,))

    def store(self, array: Value, index: Value, value: Value) -> None:
        number = cast(self.builder, value, array.type.dtype)
        if array.type.dtype == BOOL:
            number = self.builder.zext(number, array.type.dtype.memory)
        self.builder.store(number, self.pointer(array, index))

    def section(self, array: Value, start: Value | None, stop: Value | None) -> Value:
        """`array[start:stop]`, which lies within the array."""
        first = _WORD(0) if start is None else word(self.builder, start)
        last = array.parts[1] if stop is None else word(self.builder, stop)
        begin = self.builder.gep(array.parts[0], [first], inbounds=True)
        return Value(array.type, (begin, self.builder.sub(last, first)))

    def fill(self, array: Value, value: Value) -> None:
        with self.counted(array.parts[1]) as k:
            self.store(array, Value(INT64, (k,)), value)

    def view(self, array: Value, dtype: Scalar) -> Value:
        """The same bytes as numbers of another type."""
        start = self.builder.bitcast(array.parts[0], dtype.memory.as_pointer())
        old, new = array.type.dtype.bytes, dtype.bytes
        size = self.builder.udiv(self.builder.mul(array.parts[1], _WORD(old)), _WORD(new))
        return Value(Array(dtype), (start, size))

    def declared(self, name: str, kind: Any) -> Any:
        """A function that there is elsewhere."""
        module = self.builder.module
        return module.globals.get(name) or ir.Function(module, kind, name)

    # Branches and loops

    @contextmanager
    def counted(self, count: Any):
        """`for k in range(count)`."""
        place = self.room(_WORD)
        self.builder.store(_WORD(0), place)
        again, body, end = (self.builder.append_basic_block() for _ in range(3))
        self.builder.branch(again)
        self.builder.position_at_end(again)
        k = self.builder.load(place)
        self.builder.cbranch(self.builder.icmp_signed("<", k, count), body, end)
        self.builder.position_at_end(body)
        yield k
        self.builder.store(self.builder.add(k, _WORD(1)), place)
        self.builder.branch(again)
        self.builder.position_at_end(end)

    def either(self, condition: Value, yes: Any, no: Any) -> None:
        """Writes the branches `yes()` and `no()`, or only one of them if it is known which."""
        known = truth(self.builder, condition)
        if isinstance(known.type, Static):
            (yes if known.type.value else no)()
            return
        then, other, end = (self.builder.append_basic_block() for _ in range(3))
        self.builder.cbranch(known.parts[0], then, other)
        end_is_reached = False
        for block, write in ((then, yes), (other, no)):
            self.builder.position_at_end(block)
            write()
            if not self.builder.block.is_terminated:
                self.builder.branch(end)
                end_is_reached = True
        self.builder.position_at_end(end)
        if not end_is_reached:
            self.builder.unreachable()

    def truth(self, value: Value) -> Any:
        """A truth value in LLVM's language."""
        return in_memory(truth(self.builder, value)).parts[0]

    def call(self, own: Any, values: list[Value]) -> Value:
        return self.program.call(self.builder, own, values)
