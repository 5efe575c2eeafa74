"""Lowering of the CSR products to the native kernels for CPU."""

import jax
import jax.numpy as jnp
import numpy as np


def _lanes(real) -> int:
    return 64 // real.itemsize  # a cache line


def _call(name, x, indptr, shapes, operands, aliases=None):
    """Calls the kernel `name`, or its variant for a batch with room for two packs of the given widths."""
    from .. import _ffi
    from . import _kernels  # compiles nothing yet, but imports numba

    real, index = np.dtype(x.dtype), np.dtype(indptr.dtype)
    result, *packs = shapes
    if x.ndim == 1 or x.shape[0] == 1:
        packs = []
    else:
        name += "_batch"
    target = _ffi.target(f"csr_{name}", getattr(_kernels, name), real.type, index.type)
    results = [jax.ShapeDtypeStruct(result, real)]
    results += [jax.ShapeDtypeStruct((size, _lanes(real)), real) for size in packs]
    return jax.ffi.ffi_call(target, results, input_output_aliases=aliases)(*operands)[0]


def add_matvec(out, weight, indices, indptr, x):
    if 0 in (out.size, x.size, indices.size):
        return out
    shapes = out.shape, out.shape[-1], x.shape[-1]
    return _call("add_matvec", x, indptr, shapes, (out, weight, indices, indptr, x), {0: 0})


def rmatvec(weight, indices, indptr, g):
    n_pre = indptr.size - 1
    if 0 in (g.size, n_pre, indices.size):
        return jnp.zeros((*g.shape[:-1], n_pre), g.dtype)
    shapes = (*g.shape[:-1], n_pre), n_pre, g.shape[-1]
    return _call("rmatvec", g, indptr, shapes, (weight, indices, indptr, g))


def outer(indices, indptr, x, g, *, shared):
    shape = () if shared else indices.shape
    if 0 in (x.size, g.size, indices.size):
        return jnp.zeros(shape, x.dtype)
    shapes = shape, x.shape[-1], g.shape[-1]
    return _call("outer", x, indptr, shapes, (indices, indptr, x, g))
