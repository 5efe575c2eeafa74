"""A sparse matrix in compressed rows."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .. import ops
from .._fields import as_parameter, check_finite
from .._interfaces import AbstractSparseConnectivity, Row
from .._types import is_tracer
from ._checks import check_length, check_row, describe
from ._synapses import as_integers, delays, join, targets
from ._transpose import Transpose


class CSR(AbstractSparseConnectivity):
    """Sparse connections, stored by source (compressed rows).

    `weight` is a trainable leaf; where the synapses are is not.

    **Arguments:**

    - `weight`: one number for all synapses, or one per synapse, `[nnz]`, in the unit of what it feeds.
    - `indices`: the target of each synapse, int32, `[nnz]`, ordered by source.
    - `indptr`: where each source begins in `indices`, `[n_pre + 1]`.
    - `n_post`: the number of targets.
    - `delays`: if synapses have a delay each, in steps, at least 1: `[nnz]`. They take part in networks only; a product
        is the sum over all of them.

    **Errors:** `ValueError` if these do not describe a matrix.
    """

    weight: Float[Array, ""] | Float[Array, " nnz"]
    columns: Int[Array, " nnz"]  # targets, and delays if there are any
    indptr: Int[Array, " rows_and_end"]
    n_post: int = eqx.field(static=True)
    horizon: int = eqx.field(static=True)

    def __init__(self, weight: Any, indices: Any, indptr: Any, n_post: int, *, delays: Any = None):
        self.weight = as_parameter(weight)
        self.indptr = as_integers("CSR", "indptr", indptr, wide=True)
        self.n_post = int(n_post)
        if self.n_post < 0:
            raise ValueError(f"CSR: `n_post` must not be negative, got {self.n_post}.")
        self.columns, self.horizon = join("CSR", indices, delays, self.n_post)

    def __check_init__(self) -> None:
        for name, values in (("indices", self.columns), ("indptr", self.indptr)):
            if values.ndim != 1:
                raise TypeError(
                    f"CSR: `{name}` must be a list of whole numbers, got {values.dtype}{list(values.shape)}."
                )
        if self.weight.shape not in ((), self.columns.shape):
            raise ValueError(
                f"CSR: `weight` must be one number or one per synapse {self.columns.shape}, got shape {self.weight.shape}."
            )
        if self.indptr.size == 0:
            raise ValueError("CSR: `indptr` must have one entry more than there are sources, got none.")
        check_finite(self)
        if is_tracer(self.columns) or is_tracer(self.indptr):
            return
        indptr, nnz = np.asarray(self.indptr), self.columns.size
        if indptr[0] != 0 or indptr[-1] != nnz or np.any(np.diff(indptr) < 0):
            raise ValueError(
                f"CSR: `indptr` must rise from 0 to the number of synapses, {nnz}; it goes from {indptr[0]} to "
                f"{indptr[-1]}" + (", and falls in between." if np.any(np.diff(indptr) < 0) else ".")
            )

    @property
    def shape(self) -> tuple[int, int]:
        return self.indptr.shape[0] - 1, self.n_post

    @property
    def nnz(self) -> int:
        return self.columns.shape[0]

    @property
    def indices(self) -> Int[Array, " nnz"]:
        """The target of each synapse."""
        return targets(self.columns, self.horizon, self.n_post)

    @property
    def delays(self) -> Int[Array, " nnz"] | None:
        """The delay of each synapse in steps, if they have any."""
        return delays(self.columns, self.horizon, self.n_post)

    @property
    def rows(self) -> Int[Array, " nnz"]:
        """The source of each synapse."""
        if not is_tracer(self.indptr):
            return jnp.asarray(np.repeat(np.arange(self.shape[0], dtype=np.int32), np.diff(self.indptr)))
        counts = jnp.diff(self.indptr)
        return jnp.repeat(jnp.arange(self.shape[0], dtype=jnp.int32), counts, total_repeat_length=self.nnz)

    def __call__(self, x: Float[Array, " pre"]) -> Float[Array, " post"]:
        return self.add_to(jnp.zeros(self.n_post, x.dtype), x)

    def add_to(self, out: Float[Array, " post"], x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("CSR", "x", x, self.shape[0])
        check_length("CSR.add_to", "out", out, self.n_post)
        return ops.csr.add_matvec(out, self.weight, self.indices, self.indptr, x)

    def deliver(
        self,
        out: Float[Array, " places"],
        x: Float[Array, " pre"],
        *,
        offset: Int[Array, ""] | None = None,
        active: tuple[Int[Array, " pre"], Int[Array, ""]] | None = None,
    ) -> Float[Array, " places"]:
        return ops.csr.add_matvec(out, self.weight, self.columns, self.indptr, x, active=active, offset=offset)

    def rproduct(self, g: Float[Array, " post"]) -> Float[Array, " pre"]:
        """`W @ g`."""
        check_length("CSR.T", "x", g, self.n_post)
        return ops.csr.rmatvec(self.weight, self.indices, self.indptr, g)

    @property
    def T(self) -> Transpose:
        return Transpose(self)

    def transposed(self) -> "CSR":
        """The transposed matrix, sorted by target. Unlike that of `T`, its product costs what its active rows cost."""
        indices = np.asarray(self.indices)
        order = np.argsort(indices, kind="stable")
        weight = self.weight if self.weight.ndim == 0 else self.weight[jnp.asarray(order)]
        indptr = np.concatenate([[0], np.cumsum(np.bincount(indices, minlength=self.n_post))])
        steps = None if self.delays is None else np.asarray(self.delays)[order]
        return CSR(weight, np.asarray(self.rows)[order], indptr, self.shape[0], delays=steps)

    def todense(self) -> Float[Array, "pre post"]:
        values = jnp.broadcast_to(self.weight, self.columns.shape)
        return jnp.zeros(self.shape, self.weight.dtype).at[self.rows, self.indices].add(values)

    def to_csr(self) -> "CSR":
        return self

    def row(self, i: int) -> Row:
        check_row("CSR", i, self.shape[0])
        start, stop = int(self.indptr[i]), int(self.indptr[i + 1])
        columns = self.columns[start:stop]
        steps = delays(columns, self.horizon, self.n_post)
        weights = np.broadcast_to(
            np.asarray(self.weight if self.weight.ndim == 0 else self.weight[start:stop]), columns.shape
        )
        ends = np.asarray(targets(columns, self.horizon, self.n_post))
        return Row(ends, weights, None if steps is None else np.asarray(steps))

    def __repr__(self) -> str:
        if not all(isinstance(x, jax.Array | jax.ShapeDtypeStruct) for x in (self.weight, self.columns, self.indptr)):
            return eqx.tree_pformat(self)  # half of a partition
        return f"CSR({self.shape[0]} x {self.shape[1]}, {self.nnz} synapses with {describe(self.weight, self.horizon)})"
