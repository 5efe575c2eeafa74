"""The primitives of the CSR products and their rules under jvp, transposition, vmap and lowering.

With one trilinear form T(x, w, g) = sum_ij x_i W_ij g_j (and a sum over the batch), the three products are its partial
derivatives: `add_matvec` that by g (plus an accumulator), `rmatvec` that by x, `outer` that by w. So each rule of
differentiation is one of the three again, and they are closed to any order.

Vectors may carry a leading batch axis (all of them, or none); weights and connectivity do not. Zeros of `x` are
skipped. `event` says that x is expected to have many of them; it never changes the result.
"""

import functools
from typing import Any

import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching

from .._primitive import bind, make_primitive, result_type, zero_tangent
from . import _cpu, _reference


def _abstract_add_matvec(out, weight, indices, indptr, x, *, event, backend):
    return result_type(out, out.shape)


def _abstract_rmatvec(weight, indices, indptr, g, *, backend):
    return result_type(g, (*g.shape[:-1], indptr.shape[0] - 1))


def _abstract_outer(indices, indptr, x, g, *, shared, backend):
    return result_type(x, () if shared else indices.shape)


def _native_add_matvec(*operands, event):
    return _cpu.add_matvec(*operands)  # this kernel looks for itself how many events there are


add_matvec_p = make_primitive(
    "neuroeqx_csr_add_matvec", _abstract_add_matvec, _reference.add_matvec, _native_add_matvec
)
rmatvec_p = make_primitive("neuroeqx_csr_rmatvec", _abstract_rmatvec, _reference.rmatvec, _cpu.rmatvec)
outer_p = make_primitive("neuroeqx_csr_outer", _abstract_outer, _reference.outer, _cpu.outer)


def _is_zero(tangent: Any) -> bool:
    return type(tangent) is ad.Zero


def _sum(parts: list) -> Any:
    return functools.reduce(jnp.add, parts)


# jvp


def _jvp_add_matvec(primals, tangents, *, event, backend):
    (out, weight, indices, indptr, x), (d_out, d_weight, _, _, d_x) = primals, tangents
    y = bind(add_matvec_p, out, weight, indices, indptr, x, event=event, backend=backend)
    dy = ad.instantiate_zeros(d_out)
    if not _is_zero(d_x):  # dense, whatever x is
        dy = bind(add_matvec_p, dy, weight, indices, indptr, d_x, event=False, backend=backend)
    if not _is_zero(d_weight):
        dy = bind(add_matvec_p, dy, d_weight, indices, indptr, x, event=event, backend=backend)
    return y, dy


def _jvp_rmatvec(primals, tangents, *, backend):
    (weight, indices, indptr, g), (d_weight, _, _, d_g) = primals, tangents
    apply = functools.partial(bind, rmatvec_p, backend=backend)
    x = apply(weight, indices, indptr, g)
    parts = [] if _is_zero(d_g) else [apply(weight, indices, indptr, d_g)]
    parts += [] if _is_zero(d_weight) else [apply(d_weight, indices, indptr, g)]
    return x, _sum(parts) if parts else zero_tangent(x)


def _jvp_outer(primals, tangents, **params):
    (indices, indptr, x, g), (_, _, d_x, d_g) = primals, tangents
    apply = functools.partial(bind, outer_p, **params)
    dw = apply(indices, indptr, x, g)
    parts = [] if _is_zero(d_x) else [apply(indices, indptr, d_x, g)]
    parts += [] if _is_zero(d_g) else [apply(indices, indptr, x, d_g)]
    return dw, _sum(parts) if parts else zero_tangent(dw)


ad.primitive_jvps[add_matvec_p] = _jvp_add_matvec
ad.primitive_jvps[rmatvec_p] = _jvp_rmatvec
ad.primitive_jvps[outer_p] = _jvp_outer


# Transposition: `ct` is the cotangent of the result; operands that the function is linear in are undefined.


def _transpose_add_matvec(ct, out, weight, indices, indptr, x, *, event, backend):
    d_out = d_weight = d_x = None
    if not _is_zero(ct):
        if ad.is_undefined_primal(out):
            d_out = ct
        if ad.is_undefined_primal(x):
            d_x = bind(rmatvec_p, weight, indices, indptr, ct, backend=backend)
        elif ad.is_undefined_primal(weight):
            d_weight = bind(outer_p, indices, indptr, x, ct, shared=weight.aval.ndim == 0, backend=backend)
    return d_out, d_weight, None, None, d_x


def _transpose_rmatvec(ct, weight, indices, indptr, g, *, backend):
    d_weight = d_g = None
    if not _is_zero(ct):
        if ad.is_undefined_primal(g):
            zeros = jnp.zeros(g.aval.shape, g.aval.dtype)
            d_g = bind(add_matvec_p, zeros, weight, indices, indptr, ct, event=False, backend=backend)
        else:
            d_weight = bind(outer_p, indices, indptr, ct, g, shared=weight.aval.ndim == 0, backend=backend)
    return d_weight, None, None, d_g


def _transpose_outer(ct, indices, indptr, x, g, *, shared, backend):
    d_x = d_g = None
    if not _is_zero(ct):
        if ad.is_undefined_primal(x):
            d_x = bind(rmatvec_p, ct, indices, indptr, g, backend=backend)
        else:
            zeros = jnp.zeros(g.aval.shape, g.aval.dtype)
            d_g = bind(add_matvec_p, zeros, ct, indices, indptr, x, event=True, backend=backend)
    return None, None, d_x, d_g


ad.primitive_transposes[add_matvec_p] = _transpose_add_matvec
ad.primitive_transposes[rmatvec_p] = _transpose_rmatvec
ad.primitive_transposes[outer_p] = _transpose_outer


# vmap over vectors becomes part of the batch axis; vmap over weights or connectivity takes one after the other.


def _one_by_one(primitive, args, dims, params):
    moved = [arg if dim is None else jnp.moveaxis(arg, dim, 0) for arg, dim in zip(args, dims, strict=True)]
    mapped = [arg for arg, dim in zip(moved, dims, strict=True) if dim is not None]

    def one(members):
        rest = iter(members)
        full = [arg if dim is None else next(rest) for arg, dim in zip(moved, dims, strict=True)]
        return bind(primitive, *full, **params)

    return lax.map(one, mapped), 0


def _fold(vector, dim):
    """Makes the new axis `dim` part of the batch axis, or the batch axis if there is none yet."""
    vector = jnp.moveaxis(vector, dim, 0)
    return jnp.reshape(vector, (-1, vector.shape[-1])) if vector.ndim == 3 else vector


def _unfold(vector, like, dim):
    """The way back, to the front, for the result that belongs to the operand `like`."""
    if like.ndim == 2:
        return vector
    members = like.shape[dim]
    return jnp.reshape(vector, (members, vector.shape[0] // members, vector.shape[1]))


def _batch_add_matvec(args, dims, **params):
    if any(dim is not None for dim in dims[1:4]):
        return _one_by_one(add_matvec_p, args, dims, params)
    out, weight, indices, indptr, x = args
    d_out, d_x = dims[0], dims[4]
    if d_x is None:  # one product, many accumulators
        out = jnp.moveaxis(out, d_out, 0)
        product = bind(add_matvec_p, jnp.zeros_like(out[0]), weight, indices, indptr, x, **params)
        return out + product[None], 0
    if d_out is None:
        out, d_out = jnp.broadcast_to(out, (x.shape[d_x], *out.shape)), 0
    y = bind(add_matvec_p, _fold(out, d_out), weight, indices, indptr, _fold(x, d_x), **params)
    return _unfold(y, x, d_x), 0


def _batch_rmatvec(args, dims, **params):
    if any(dim is not None for dim in dims[:3]):
        return _one_by_one(rmatvec_p, args, dims, params)
    weight, indices, indptr, g = args
    x = bind(rmatvec_p, weight, indices, indptr, _fold(g, dims[3]), **params)
    return _unfold(x, g, dims[3]), 0


def _batch_outer(args, dims, **params):
    return _one_by_one(outer_p, args, dims, params)


batching.primitive_batchers[add_matvec_p] = _batch_add_matvec
batching.primitive_batchers[rmatvec_p] = _batch_rmatvec
batching.primitive_batchers[outer_p] = _batch_outer
