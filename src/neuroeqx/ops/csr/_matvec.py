"""Products of a sparse matrix in compressed rows (CSR) with vectors of spikes or of other values."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._checks import check_active, check_each, check_offset, check_rows, check_vectors, check_weight
from .._primitive import Backend
from .._trilinear import Active
from ._rules import products


def matvec(
    weight: Float[Array, ""] | Float[Array, " nnz"],
    indices: Int[Array, " nnz"],
    indptr: Int[Array, " rows_and_end"],
    x: Float[Array, " n_pre"],
    *,
    n_post: int,
    active: Active = None,
    backend: Backend = None,
) -> Float[Array, " n_post"]:
    r"""The product $y_j = \sum_i x_i W_{ij}$, at the cost of the rows whose $x_i$ is not zero.

    The values of `x` count as they are; spikes are just the case of 0 and 1. Differentiable in `weight` and `x` to any
    order in forward and reverse mode, and `jax.vmap` over `x` is one product with a batch.

    **Arguments:**

    - `weight`: one value for all synapses, or one per synapse. Finite: what meets a zero of `x` need not contribute. In
        the dtype of `x`, or bfloat16: sums are made in the dtype of `x`.
    - `indices`: column (target) of every synapse, int32, sorted by row; each in `[0, n_post)`. Not checked here.
    - `indptr`: where each row begins in `indices`, and at the end `nnz`; int32 or int64, `[n_pre + 1]`.
    - `x`: one value per row (source), float32 or float64. NaN counts as an event.
    - `n_post`: number of columns.
    - `active`: where `x` is not zero, as `ops.events.compact(x)` lists it: products that share a source then look for its
        events once.
    - `backend`: `None` chooses when lowering: native code on CPU, Triton kernels on GPUs, pure JAX elsewhere.
        `"reference"` is pure JAX everywhere; `"native"` is native code and `"triton"` kernels for GPUs, both an error on
        other platforms.

    **Returns:**

    The product, in the dtype of `x`.
    """
    zeros = jnp.zeros(n_post, x.dtype)
    return add_matvec(zeros, weight, indices, indptr, x, active=active, backend=backend)


def add_matvec(
    out: Float[Array, " n_post"],
    weight: Float[Array, ""] | Float[Array, " nnz"],
    indices: Int[Array, " nnz"],
    indptr: Int[Array, " rows_and_end"],
    x: Float[Array, " n_pre"],
    *,
    active: Active = None,
    offset: Int[Array, ""] | None = None,
    backend: Backend = None,
) -> Float[Array, " n_post"]:
    """As [`neuroeqx.ops.csr.matvec`][], added to `out`. On CPU the sum is made in the memory of `out` where XLA can
    give it away, as for a state in a loop: then a step costs nothing per silent target.

    **Arguments:**

    - `out`: what to add to, in the dtype of `x`. Its length is the number of columns.
    - `weight`, `indices`, `indptr`, `x`, `active`, `backend`: as in `matvec`.
    - `offset`: if given, int32, column `c` stands for the place `(c + offset) % len(out)`: `out` is then a ring, such as
        one of future inputs, flattened, into which synapses with delays deliver.

    **Returns:**

    `out + matvec(weight, indices, indptr, x)`.
    """
    check_vectors(weight, backend, x=x, out=out)
    _check(indices, indptr)
    check_weight(weight, indices.shape)
    check_rows(x, indptr.size - 1)
    check_active(active, x.size)
    structure = indices, indptr, *check_offset(offset)
    return products.add_matvec(out, weight, x, *structure, active=active, event=True, backend=backend)


def rmatvec(
    weight: Float[Array, ""] | Float[Array, " nnz"],
    indices: Int[Array, " nnz"],
    indptr: Int[Array, " rows_and_end"],
    g: Float[Array, " n_post"],
    *,
    offset: Int[Array, ""] | None = None,
    backend: Backend = None,
) -> Float[Array, " n_pre"]:
    r"""The product with the transpose of the matrix of [`neuroeqx.ops.csr.matvec`][], $x_i = \sum_j W_{ij} g_j$.

    Every row is gathered, whatever `g` holds.

    **Arguments:**

    - `g`: one value per column, in the dtype of `weight`.
    - `weight`, `indices`, `indptr`, `backend`: as in `matvec`.
    - `offset`: as in `add_matvec`, within `g`.

    **Returns:**

    One value per row.
    """
    check_vectors(weight, backend, g=g)
    _check(indices, indptr)
    check_weight(weight, indices.shape)
    structure = indices, indptr, *check_offset(offset)
    return products.rmatvec(weight, g, *structure, n_pre=indptr.size - 1, backend=backend)


def outer(
    indices: Int[Array, " nnz"],
    indptr: Int[Array, " rows_and_end"],
    x: Float[Array, " n_pre"],
    g: Float[Array, " n_post"],
    *,
    shared: bool = False,
    active: Active = None,
    offset: Int[Array, ""] | None = None,
    backend: Backend = None,
) -> Float[Array, ""] | Float[Array, " nnz"]:
    r"""The outer product $x_i g_j$ at the places of the synapses: the gradient of `matvec` towards its weights.

    Rows whose $x_i$ is zero cost only the zeros that are written for them.

    **Arguments:**

    - `indices`, `indptr`, `active`, `backend`: as in [`neuroeqx.ops.csr.matvec`][].
    - `x`: one value per row.
    - `g`: one value per column, in the dtype of `x`.
    - `shared`: whether all synapses have one weight. Then the result is the sum, a scalar.
    - `offset`: as in `add_matvec`, within `g`.

    **Returns:**

    One value per synapse, or one in all.
    """
    check_vectors(None, backend, x=x, g=g)
    _check(indices, indptr)
    check_rows(x, indptr.size - 1)
    check_active(active, x.size)
    structure = indices, indptr, *check_offset(offset)
    shape = () if shared else indices.shape
    return products.outer(x, g, *structure, weight_shape=shape, active=active, backend=backend)


def add_outer(
    weight: Float[Array, " nnz"],
    indices: Int[Array, " nnz"],
    indptr: Int[Array, " rows_and_end"],
    x: Float[Array, " n_pre"],
    g: Float[Array, " n_post"],
    *,
    order: Int[Array, " nnz"] | None = None,
    active: Active = None,
    backend: Backend = None,
) -> Float[Array, " nnz"]:
    r"""The weights with $x_i g_j$ added to those of the synapses from row i to column j, in their memory where XLA can give
    it away: what a learning rule does when source i fires and target j has a trace g.

    Rows whose $x_i$ is zero cost nothing. When it is a target that fires, give the transposed matrix and the `order` of
    its synapses: rows are then targets, and `x` and `g` their spikes and the traces of sources.

    **Arguments:**

    - `weight`: one per synapse, in the dtype of `x`.
    - `indices`, `indptr`, `active`, `backend`: as in [`neuroeqx.ops.csr.matvec`][].
    - `x`: one value per row.
    - `g`: one value per column.
    - `order`: the place in `weight` of every synapse of the matrix, each place once; their own order by default. Not
        checked here.

    **Returns:**

    The new weights. Differentiable as `weight + outer(x, g)` is.
    """
    check_vectors(weight, backend, x=x, g=g)
    _check(indices, indptr)
    check_each(weight, x, indices.shape)
    check_rows(x, indptr.size - 1)
    check_active(active, x.size)
    if order is not None and (order.dtype not in (jnp.int32, jnp.int64) or order.shape != indices.shape):
        raise TypeError(f"order is {order.dtype}{list(order.shape)}, expected int32 or int64 {list(indices.shape)}")
    return products.add_outer(weight, x, g, indices, indptr, order=order, active=active, backend=backend)


def _check(indices, indptr):
    if indices.dtype != jnp.int32 or indices.ndim != 1:
        raise TypeError(f"indices is {indices.dtype}{list(indices.shape)}, expected int32[nnz]")
    if indptr.dtype not in (jnp.int32, jnp.int64) or indptr.ndim != 1 or indptr.size == 0:
        raise TypeError(f"indptr is {indptr.dtype}{list(indptr.shape)}, expected int32 or int64 [n_pre + 1]")
    if indices.size >= 2**31 and indptr.dtype != jnp.int64:
        raise TypeError(f"indptr is int32, but {indices.size} synapses need int64")
