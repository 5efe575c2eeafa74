"""XLA's interface for native code: where things lie in the frame of a call, which version it is, registering a handler."""

import ctypes
import functools
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from llvmlite import ir


# Byte offsets in `XLA_FFI_CallFrame`, `XLA_FFI_Buffer` and the metadata query, the same on every 64-bit machine.
EXTENSION, _API, ARGUMENTS, RESULTS = 8, 16, 72, 112
CONTEXT = 24
_FIRST_FUNCTION = 48  # in `XLA_FFI_Api`
DATA, RANK, DIMS = 24, 32, 40
EXTENSION_TYPE, METADATA = 8, 24
MAJOR, MINOR, TRAITS = 24, 28, 32


def api_function(builder, frame, name: str, kind: ir.FunctionType):
    """In LLVM's language: the function `XLA_FFI_<name>` of the interface that a frame brings."""
    word = ir.IntType(64)
    place = _FIRST_FUNCTION + 8 * _api_functions().index(f"XLA_FFI_{name}")
    load = lambda address: builder.load(builder.inttoptr(address, word.as_pointer()))
    api = load(builder.add(frame, word(_API)))
    return builder.inttoptr(load(builder.add(api, word(place))), kind.as_pointer())


def _header() -> str:
    return (Path(jax.ffi.include_dir()) / "xla" / "ffi" / "api" / "c_api.h").read_text()


@functools.cache
def _api_functions() -> list[str]:
    """The functions of the interface, in their order in memory."""
    return re.findall(r"^  _XLA_FFI_API_STRUCT_FIELD\((\w+)\);", _header(), re.MULTILINE)


@functools.cache
def api_version() -> tuple[int, int]:
    """Major and minor version of the interface, from the header of the jaxlib that is installed."""
    header = _header()
    found = [re.search(rf"#define XLA_FFI_API_{part} (\d+)", header) for part in ("MAJOR", "MINOR")]
    if not all(found):
        raise RuntimeError("no version of the XLA FFI in the headers of this jaxlib; use backend='reference'")
    major, minor = (int(match.group(1)) for match in found if match)
    return major, minor


_handlers: dict[str, Any] = {}  # by name of target; keeps the compiled code alive
_registering = threading.Lock()  # several threads may lower the same function


def register(name: str, compiled: Callable[[], Any]) -> str:
    """Registers a handler for XLA on CPU, the first time it is asked for, and returns its name.

    **Arguments:**

    - `compiled`: makes the code, an object that has an `address`.
    """
    if sys.maxsize < 2**32 or sys.byteorder != "little":
        raise RuntimeError("native kernels need a 64-bit little-endian machine; use backend='reference'")
    with _registering:
        if name not in _handlers:
            handler = compiled()
            capsule = jax.ffi.pycapsule(ctypes.c_void_p(handler.address))
            jax.ffi.register_ffi_target(name, capsule, platform="cpu")
            _handlers[name] = handler
    return name
