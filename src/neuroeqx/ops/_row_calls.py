"""Lowering of the products of matrices stored by rows to the native kernels for CPU.

`pointers` are the row pointers, or `None` where every row has as many synapses (`indices` then has two axes).
"""

import jax
import jax.numpy as jnp
import numpy as np


_UNSIGNED = {"int32": np.uint32, "int64": np.uint64}


def _call(name, x, weight, operands, shapes, *, active, pointers, offset, aliases=None):
    """Calls the kernel `name`, or its variant for a batch with room for two packs of the given widths."""
    from . import _ffi, _row_handlers  # import the compiler

    real = np.dtype(x.dtype)
    dtypes = (
        real.type,
        np.uint16 if weight.dtype == jnp.bfloat16 else real.type,
        None if pointers is None else _UNSIGNED[pointers.dtype.name],
        None if active is None else np.uint32,
        None if offset is None else np.uint32,
    )
    result, *packs = shapes
    if x.ndim == 1 or x.shape[0] == 1:
        packs = []
    else:
        name += "_batch"
    target = _ffi.target(f"rows_{name}", getattr(_row_handlers, name), *dtypes)
    results = [jax.ShapeDtypeStruct(result, real)]
    lanes = 64 // real.itemsize  # a cache line
    room = lanes if x.shape[0] <= lanes else 2 * lanes  # two threads may work on a pack each
    results += [jax.ShapeDtypeStruct((size, room), real) for size in packs]
    return jax.ffi.ffi_call(target, results, input_output_aliases=aliases)(*operands)[0]


def _structure(indices, pointers, offset):
    return [indices, *(operand for operand in (pointers, offset) if operand is not None)]


def _single(weight, x):
    """One weight in the dtype of the vectors: kernels read other dtypes only from arrays."""
    return weight.astype(x.dtype) if weight.ndim == 0 else weight


def add_matvec(out, weight, x, indices, pointers, offset, *, active):
    if 0 in (out.size, x.size, indices.size):
        return out
    weight = _single(weight, x)
    shapes = out.shape, out.shape[-1], x.shape[-1]
    operands = (out, weight, x, *(active or ()), *_structure(indices, pointers, offset))
    options = {"active": active, "pointers": pointers, "offset": offset, "aliases": {0: 0}}
    return _call("add_matvec", x, weight, operands, shapes, **options)


def rmatvec(weight, g, indices, pointers, offset, *, n_pre):
    if 0 in (g.size, n_pre, indices.size):
        return jnp.zeros((*g.shape[:-1], n_pre), g.dtype)
    weight = _single(weight, g)
    shapes = (*g.shape[:-1], n_pre), n_pre, g.shape[-1]
    operands = (weight, g, *_structure(indices, pointers, offset))
    return _call("rmatvec", g, weight, operands, shapes, active=None, pointers=pointers, offset=offset)


def outer(x, g, indices, pointers, offset, *, active, weight_shape):
    if 0 in (x.size, g.size, indices.size):
        return jnp.zeros(weight_shape, x.dtype)
    shapes = weight_shape, x.shape[-1], g.shape[-1]
    operands = (x, g, *(active or ()), *_structure(indices, pointers, offset))
    return _call("outer", x, x, operands, shapes, active=active, pointers=pointers, offset=offset)


def add_outer(weight, x, g, indices, pointers, *, active, order):
    if 0 in (x.size, g.size, indices.size):
        return weight
    from . import _ffi, _row_handlers  # imports llvmlite

    dtypes = (
        np.dtype(x.dtype).type,
        None if pointers is None else _UNSIGNED[pointers.dtype.name],
        None if active is None else np.uint32,
        None if order is None else _UNSIGNED[order.dtype.name],
    )
    target = _ffi.target("rows_add_outer", _row_handlers.add_outer, *dtypes)
    operands = weight, x, g, *(active or ()), *_structure(indices, pointers, order)
    result = jax.ShapeDtypeStruct(weight.shape, weight.dtype)
    return jax.ffi.ffi_call(target, result, input_output_aliases={0: 0})(*operands)
