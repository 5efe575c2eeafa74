"""One kind of connectivity as another."""

import jax.numpy as jnp
import numpy as np

from .._interfaces import AbstractConnectivity
from ._csr import CSR
from ._given import from_dense
from ._transpose import Transpose


def to_csr(matrix: AbstractConnectivity) -> CSR:
    """The same matrix in compressed rows.

    A transposed matrix gathers over all its synapses, whatever its input; transposed for good, it costs only what its
    active rows cost. Sorting is work for the host, so the matrix must not be traced, but its weights may be.

    **Arguments:**

    - `matrix`: any connectivity.

    **Returns:** a `CSR` with the synapses of a `CSR` or `Transpose`, and with the entries other than zero of anything
    else.
    """
    if isinstance(matrix, CSR):
        return matrix
    if isinstance(matrix, Transpose) and isinstance(matrix.matrix, CSR):
        csr = matrix.matrix
        indices, indptr = np.asarray(csr.indices), np.asarray(csr.indptr)
        order = np.argsort(indices, kind="stable")
        sources = np.repeat(np.arange(csr.shape[0], dtype=np.int32), np.diff(indptr))[order]
        counts = np.bincount(indices, minlength=csr.n_post)
        weight = csr.weight if csr.weight.ndim == 0 else csr.weight[jnp.asarray(order)]
        return CSR(weight, sources, np.concatenate([[0], np.cumsum(counts)]), csr.shape[0])
    return from_dense(np.asarray(matrix.todense()))(*matrix.shape)
