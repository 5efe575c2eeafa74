"""Lowering of lists of events and of active entries to the native kernels for CPU."""

import jax
import numpy as np

from . import _reference


def append(buffer, count, x, step):
    if 0 in (buffer.size, x.size):
        return _reference.append(buffer, count, x, step)
    from .. import _ffi
    from . import _kernels  # imports llvmlite

    target = _ffi.target("events_append", _kernels.append, np.dtype(x.dtype).type)
    results = [jax.ShapeDtypeStruct(state.shape, state.dtype) for state in (buffer, count)]
    return list(jax.ffi.ffi_call(target, results, input_output_aliases={0: 0, 1: 1})(buffer, count, x, step))


def compact(x):
    if x.size == 0:
        return _reference.compact(x)
    from .. import _ffi
    from . import _kernels  # imports llvmlite

    target = _ffi.target("events_compact", _kernels.compact, np.dtype(x.dtype).type)
    results = [jax.ShapeDtypeStruct(shape, np.int32) for shape in (x.shape, x.shape[:-1])]
    return list(jax.ffi.ffi_call(target, results)(x))
