"""Operations that every kernel needs: arrays at an address and on the stack."""

from llvmlite import ir

from ._arithmetic import word
from ._kernel import intrinsic
from ._types import Array, scalar_type, static, Value
from ._writer import Writer


@intrinsic
def array_at(writer: Writer, address: Value, size: Value, dtype: Value) -> Value:
    """The numbers at an address, or `None` where `dtype` is."""
    if dtype.type.value is None:
        return static(None)
    builder, kind = writer.builder, scalar_type(dtype.type.value)
    pointer = builder.inttoptr(word(builder, address), kind.memory.as_pointer())
    return Value(Array(kind), (pointer, word(builder, size)))


@intrinsic
def stack_array(writer: Writer, size: Value, dtype: Value) -> Value:
    """An array of a length that is known on the stack of the function that calls this, for vectors to be read from."""
    kind = scalar_type(dtype.type.value)
    place = writer.room(ir.ArrayType(kind.memory, size.type.value), align=64)
    start = writer.builder.bitcast(place, kind.memory.as_pointer())
    return Value(Array(kind), (start, word(writer.builder, size)))


@intrinsic
def is_array(writer: Writer, value: Value) -> Value:
    """Whether something is an array rather than a number."""
    return static(isinstance(value.type, Array))
