"""Products of a dense matrix with vectors of spikes or of other values."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._primitive import Backend, bind, check_backend
from ._rules import add_matvec_p


def matvec(
    weight: Float[Array, "n_pre n_post"], x: Float[Array, " n_pre"], *, backend: Backend = None
) -> Float[Array, " n_post"]:
    r"""The product $y_j = \sum_i x_i W_{ij}$.

    On CPU, for a single vector, only the rows whose $x_i$ is not zero are read. Differentiable to any order; under
    `jax.vmap`, and on other platforms, an ordinary product of matrices.

    **Arguments:**

    - `weight`: the matrix, float32 or float64, finite.
    - `x`: one value per row, in the dtype of `weight`.
    - `backend`: `None` chooses when lowering: native code on CPU, `jnp.dot` elsewhere. `"reference"` is `jnp.dot`
        everywhere; `"native"` is native code, an error on other platforms than CPU.

    **Returns:**

    The product, in the dtype of `x`.
    """
    _check(weight, x, backend)
    return add_matvec(jnp.zeros(weight.shape[1], x.dtype), weight, x, backend=backend)


def add_matvec(
    out: Float[Array, " n_post"],
    weight: Float[Array, "n_pre n_post"],
    x: Float[Array, " n_pre"],
    *,
    backend: Backend = None,
) -> Float[Array, " n_post"]:
    """As [`neuroeqx.ops.dense.matvec`][], added to `out`, in its memory where XLA can give it away.

    **Arguments:**

    - `out`: what to add to, in the dtype of `x`.
    - `weight`, `x`, `backend`: as in `matvec`.

    **Returns:**

    `out + matvec(weight, x)`.
    """
    _check(weight, x, backend)
    if out.dtype != x.dtype:
        raise TypeError(f"out has dtype {out.dtype} and x has {x.dtype}; they must be the same")
    if out.shape != weight.shape[1:]:
        raise ValueError(f"out has shape {out.shape}, but weight has {weight.shape[1]} columns")
    return bind(add_matvec_p, out, weight, x, backend=backend)


def _check(weight, x, backend):
    if x.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"x has dtype {x.dtype}, expected float32 or float64 (spikes are 0 or 1 in a float dtype)")
    if weight.dtype != x.dtype:
        raise TypeError(f"weight has dtype {weight.dtype} and x has {x.dtype}; they must be the same")
    if weight.ndim != 2 or x.shape != weight.shape[:1]:
        raise ValueError(f"weight has shape {weight.shape} and x {x.shape}, expected (n_pre, n_post) and (n_pre,)")
    check_backend(backend)
