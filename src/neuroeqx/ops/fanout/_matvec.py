"""Products of a matrix with a fixed number of targets per source with vectors of spikes or of other values."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._checks import check_active, check_each, check_offset, check_rows, check_vectors, check_weight
from .._primitive import Backend
from .._trilinear import Active
from ._rules import products


def matvec(
    weight: Float[Array, ""] | Float[Array, "n_pre k"],
    indices: Int[Array, "n_pre k"],
    x: Float[Array, " n_pre"],
    *,
    n_post: int,
    active: Active = None,
    backend: Backend = None,
) -> Float[Array, " n_post"]:
    r"""The product $y_j = \sum_i x_i W_{ij}$, at the cost of the rows whose $x_i$ is not zero.

    **Arguments:**

    - `weight`: one value for all synapses, or one per synapse.
    - `indices`: column (target) of every synapse of every row, int32; each in `[0, n_post)`. Not checked here.
    - `x`, `n_post`, `active`, `backend`: as in [`neuroeqx.ops.csr.matvec`][].

    **Returns:**

    The product, in the dtype of `x`.
    """
    return add_matvec(jnp.zeros(n_post, x.dtype), weight, indices, x, active=active, backend=backend)


def add_matvec(
    out: Float[Array, " n_post"],
    weight: Float[Array, ""] | Float[Array, "n_pre k"],
    indices: Int[Array, "n_pre k"],
    x: Float[Array, " n_pre"],
    *,
    active: Active = None,
    offset: Int[Array, ""] | None = None,
    backend: Backend = None,
) -> Float[Array, " n_post"]:
    """As [`neuroeqx.ops.fanout.matvec`][], added to `out`, in its memory where XLA can give it away.

    **Arguments:**

    - `weight`, `indices`, `x`: as in `matvec`.
    - `out`, `active`, `offset`, `backend`: as in [`neuroeqx.ops.csr.add_matvec`][].

    **Returns:**

    `out + matvec(weight, indices, x)`.
    """
    check_vectors(weight, backend, x=x, out=out)
    _check(indices)
    check_weight(weight, indices.shape)
    check_rows(x, indices.shape[0])
    check_active(active, x.size)
    structure = indices, *check_offset(offset)
    return products.add_matvec(out, weight, x, *structure, active=active, event=True, backend=backend)


def rmatvec(
    weight: Float[Array, ""] | Float[Array, "n_pre k"],
    indices: Int[Array, "n_pre k"],
    g: Float[Array, " n_post"],
    *,
    offset: Int[Array, ""] | None = None,
    backend: Backend = None,
) -> Float[Array, " n_pre"]:
    r"""The product with the transpose of the matrix of [`neuroeqx.ops.fanout.matvec`][], $x_i = \sum_j W_{ij} g_j$.

    **Arguments:** as in [`neuroeqx.ops.csr.rmatvec`][].

    **Returns:**

    One value per row.
    """
    check_vectors(weight, backend, g=g)
    _check(indices)
    check_weight(weight, indices.shape)
    structure = indices, *check_offset(offset)
    return products.rmatvec(weight, g, *structure, n_pre=indices.shape[0], backend=backend)


def outer(
    indices: Int[Array, "n_pre k"],
    x: Float[Array, " n_pre"],
    g: Float[Array, " n_post"],
    *,
    shared: bool = False,
    active: Active = None,
    offset: Int[Array, ""] | None = None,
    backend: Backend = None,
) -> Float[Array, ""] | Float[Array, "n_pre k"]:
    r"""The outer product $x_i g_j$ at the places of the synapses: the gradient of `matvec` towards its weights.

    **Arguments:** as in [`neuroeqx.ops.csr.outer`][].

    **Returns:**

    One value per synapse, or one in all.
    """
    check_vectors(None, backend, x=x, g=g)
    _check(indices)
    check_rows(x, indices.shape[0])
    check_active(active, x.size)
    structure = indices, *check_offset(offset)
    shape = () if shared else indices.shape
    return products.outer(x, g, *structure, weight_shape=shape, active=active, backend=backend)


def add_outer(
    weight: Float[Array, "n_pre k"],
    indices: Int[Array, "n_pre k"],
    x: Float[Array, " n_pre"],
    g: Float[Array, " n_post"],
    *,
    active: Active = None,
    backend: Backend = None,
) -> Float[Array, "n_pre k"]:
    r"""The weights with $x_i g_j$ added to those of the synapses from row i to column j, in their memory where XLA can give
    it away. Arguments as in [`neuroeqx.ops.csr.add_outer`][].

    The transposed matrix has no fixed fan-out: when it is a target that fires, use that function on the flattened weights.
    """
    check_vectors(weight, backend, x=x, g=g)
    _check(indices)
    check_each(weight, x, indices.shape)
    check_rows(x, indices.shape[0])
    check_active(active, x.size)
    return products.add_outer(weight, x, g, indices, active=active, backend=backend)


def _check(indices):
    if indices.dtype != jnp.int32 or indices.ndim != 2:
        raise TypeError(f"indices is {indices.dtype}{list(indices.shape)}, expected int32[n_pre, k]")
