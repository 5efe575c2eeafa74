"""Native XLA FFI handlers without a C compiler: functions in the language of kernels that read XLA's call frame themselves.

A handler receives the address of an `XLA_FFI_CallFrame` (jaxlib's `xla/ffi/api/c_api.h`) and reads it as 8-byte words;
no Python runs in a call and no lock is taken. This module imports llvmlite: import it only when something is lowered.

To add a kernel, write a *factory*: a module-level function `(stamp, *dtypes) -> handler` whose handler starts with
`if is_query(frame, stamp): return 0`, views its operands with `argument` and its results with `result`, calls functions
decorated with `kernel` and returns 0. `target` compiles it once, registers it and returns the name to give to
`jax.ffi.ffi_call`. A handler compares the sizes of its buffers and returns a `failure` where they do not belong together;
what lies in the buffers (the range of indices) is trusted. Kernels may not raise, allocate or start threads, and XLA may
enter one from several threads at once.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from ._frame import (
    api_function,
    api_version,
    ARGUMENTS,
    DATA,
    DIMS,
    EXTENSION,
    EXTENSION_TYPE,
    MAJOR,
    METADATA,
    MINOR,
    RANK,
    register,
    RESULTS,
    TRAITS,
)  # fmt: skip
from ._machine import Code, compiled, ENTRY
from .language import array_at, INT64, intrinsic, Kernel, kernel, Program, Value, word


_INVALID_ARGUMENT = 3


@kernel
def _word(address):
    return array_at(address, 1, np.int64)[0]


@kernel
def is_query(frame, stamp):
    """Answers XLA's question, asked once at registration, which version of the interface this handler speaks."""
    extension = _word(frame + EXTENSION)
    if extension == 0 or _word(extension + EXTENSION_TYPE) & 0xFFFFFFFF != 1:
        return False
    metadata = _word(extension + METADATA)
    array_at(metadata + MAJOR, 1, np.int32)[0] = stamp[0]
    array_at(metadata + MINOR, 1, np.int32)[0] = stamp[1]
    array_at(metadata + TRAITS, 1, np.uint32)[0] = 0
    return True


@kernel
def _buffer(frame, side, position):
    return _word(_word(frame + side) + 8 * position)


@kernel
def _size(buffer):
    size = 1
    dims = _word(buffer + DIMS)
    for axis in range(_word(buffer + RANK)):
        size *= _word(dims + 8 * axis)
    return size


@kernel
def argument(frame, position, dtype):
    """Operand `position`, flattened."""
    buffer = _buffer(frame, ARGUMENTS, position)
    return array_at(_word(buffer + DATA), _size(buffer), dtype)


@kernel
def result(frame, position, dtype):
    """Result `position`, flattened."""
    buffer = _buffer(frame, RESULTS, position)
    return array_at(_word(buffer + DATA), _size(buffer), dtype)


@kernel
def argument_rank(frame, position):
    return _word(_buffer(frame, ARGUMENTS, position) + RANK)


@kernel
def argument_dim(frame, position, axis):
    return _word(_word(_buffer(frame, ARGUMENTS, position) + DIMS) + 8 * axis)


@kernel
def result_rank(frame, position):
    return _word(_buffer(frame, RESULTS, position) + RANK)


@kernel
def result_dim(frame, position, axis):
    return _word(_word(_buffer(frame, RESULTS, position) + DIMS) + 8 * axis)


def failure(message: str) -> Any:
    """A function of the frame, for `return` in a handler, that makes XLA raise an error with this message."""

    @intrinsic
    def fail(writer, frame):
        builder, frame = writer.builder, word(writer.builder, frame)
        whole, number, byte = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
        content = bytearray(message.encode() + b"\0")
        kind = ir.ArrayType(ir.IntType(8), len(content))
        text: Any = ir.GlobalVariable(builder.module, kind, builder.module.get_unique_name("neuroeqx_message"))
        text.initializer, text.global_constant, text.linkage = kind(content), True, "internal"
        details = writer.room(ir.ArrayType(whole, 4))
        values = whole(32), whole(0), builder.ptrtoint(text, whole), whole(_INVALID_ARGUMENT)
        for place, value in enumerate(values):
            builder.store(value, builder.gep(details, [number(0), number(place)]))
        function = api_function(builder, frame, "Error_Create", ir.FunctionType(whole, [byte]))
        return Value(INT64, (builder.call(function, [builder.bitcast(details, byte)]),))

    return fail


def compile_handler(factory: Callable, *dtypes: type | None) -> Code:
    """The compiled handler of a factory for some dtypes, from the folder of the cache where it is known."""
    handler = Kernel(factory(api_version(), *dtypes))

    def make() -> str:
        program = Program()
        program.export(ENTRY, handler, 1)
        return str(program.module)

    return compiled(f"handler {factory.__module__} {factory.__name__} {dtypes} {api_version()}", make, vectorise=True)


def target(name: str, factory: Callable, *dtypes: type | None) -> str:
    """Compiles and registers a handler, the first time it is asked for, and returns its name for `jax.ffi.ffi_call`.

    **Arguments:**

    - `name`: the kernel, e.g. `"dense_add_matvec"`. The target is called `neuroeqx_<name>_<dtypes>`.
    - `factory`: see the module's docstring.
    - `dtypes`: NumPy scalar types, or `None` for an operand that there is not, handed to the factory.
    """
    full_name = "_".join(["neuroeqx", name, *("none" if t is None else np.dtype(t).name for t in dtypes)])
    return register(full_name, lambda: compile_handler(factory, *dtypes))
