"""The three products of a matrix of synapses, as primitives, with their rules under jvp, transposition and vmap.

With one trilinear form T(x, w, g) = sum_ij x_i W_ij g_j (and a sum over the batch), where W is linear in the weights w,
the products are its partial derivatives: `add_matvec` that by g (plus an accumulator), `rmatvec` that by x, `outer` that
by w. So each rule of differentiation is one of the three again, and they are closed to any order. A family of matrices
(stored by rows, with a fixed number of targets, drawn again at every use) brings its backends; the rules are these.

Operands are `out, weight, x, *active, *structure`: `structure` are the arrays that say where the synapses are, `active`
is nothing or a list of the places at which `x` is not zero, as made by `ops.events.compact`. Vectors (and `active`) may
carry a leading batch axis, all of them or none; weights and structure do not. Zeros of `x` are skipped. `event` says that
x is expected to have many of them; it never changes the result.
"""

import functools
import math
from types import ModuleType
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching

from ._primitive import bind, make_primitive, result_type, zero_tangent


Active = tuple[Any, Any] | None  # (ids, count)


class Products(NamedTuple):
    """The primitives of one family of matrices. `add_outer_p` is there for matrices with a weight for each synapse."""

    add_matvec_p: Primitive
    rmatvec_p: Primitive
    outer_p: Primitive
    add_outer_p: Primitive | None

    def add_matvec(self, out: Any, weight: Any, x: Any, *structure: Any, active: Active = None, **params: Any) -> Any:
        """`out + x @ W`. Parameters: `event`, `backend` and those of the family."""
        listed = active is not None
        return bind(self.add_matvec_p, out, weight, x, *(active or ()), *structure, listed=listed, **params)

    def rmatvec(self, weight: Any, g: Any, *structure: Any, n_pre: int, **params: Any) -> Any:
        """`W @ g`. Parameters: `backend` and those of the family."""
        return bind(self.rmatvec_p, weight, g, *structure, n_pre=n_pre, **params)

    def outer(
        self, x: Any, g: Any, *structure: Any, weight_shape: tuple[int, ...], active: Active = None, **params: Any
    ) -> Any:
        """The derivative of `g @ (x @ W)` by the weights, of shape `weight_shape`, summed over the batch."""
        listed = active is not None
        return bind(self.outer_p, x, g, *(active or ()), *structure, weight_shape=weight_shape, listed=listed, **params)

    def add_outer(
        self, weight: Any, x: Any, g: Any, *structure: Any, order: Any = None, active: Active = None, **params: Any
    ) -> Any:
        """`weight + outer(x, g)`, in the memory of `weight`. With `order` the structure is that of the transposed matrix,
        and synapse e of that has the place `order[e]` among the weights."""
        assert self.add_outer_p is not None
        ordered = () if order is None else (order,)
        how = {"listed": active is not None, "ordered": order is not None}
        return bind(self.add_outer_p, weight, x, g, *(active or ()), *structure, *ordered, **how, **params)


def make_products(family: str, reference: ModuleType, native: ModuleType, triton: ModuleType) -> Products:
    """The primitives of a family.

    **Arguments:**

    - `family`: its name.
    - `reference`, `native`, `triton`: modules with functions in terms of arrays, called while lowering:
        `add_matvec(out, weight, x, *structure, active, event, **static)`,
        `rmatvec(weight, g, *structure, n_pre, **static)` and
        `outer(x, g, *structure, active, weight_shape, **static)`, where `static` are the parameters of the family. Those
        with a weight for each synapse also `add_outer(weight, x, g, *structure, active, order)`.
    """
    backends = [reference, native, triton]
    stored = all(getattr(backend, "add_outer", None) for backend in backends)
    products = Products(
        make_primitive(
            f"neuroeqx_{family}_add_matvec", _abstract_add_matvec, *(_with_list(b.add_matvec, 3) for b in backends)
        ),
        make_primitive(f"neuroeqx_{family}_rmatvec", _abstract_rmatvec, *(b.rmatvec for b in backends)),
        make_primitive(f"neuroeqx_{family}_outer", _abstract_outer, *(_with_list(b.outer, 2) for b in backends)),
        make_primitive(
            f"neuroeqx_{family}_add_outer", _abstract_add_outer, *(_with_order(b.add_outer) for b in backends)
        )
        if stored
        else None,
    )
    if products.add_outer_p is not None:
        ad.primitive_jvps[products.add_outer_p] = functools.partial(_jvp_add_outer, products)
        batching.primitive_batchers[products.add_outer_p] = functools.partial(_batch_add_outer, products)
    for primitive, jvp, transpose, batch in (
        (products.add_matvec_p, _jvp_add_matvec, _transpose_add_matvec, _batch_add_matvec),
        (products.rmatvec_p, _jvp_rmatvec, _transpose_rmatvec, _batch_rmatvec),
        (products.outer_p, _jvp_outer, _transpose_outer, _batch_outer),
    ):
        ad.primitive_jvps[primitive] = functools.partial(jvp, products)
        ad.primitive_transposes[primitive] = functools.partial(transpose, products)
        batching.primitive_batchers[primitive] = functools.partial(batch, products)
    return products


def _with_list(function: Any, vectors: int) -> Any:
    """Hands the list of active entries to a backend under its name; `vectors` operands come before it."""

    def call(*operands, listed, **params):
        active, structure = _split(operands[vectors:], listed)
        return function(*operands[:vectors], *structure, active=active, **params)

    return call


def _with_order(function: Any) -> Any:
    """As `_with_list`, for `add_outer`, whose last operand may be the order of the weights."""

    def call(*operands, listed, ordered, **params):
        order = operands[-1] if ordered else None
        return _with_list(functools.partial(function, order=order), 3)(
            *operands[: len(operands) - ordered], listed=listed, **params
        )

    return call


def _split(rest: Any, listed: bool) -> tuple[Active, tuple]:
    return (tuple(rest[:2]), tuple(rest[2:])) if listed else (None, tuple(rest))


def _abstract_add_matvec(out, weight, x, *rest, **params):
    return result_type(out, out.shape)


def _abstract_rmatvec(weight, g, *structure, n_pre, **params):
    return result_type(g, (*g.shape[:-1], n_pre))


def _abstract_outer(x, g, *rest, weight_shape, **params):
    return result_type(x, weight_shape)


def _abstract_add_outer(weight, x, g, *rest, **params):
    return result_type(weight, weight.shape)


def _is_zero(tangent: Any) -> bool:
    return type(tangent) is ad.Zero


def _sum(parts: list) -> Any:
    return functools.reduce(jnp.add, parts)


# jvp


def _jvp_add_matvec(products, primals, tangents, *, event, listed, **params):
    (out, weight, x, *rest), (d_out, d_weight, d_x, *_) = primals, tangents
    active, structure = _split(rest, listed)
    y = products.add_matvec(out, weight, x, *structure, active=active, event=event, **params)
    dy = ad.instantiate_zeros(d_out)
    if not _is_zero(d_x):  # dense, whatever x is
        dy = products.add_matvec(dy, weight, d_x, *structure, event=False, **params)
    if not _is_zero(d_weight):
        dy = products.add_matvec(dy, d_weight, x, *structure, active=active, event=event, **params)
    return y, dy


def _jvp_rmatvec(products, primals, tangents, **params):
    (weight, g, *structure), (d_weight, d_g, *_) = primals, tangents
    x = products.rmatvec(weight, g, *structure, **params)
    parts = [] if _is_zero(d_g) else [products.rmatvec(weight, d_g, *structure, **params)]
    parts += [] if _is_zero(d_weight) else [products.rmatvec(d_weight, g, *structure, **params)]
    return x, _sum(parts) if parts else zero_tangent(x)


def _jvp_outer(products, primals, tangents, *, listed, **params):
    (x, g, *rest), (d_x, d_g, *_) = primals, tangents
    active, structure = _split(rest, listed)
    dw = products.outer(x, g, *structure, active=active, **params)
    parts = [] if _is_zero(d_x) else [products.outer(d_x, g, *structure, **params)]
    parts += [] if _is_zero(d_g) else [products.outer(x, d_g, *structure, active=active, **params)]
    return dw, _sum(parts) if parts else zero_tangent(dw)


def _jvp_add_outer(products, primals, tangents, *, listed, ordered, **params):
    (weight, x, g, *rest), (d_weight, d_x, d_g, *_) = primals, tangents
    rest, order = (rest[:-1], rest[-1]) if ordered else (rest, None)
    active, structure = _split(rest, listed)
    new = products.add_outer(weight, x, g, *structure, order=order, active=active, **params)

    def outer(x, g, active):
        # Written in terms of a product that can be transposed; the other one is for the loop over time.
        dw = products.outer(x, g, *structure, weight_shape=weight.shape, active=active, **params)
        return dw if order is None else jnp.zeros_like(dw).at[order].set(dw, unique_indices=True)

    parts = [ad.instantiate_zeros(d_weight)]
    parts += [] if _is_zero(d_x) else [outer(d_x, g, None)]
    parts += [] if _is_zero(d_g) else [outer(x, d_g, active)]
    return new, _sum(parts)


# Transposition: `ct` is the cotangent of the result; operands that the function is linear in are undefined.


def _transpose_add_matvec(products, ct, out, weight, x, *rest, event, listed, **params):
    d_out = d_weight = d_x = None
    active, structure = _split(rest, listed)
    if not _is_zero(ct):
        if ad.is_undefined_primal(out):
            d_out = ct
        if ad.is_undefined_primal(x):
            d_x = products.rmatvec(weight, ct, *structure, n_pre=x.aval.shape[-1], **params)
        elif ad.is_undefined_primal(weight):
            dw = products.outer(x, ct, *structure, weight_shape=weight.aval.shape, active=active, **params)
            d_weight = dw.astype(weight.aval.dtype)
    return d_out, d_weight, d_x, *(None for _ in rest)


def _transpose_rmatvec(products, ct, weight, g, *structure, n_pre, **params):
    d_weight = d_g = None
    if not _is_zero(ct):
        if ad.is_undefined_primal(g):
            zeros = jnp.zeros(g.aval.shape, g.aval.dtype)
            d_g = products.add_matvec(zeros, weight, ct, *structure, event=False, **params)
        else:
            dw = products.outer(ct, g, *structure, weight_shape=weight.aval.shape, **params)
            d_weight = dw.astype(weight.aval.dtype)
    return d_weight, d_g, *(None for _ in structure)


def _transpose_outer(products, ct, x, g, *rest, listed, weight_shape, **params):
    d_x = d_g = None
    active, structure = _split(rest, listed)
    if not _is_zero(ct):
        if ad.is_undefined_primal(x):
            d_x = products.rmatvec(ct, g, *structure, n_pre=x.aval.shape[-1], **params)
        else:
            zeros = jnp.zeros(g.aval.shape, g.aval.dtype)
            d_g = products.add_matvec(zeros, ct, x, *structure, active=active, event=True, **params)
    return d_x, d_g, *(None for _ in rest)


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
    return jnp.reshape(vector, (math.prod(vector.shape[:-1]), vector.shape[-1])) if vector.ndim == 3 else vector


def _unfold(vector, like, dim):
    """The way back, to the front, for the result that belongs to the operand `like`."""
    if like.ndim == 2:
        return vector
    members = like.shape[dim]
    return jnp.reshape(vector, (members, vector.shape[0] // members, vector.shape[1]))


def _fold_list(active, dims):
    """A list that was made for every member, or none if it was not."""
    if active is None or None in dims:
        return None
    ids, count = active
    return _fold(ids, dims[0]), jnp.reshape(jnp.moveaxis(count, dims[1], 0), -1)


def _batch_add_matvec(products, args, dims, *, listed, **params):
    (out, weight, x, *rest), (d_out, d_weight, d_x, *d_rest) = args, dims
    active, structure = _split(rest, listed)
    d_active, d_structure = _split(d_rest, listed)
    if d_weight is not None or any(dim is not None for dim in d_structure):
        return _one_by_one(products.add_matvec_p, args, dims, {"listed": listed, **params})
    if d_x is None:
        if d_active is not None and d_active != (None, None):
            active = None
        if d_out is None:
            return products.add_matvec(out, weight, x, *structure, active=active, **params), None
        out = jnp.moveaxis(out, d_out, 0)  # one product, many accumulators
        zeros = jnp.zeros_like(out[0])
        return out + products.add_matvec(zeros, weight, x, *structure, active=active, **params)[None], 0
    if d_out is None:
        out, d_out = jnp.broadcast_to(out, (x.shape[d_x], *out.shape)), 0
    active = _fold_list(active, d_active)
    y = products.add_matvec(_fold(out, d_out), weight, _fold(x, d_x), *structure, active=active, **params)
    return _unfold(y, x, d_x), 0


def _batch_rmatvec(products, args, dims, **params):
    if dims[0] is not None or any(dim is not None for dim in dims[2:]):
        return _one_by_one(products.rmatvec_p, args, dims, params)
    weight, g, *structure = args
    x = products.rmatvec(weight, _fold(g, dims[1]), *structure, **params)
    return _unfold(x, g, dims[1]), 0


def _batch_outer(products, args, dims, **params):
    return _one_by_one(products.outer_p, args, dims, params)


def _batch_add_outer(products, args, dims, **params):
    return _one_by_one(products.add_outer_p, args, dims, params)
