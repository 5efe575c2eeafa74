"""The product of a dense matrix with spikes that are given by their steps."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._primitive import Backend, bind, check_backend
from ._rules import add_rows_p, sort_p


def matvec(
    weight: Float[Array, "n_pre n_post"], steps: Int[Array, " n_pre"], length: int, *, backend: Backend = None
) -> Float[Array, "{length} n_post"]:
    r"""The product of all steps at once, $y_{tj} = \sum_i [\text{steps}_i = t]\, W_{ij}$, where a source spikes once or never.

    The cost is that of the spikes, and of writing the result: the matrix of spikes, nearly all zeros, is never made. Linear
    in the weights and differentiable towards them to any order; there is no derivative towards the steps. Under `jax.vmap`
    over `steps` the axis of the batch comes to lie behind that of time; over `weight` one is taken after the other.

    **Arguments:**

    - `weight`: the matrix, float32 or float64.
    - `steps`: the step in which each source spikes, int32, from 0; a source whose step is not in [0, length) never spikes.
    - `length`: the number of steps.
    - `backend`: `None` chooses when lowering: native code on CPU, scatters of XLA elsewhere. `"reference"` are scatters
        everywhere; `"native"` is native code, an error on other platforms than CPU.

    **Returns:**

    The product, in the dtype of `weight`.
    """
    if weight.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"weight has dtype {weight.dtype}, expected float32 or float64")
    if steps.dtype != jnp.int32:
        raise TypeError(f"steps has dtype {steps.dtype}, expected int32 (the step of the spike of each source)")
    if weight.ndim != 2 or steps.shape != weight.shape[:1]:
        raise ValueError(
            f"weight has shape {weight.shape} and steps {steps.shape}, expected (n_pre, n_post) and (n_pre,)"
        )
    if length < 0:
        raise ValueError(f"length is {length}, expected a number of steps")
    check_backend(backend)
    ids, bounds = bind(sort_p, steps, length=length, backend=backend)
    return bind(add_rows_p, weight, steps, ids, bounds, backend=backend)
