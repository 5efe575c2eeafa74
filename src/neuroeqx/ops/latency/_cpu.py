"""Lowering of products with single spikes to the native kernels for CPU."""

import jax
import jax.numpy as jnp
import numpy as np

from . import _reference


def sort(steps, *, length):
    if steps.size == 0:
        return _reference.sort(steps, length=length)
    from .. import _ffi
    from . import _kernels  # imports llvmlite

    shapes = [jax.ShapeDtypeStruct(shape, np.int32) for shape in (steps.shape, (steps.shape[0], length + 1))]
    return list(jax.ffi.ffi_call(_ffi.target("latency_sort", _kernels.sort), shapes)(steps))


def add_rows(weight, steps, ids, bounds):
    return _call("add_rows", (bounds.shape[1] - 1, steps.shape[0], weight.shape[1]), weight, ids, bounds)


def outer(g, steps, ids, bounds):
    return _call("outer", (steps.shape[1], g.shape[2]), g, ids, bounds)


def _call(name, shape, values, ids, bounds):
    if 0 in (values.size, ids.size, *shape):
        return jnp.zeros(shape, values.dtype)
    from .. import _ffi
    from . import _kernels  # imports llvmlite

    real = np.dtype(values.dtype)
    target = _ffi.target(f"latency_{name}", getattr(_kernels, name), real.type)
    return jax.ffi.ffi_call(target, jax.ShapeDtypeStruct(shape, real))(values, ids, bounds)
