"""Lowering of products with single spikes to the native kernels for CPU."""

import jax
import jax.numpy as jnp
import numpy as np


def add_rows(weight, steps, *, length):
    shape = (length, steps.shape[0], weight.shape[1])
    if weight.size == 0 or 0 in shape:
        return jnp.zeros(shape, weight.dtype)
    return _call("add_rows", shape, weight, steps)


def outer(g, steps):
    shape = (steps.shape[1], g.shape[2])
    if g.size == 0 or 0 in shape:
        return jnp.zeros(shape, g.dtype)
    return _call("outer", shape, g, steps)


def _call(name, shape, values, steps):
    from .. import _ffi
    from . import _kernels  # imports llvmlite

    real = np.dtype(values.dtype)
    target = _ffi.target(f"latency_{name}", getattr(_kernels, name), real.type)
    return jax.ffi.ffi_call(target, jax.ShapeDtypeStruct(shape, real))(values, steps)
