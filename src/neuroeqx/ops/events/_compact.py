"""Which entries of a vector are active."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from .._primitive import Backend, bind, check_backend
from ._rules import compact_p


def compact(x: Float[Array, " n"], *, backend: Backend = None) -> tuple[Int[Array, " n"], Int[Array, ""]]:
    """The places at which `x` is not zero, in ascending order, for the `active` of products that share a source.

    Nothing here has a derivative: gradients of the products reach `x` through the products.

    **Arguments:**

    - `x`: spikes, float32 or float64. NaN counts as an event.
    - `backend`: as in [`neuroeqx.ops.csr.matvec`][].

    **Returns:**

    The places, int32; those after the first `count` say nothing, but lie in `[0, n)`. And `count`, int32.
    """
    if x.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"x has dtype {x.dtype}, expected float32 or float64 (spikes are 0 or 1 in a float dtype)")
    if x.ndim != 1:
        raise ValueError(f"x has shape {x.shape}, expected one axis; use jax.vmap for a batch")
    check_backend(backend)
    ids, count = bind(compact_p, lax.stop_gradient(x), backend=backend)
    return ids, count
