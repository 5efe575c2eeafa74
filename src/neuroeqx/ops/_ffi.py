"""Native XLA FFI handlers without a compiler: numba compiles a C function that reads XLA's call frame itself.

A handler receives the address of an `XLA_FFI_CallFrame` (jaxlib's `xla/ffi/api/c_api.h`) and reads it as 8-byte words;
no Python runs in a call and no lock is taken. This module imports numba: import it only when something is lowered.

To add a kernel, write a *factory*: a module-level function `(stamp, *dtypes) -> handler` whose handler starts with
`if is_query(frame, stamp): return 0`, views its operands with `argument` and its results with `result`, calls functions
decorated with `kernel` and returns 0. `target` compiles it once, registers it and returns the name to give to
`jax.ffi.ffi_call`. A handler compares the sizes of its buffers and returns a `failure` where they do not belong together;
what lies in the buffers (the range of indices) is trusted. Kernels may not raise, allocate or start threads, and XLA may
enter one from several threads at once.
"""

import inspect
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic

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


_INVALID_ARGUMENT = 3


def kernel(function: Callable) -> Callable[..., Any]:
    """Compiles a function for use inside a handler: no bounds checks, no exceptions, NaN and infinities kept."""
    # `unwrap`: a run-time type checker may have wrapped the function before this decorator sees it.
    return njit(boundscheck=False, error_model="numpy", forceinline=True)(inspect.unwrap(function))


def reordering_kernel(function: Callable) -> Callable[..., Any]:
    """As `kernel`, and sums may be reordered so that they vectorise. NaN and infinities are still kept."""
    options = {
        "boundscheck": False,
        "error_model": "numpy",
        "forceinline": True,
        "fastmath": {"reassoc", "contract", "nsz"},
    }
    return njit(**options)(inspect.unwrap(function))


def intrinsic(function: Callable) -> Callable[..., Any]:
    """For a function `(typingctx, *types) -> (signature, code generator)`: an operation written in LLVM's language."""
    return numba_intrinsic(function)


@intrinsic
def at_address(typingctx, address):
    """The pointer that an integer stands for."""

    def generate(context, builder, signature, args):
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.intp), generate


@intrinsic
def prefetch(typingctx, array, position):
    """Asks for the cache line of `array[position]`, which may lie past the end."""

    def generate(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        pointer = builder.bitcast(builder.gep(data, [args[1]]), byte)
        declaration = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, declaration, "llvm.prefetch.p0")
        read, keep, data_cache = (ir.Constant(word, value) for value in (0, 3, 1))
        builder.call(function, [pointer, read, keep, data_cache])
        return context.get_dummy_value()

    return types.void(array, position), generate


@kernel
def _word(address):
    return carray(at_address(address), 1, np.int64)[0]


@kernel
def is_query(frame, stamp):
    """Answers XLA's question, asked once at registration, which version of the interface this handler speaks."""
    extension = _word(frame + EXTENSION)
    if extension == 0 or _word(extension + EXTENSION_TYPE) & 0xFFFFFFFF != 1:
        return False
    metadata = _word(extension + METADATA)
    carray(at_address(metadata + MAJOR), 1, np.int32)[0] = stamp[0]
    carray(at_address(metadata + MINOR), 1, np.int32)[0] = stamp[1]
    carray(at_address(metadata + TRAITS), 1, np.uint32)[0] = 0
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
    return carray(at_address(_word(buffer + DATA)), _size(buffer), dtype)


@kernel
def result(frame, position, dtype):
    """Result `position`, flattened."""
    buffer = _buffer(frame, RESULTS, position)
    return carray(at_address(_word(buffer + DATA)), _size(buffer), dtype)


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
    """A function of the frame, for `return` in a handler, that makes XLA raise an error with this message.

    To be made once per module, so that numba finds it by name.
    """

    @intrinsic
    def fail(typingctx, frame):
        def generate(context, builder, signature, args):
            word, number, byte = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
            text = builder.ptrtoint(context.insert_const_string(builder.module, message), word)
            details = cgutils.alloca_once(builder, ir.ArrayType(word, 4))
            for place, value in enumerate((word(32), word(0), text, word(_INVALID_ARGUMENT))):
                builder.store(value, builder.gep(details, [number(0), number(place)]))
            function = api_function(builder, args[0], "Error_Create", ir.FunctionType(word, [byte]))
            return builder.call(function, [builder.bitcast(details, byte)])

        return types.intp(types.intp), generate

    return fail


def _stamp(factory: Callable) -> tuple[int, int, int]:
    """What a handler closes over, so that numba's cache on disk forgets it when this interface or the sources change.

    Numba itself looks at the file of the handler only, not at the files of what the handler calls.
    """
    folders = dict.fromkeys([Path(__file__).parent, Path(inspect.getfile(inspect.unwrap(factory))).parent])
    sources = [source for folder in folders for source in sorted(folder.glob("_*.py"))]
    content = b"".join(source.read_bytes() for source in sources)
    return *api_version(), zlib.crc32(content)


def compile_handler(factory: Callable, *dtypes: type | None) -> Any:
    """The compiled handler of a factory for some dtypes, from numba's cache on disk where possible."""
    handler = inspect.unwrap(factory(_stamp(factory), *dtypes))
    signature = types.intp(types.intp)
    try:
        return cfunc(signature, cache=True)(handler)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        return cfunc(signature)(handler)  # nowhere to write a cache


def target(name: str, factory: Callable, *dtypes: type | None) -> str:
    """Compiles and registers a handler, the first time it is asked for, and returns its name for `jax.ffi.ffi_call`.

    **Arguments:**

    - `name`: the kernel, e.g. `"dense_add_matvec"`. The target is called `neuroeqx_<name>_<dtypes>`.
    - `factory`: see the module's docstring.
    - `dtypes`: NumPy scalar types, or `None` for an operand that there is not, handed to the factory.
    """
    full_name = "_".join(["neuroeqx", name, *("none" if t is None else np.dtype(t).name for t in dtypes)])
    return register(full_name, lambda: compile_handler(factory, *dtypes))
