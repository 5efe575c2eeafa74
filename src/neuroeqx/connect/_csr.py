"""A sparse matrix in compressed rows."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .. import ops
from .._fields import as_parameter, check_finite
from .._interfaces import AbstractConnectivity
from .._types import is_tracer
from ._checks import check_length
from ._transpose import Transpose


class CSR(AbstractConnectivity):
    """Sparse connections, stored by source (compressed rows).

    `weight` is a trainable leaf; where the synapses are is not.

    **Arguments:**

    - `weight`: one number for all synapses, or one per synapse, `[nnz]`.
    - `indices`: the target of each synapse, int32, `[nnz]`, ordered by source.
    - `indptr`: where each source begins in `indices`, `[n_pre + 1]`.
    - `n_post`: the number of targets.

    **Errors:** `ValueError` if these do not describe a matrix.
    """

    weight: Float[Array, ""] | Float[Array, " nnz"]
    indices: Int[Array, " nnz"]
    indptr: Int[Array, " rows_and_end"]
    n_post: int = eqx.field(static=True)

    def __init__(self, weight: Any, indices: Any, indptr: Any, n_post: int):
        self.weight = as_parameter(weight)
        self.indices = _as_integers("indices", indices)
        self.indptr = _as_integers("indptr", indptr)
        self.n_post = int(n_post)

    def __check_init__(self) -> None:
        if self.weight.shape not in ((), self.indices.shape):
            raise ValueError(
                f"CSR: `weight` must be one number or one per synapse {self.indices.shape}, got shape {self.weight.shape}."
            )
        if self.indptr.size == 0:
            raise ValueError("CSR: `indptr` must have one entry more than there are sources, got none.")
        if self.n_post < 0:
            raise ValueError(f"CSR: `n_post` must not be negative, got {self.n_post}.")
        check_finite(self)
        if is_tracer(self.indices) or is_tracer(self.indptr):
            return
        indptr, indices = np.asarray(self.indptr), np.asarray(self.indices)
        if indptr[0] != 0 or indptr[-1] != indices.size or np.any(np.diff(indptr) < 0):
            raise ValueError(
                f"CSR: `indptr` must rise from 0 to the number of synapses, {indices.size}; it goes from {indptr[0]} to "
                f"{indptr[-1]}" + (", and falls in between." if np.any(np.diff(indptr) < 0) else ".")
            )
        if indices.size and not (indices.min() >= 0 and indices.max() < self.n_post):
            raise ValueError(
                f"CSR: `indices` must lie in 0 ... {self.n_post - 1}, got {indices.min()} ... {indices.max()}."
            )

    @property
    def shape(self) -> tuple[int, int]:
        return self.indptr.shape[0] - 1, self.n_post

    @property
    def nnz(self) -> int:
        return self.indices.shape[0]

    @property
    def nbytes(self) -> int:
        """The memory of the matrix."""
        return self.weight.nbytes + self.indices.nbytes + self.indptr.nbytes

    def __call__(self, x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("CSR", "x", x, self.shape[0])
        return ops.csr.matvec(self.weight, self.indices, self.indptr, x, n_post=self.n_post)

    def add_to(self, out: Float[Array, " post"], x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("CSR", "x", x, self.shape[0])
        check_length("CSR.add_to", "out", out, self.n_post)
        return ops.csr.add_matvec(out, self.weight, self.indices, self.indptr, x)

    def rproduct(self, g: Float[Array, " post"]) -> Float[Array, " pre"]:
        """`W @ g`."""
        check_length("CSR.T", "x", g, self.n_post)
        return ops.csr.rmatvec(self.weight, self.indices, self.indptr, g)

    @property
    def T(self) -> Transpose:
        return Transpose(self)

    @property
    def rows(self) -> Int[Array, " nnz"]:
        """The source of each synapse."""
        counts = jnp.diff(self.indptr)
        return jnp.repeat(jnp.arange(self.shape[0], dtype=jnp.int32), counts, total_repeat_length=self.nnz)

    def todense(self) -> Float[Array, "pre post"]:
        values = jnp.broadcast_to(self.weight, self.indices.shape)
        return jnp.zeros(self.shape, self.weight.dtype).at[self.rows, self.indices].add(values)

    def row(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """The targets and weights of source `i`, on the host."""
        if not 0 <= i < self.shape[0]:
            raise IndexError(f"CSR.row: `i` must lie in 0 ... {self.shape[0] - 1}, got {i}.")
        start, stop = int(self.indptr[i]), int(self.indptr[i + 1])
        weights = np.broadcast_to(np.asarray(self.weight), (self.nnz,))
        return np.asarray(self.indices)[start:stop], weights[start:stop]

    def __repr__(self) -> str:
        if not all(isinstance(x, jax.Array | jax.ShapeDtypeStruct) for x in (self.weight, self.indices, self.indptr)):
            return eqx.tree_pformat(self)  # half of a partition
        kind = "one weight" if self.weight.ndim == 0 else "a weight each"
        return f"CSR({self.shape[0]} x {self.shape[1]}, {self.nnz} synapses with {kind}, {self.weight.dtype})"


def _as_integers(name: str, values: Any) -> Array:
    values = values if isinstance(values, jax.Array) else np.asarray(values)
    if values.ndim != 1 or not (np.issubdtype(values.dtype, np.integer) or values.size == 0):
        raise TypeError(f"CSR: `{name}` must be a list of whole numbers, got {values.dtype}{list(values.shape)}.")
    if is_tracer(values) or values.size == 0 or values.dtype == np.int32:
        return jnp.asarray(values, jnp.int32)
    # Checked before it is converted: conversion would wrap a number that is too large into one that looks valid.
    low, high = int(values.min()), int(values.max())
    if name == "indptr" and high >= 2**31:
        if not jax.config.read("jax_enable_x64"):
            raise ValueError(f"CSR: {high} synapses need 64-bit row pointers: set jax_enable_x64.")
        return jnp.asarray(values, jnp.int64)
    if low < 0 or high >= 2**31:
        raise ValueError(f"CSR: `{name}` must not be negative and fit into 32 bits, got {low} ... {high}.")
    return jnp.asarray(values, jnp.int32)
