"""Where the synapses of a matrix are, in compiled code."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Int

from ..connect import CSR, Dense, FanOut


def places(owner: str, comm: Any) -> tuple[Int[Array, " synapses"], Any, Any]:
    """The source, the target and the delay in steps (`None` if synapses have none of their own) of each synapse, in the order
    of the weights.

    **Errors:** `TypeError` for a matrix that does not store its synapses.
    """
    if not isinstance(comm, Dense | CSR | FanOut):
        raise TypeError(
            f"{owner}: the synapses of {type(comm).__name__} are not stored one by one; use its `to_csr()`, or another method."
        )
    n_pre, n_post = comm.shape
    every = jnp.arange(n_pre, dtype=jnp.int32)
    if isinstance(comm, Dense):
        return jnp.repeat(every, n_post), jnp.tile(jnp.arange(n_post, dtype=jnp.int32), n_pre), None
    columns = comm.columns.reshape(-1)
    if isinstance(comm, CSR):
        sources = jnp.repeat(every, jnp.diff(comm.indptr), total_repeat_length=columns.shape[0])
    else:
        sources = jnp.repeat(every, comm.columns.shape[1])
    if not comm.horizon:
        return sources, columns, None
    return sources, columns % n_post, columns // n_post + 1
