"""Lowering of the procedural products to the native kernels for CPU."""

import jax
import jax.numpy as jnp
import numpy as np

from ._law import Law


def _call(name, real, operands, shape, law: Law, structure, aliases=None):
    from .. import _ffi
    from . import _draws, _kernels  # imports llvmlite

    tables = law.operands(structure)
    none = jnp.zeros(1, jnp.uint32)
    absent = lambda table: none if table is None else table
    offset = jnp.zeros((), jnp.int32) if tables.offset is None else tables.offset
    operands = (
        *operands, jnp.asarray(_draws.numbers(law)), tables.seed, absent(tables.gaps), absent(tables.normal),
        absent(tables.accept), offset,
    )  # fmt: skip
    target = _ffi.target(f"procedural_{name}", getattr(_kernels, name), np.dtype(real).type)
    return jax.ffi.ffi_call(target, jax.ShapeDtypeStruct(shape, real), input_output_aliases=aliases)(*operands)


def _listed(active):
    """The list of active rows, or one of length -1."""
    return (jnp.zeros(1, jnp.int32), jnp.full((), -1, jnp.int32)) if active is None else active


def add_matvec(out, weight, x, *structure, active, event, law):
    del event  # the kernel looks for itself how many events there are
    if law.empty:
        return out
    operands = out, weight.astype(out.dtype), x, *_listed(active)
    return _call("add_matvec", out.dtype, operands, out.shape, law, structure, {0: 0})


def rmatvec(weight, g, *structure, n_pre, law):
    shape = (*g.shape[:-1], n_pre)
    if law.empty:
        return jnp.zeros(shape, g.dtype)
    return _call("rmatvec", g.dtype, (weight.astype(g.dtype), g), shape, law, structure)


def outer(x, g, *structure, active, weight_shape, law):
    if law.empty:
        return jnp.zeros(weight_shape, x.dtype)
    sums = _call("outer", x.dtype, (x, g, *_listed(active)), (2,), law, structure)
    if law.weights == "constant":
        return sums[0]
    return sums - jnp.stack([sums[1], jnp.zeros_like(sums[1])]) if law.weights == "uniform" else sums
