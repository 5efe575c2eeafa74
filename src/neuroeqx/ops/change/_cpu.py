"""Lowering of values put at places to the native kernel for CPU."""

import jax
import numpy as np


def put(values, places, new):
    if 0 in (values.size, places.size):
        return values
    from .. import _ffi
    from . import _kernels  # imports llvmlite

    real = np.dtype(values.dtype)
    target = _ffi.target("change_put", _kernels.put, real.type)
    call = jax.ffi.ffi_call(target, jax.ShapeDtypeStruct(values.shape, real), input_output_aliases={0: 0})
    return call(values, places, new)
