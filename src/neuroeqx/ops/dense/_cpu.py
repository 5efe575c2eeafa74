"""Lowering of the dense product to the native kernel for CPU."""

import jax
import numpy as np


def add_matvec(out, weight, x):
    if weight.size == 0:
        return out
    from .. import _ffi
    from . import _kernels  # imports llvmlite

    real = np.dtype(x.dtype)
    target = _ffi.target("dense_add_matvec", _kernels.add_matvec, real.type)
    call = jax.ffi.ffi_call(target, jax.ShapeDtypeStruct(out.shape, real), input_output_aliases={0: 0})
    return call(out, weight, x)
