"""Products of a sparse matrix in compressed rows (CSR) with vectors of spikes or of other values."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._primitive import Backend, bind, check_backend
from ._rules import add_matvec_p, outer_p, rmatvec_p


def matvec(
    weight: Float[Array, ""] | Float[Array, " nnz"],
    indices: Int[Array, " nnz"],
    indptr: Int[Array, " rows_and_end"],
    x: Float[Array, " n_pre"],
    *,
    n_post: int,
    backend: Backend = None,
) -> Float[Array, " n_post"]:
    r"""The product $y_j = \sum_i x_i W_{ij}$, at the cost of the rows whose $x_i$ is not zero.

    The values of `x` count as they are; spikes are just the case of 0 and 1. Differentiable in `weight` and `x` to any
    order in forward and reverse mode, and `jax.vmap` over `x` is one product with a batch.

    **Arguments:**

    - `weight`: one value for all synapses, or one per synapse. Finite: what meets a zero of `x` need not contribute.
    - `indices`: column (target) of every synapse, int32, sorted by row; each in `[0, n_post)`. Not checked here.
    - `indptr`: where each row begins in `indices`, and at the end `nnz`; int32 or int64, `[n_pre + 1]`.
    - `x`: one value per row (source), float32 or float64, in the dtype of `weight`. NaN counts as an event.
    - `n_post`: number of columns.
    - `backend`: `None` chooses when lowering: native code on CPU, pure JAX elsewhere. `"reference"` is pure JAX
        everywhere; `"numba"` is native code, an error on other platforms than CPU.

    **Returns:**

    The product, in the dtype of `x`.
    """
    _check(weight, indices, indptr, backend, x=x)
    return add_matvec(jnp.zeros(n_post, x.dtype), weight, indices, indptr, x, backend=backend)


def add_matvec(
    out: Float[Array, " n_post"],
    weight: Float[Array, ""] | Float[Array, " nnz"],
    indices: Int[Array, " nnz"],
    indptr: Int[Array, " rows_and_end"],
    x: Float[Array, " n_pre"],
    *,
    backend: Backend = None,
) -> Float[Array, " n_post"]:
    """As [`neuroeqx.ops.csr.matvec`][], added to `out`. On CPU the sum is made in the memory of `out` where XLA can
    give it away, as for a state in a loop: then a step costs nothing per silent target.

    **Arguments:**

    - `out`: what to add to, in the dtype of `x`. Its length is the number of columns.
    - `weight`, `indices`, `indptr`, `x`, `backend`: as in `matvec`.

    **Returns:**

    `out + matvec(weight, indices, indptr, x)`.
    """
    _check(weight, indices, indptr, backend, x=x, out=out)
    _check_rows(indptr, x)
    return bind(add_matvec_p, out, weight, indices, indptr, x, event=True, backend=backend)


def rmatvec(
    weight: Float[Array, ""] | Float[Array, " nnz"],
    indices: Int[Array, " nnz"],
    indptr: Int[Array, " rows_and_end"],
    g: Float[Array, " n_post"],
    *,
    backend: Backend = None,
) -> Float[Array, " n_pre"]:
    r"""The product with the transpose of the matrix of [`neuroeqx.ops.csr.matvec`][], $x_i = \sum_j W_{ij} g_j$.

    Every row is gathered, whatever `g` holds.

    **Arguments:**

    - `g`: one value per column, in the dtype of `weight`.
    - `weight`, `indices`, `indptr`, `backend`: as in `matvec`.

    **Returns:**

    One value per row.
    """
    _check(weight, indices, indptr, backend, g=g)
    return bind(rmatvec_p, weight, indices, indptr, g, backend=backend)


def outer(
    indices: Int[Array, " nnz"],
    indptr: Int[Array, " rows_and_end"],
    x: Float[Array, " n_pre"],
    g: Float[Array, " n_post"],
    *,
    shared: bool = False,
    backend: Backend = None,
) -> Float[Array, ""] | Float[Array, " nnz"]:
    r"""The outer product $x_i g_j$ at the places of the synapses: the gradient of `matvec` towards its weights.

    Rows whose $x_i$ is zero cost only the zeros that are written for them.

    **Arguments:**

    - `indices`, `indptr`, `backend`: as in [`neuroeqx.ops.csr.matvec`][].
    - `x`: one value per row.
    - `g`: one value per column, in the dtype of `x`.
    - `shared`: whether all synapses have one weight. Then the result is the sum, a scalar.

    **Returns:**

    One value per synapse, or one in all.
    """
    _check(x, indices, indptr, backend, x=x, g=g)
    _check_rows(indptr, x)
    return bind(outer_p, indices, indptr, x, g, shared=shared, backend=backend)


def _check(weight, indices, indptr, backend, **vectors):
    for name, vector in vectors.items():
        if vector.dtype not in (jnp.float32, jnp.float64):
            raise TypeError(
                f"{name} has dtype {vector.dtype}, expected float32 or float64 (spikes are 0 or 1 in a float dtype)"
            )
        if vector.dtype != weight.dtype:
            raise TypeError(f"{name} has dtype {vector.dtype} and weight has {weight.dtype}; they must be the same")
        if vector.ndim != 1:
            raise ValueError(f"{name} has shape {vector.shape}, expected one axis; use jax.vmap for a batch")
    if indices.dtype != jnp.int32 or indices.ndim != 1:
        raise TypeError(f"indices is {indices.dtype}{list(indices.shape)}, expected int32[nnz]")
    if indptr.dtype not in (jnp.int32, jnp.int64) or indptr.ndim != 1 or indptr.size == 0:
        raise TypeError(f"indptr is {indptr.dtype}{list(indptr.shape)}, expected int32 or int64 [n_pre + 1]")
    if weight is not vectors.get("x") and weight.shape not in ((), indices.shape):
        raise ValueError(f"weight has shape {weight.shape}, expected () or {indices.shape}, one per synapse")
    check_backend(backend)


def _check_rows(indptr, x):
    if indptr.size - 1 != x.size:
        raise ValueError(f"x has length {x.size}, but indptr describes {indptr.size - 1} rows")
