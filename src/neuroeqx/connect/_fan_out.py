"""A sparse matrix with a fixed number of synapses per source."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .. import ops
from .._fields import as_parameter, check_finite
from .._interfaces import AbstractSparseConnectivity, Row
from ._checks import check_length, check_row, describe
from ._csr import CSR
from ._synapses import delays, join, targets
from ._transpose import Transpose


class FanOut(AbstractSparseConnectivity):
    """Sparse connections with the same number of synapses for every source.

    As `CSR` without row pointers, and the better layout for GPUs.

    **Arguments:**

    - `weight`: one number for all synapses, or one per synapse, `[n_pre, k]`, in the unit of what it feeds.
    - `indices`: the targets of each source, int32, `[n_pre, k]`.
    - `n_post`: the number of targets.
    - `delays`: if synapses have a delay each, in steps, at least 1: `[n_pre, k]`. As in `CSR`.

    **Errors:** `ValueError` if these do not describe a matrix.
    """

    weight: Float[Array, ""] | Float[Array, "pre k"]
    columns: Int[Array, "pre k"]  # targets, and delays if there are any
    n_post: int = eqx.field(static=True)
    horizon: int = eqx.field(static=True)

    def __init__(self, weight: Any, indices: Any, n_post: int, *, delays: Any = None):
        self.weight = as_parameter(weight)
        self.n_post = int(n_post)
        self.columns, self.horizon = join("FanOut", indices, delays, self.n_post)

    def __check_init__(self) -> None:
        if self.columns.ndim != 2:
            raise ValueError(f"FanOut: `indices` must have the axes (source, synapse), got shape {self.columns.shape}.")
        if self.weight.shape not in ((), self.columns.shape):
            raise ValueError(
                f"FanOut: `weight` must be one number or one per synapse {self.columns.shape}, got shape "
                f"{self.weight.shape}."
            )
        if self.n_post < 0:
            raise ValueError(f"FanOut: `n_post` must not be negative, got {self.n_post}.")
        check_finite(self)

    @property
    def shape(self) -> tuple[int, int]:
        return self.columns.shape[0], self.n_post

    @property
    def nnz(self) -> int:
        return self.columns.size

    @property
    def indices(self) -> Int[Array, "pre k"]:
        """The targets of each source."""
        return targets(self.columns, self.horizon, self.n_post)

    @property
    def delays(self) -> Int[Array, "pre k"] | None:
        """The delay of each synapse in steps, if they have any."""
        return delays(self.columns, self.horizon, self.n_post)

    def __call__(self, x: Float[Array, " pre"]) -> Float[Array, " post"]:
        return self.add_to(jnp.zeros(self.n_post, x.dtype), x)

    def add_to(self, out: Float[Array, " post"], x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("FanOut", "x", x, self.shape[0])
        check_length("FanOut.add_to", "out", out, self.n_post)
        return ops.fanout.add_matvec(out, self.weight, self.indices, x)

    def deliver(
        self,
        out: Float[Array, " places"],
        x: Float[Array, " pre"],
        *,
        offset: Int[Array, ""] | None = None,
        active: tuple[Int[Array, " pre"], Int[Array, ""]] | None = None,
    ) -> Float[Array, " places"]:
        return ops.fanout.add_matvec(out, self.weight, self.columns, x, active=active, offset=offset)

    def rproduct(self, g: Float[Array, " post"]) -> Float[Array, " pre"]:
        """`W @ g`."""
        check_length("FanOut.T", "x", g, self.n_post)
        return ops.fanout.rmatvec(self.weight, self.indices, g)

    @property
    def T(self) -> Transpose:
        return Transpose(self)

    def todense(self) -> Float[Array, "pre post"]:
        rows = jnp.arange(self.shape[0])[:, None].repeat(self.columns.shape[1], axis=1)
        values = jnp.broadcast_to(self.weight, self.columns.shape)
        return jnp.zeros(self.shape, self.weight.dtype).at[rows, self.indices].add(values)

    def to_csr(self) -> CSR:
        n_pre, k = self.columns.shape
        weight = self.weight if self.weight.ndim == 0 else self.weight.reshape(-1)
        steps = None if self.delays is None else self.delays.reshape(-1)
        return CSR(weight, self.indices.reshape(-1), np.arange(n_pre + 1) * k, self.n_post, delays=steps)

    def row(self, i: int) -> Row:
        check_row("FanOut", i, self.shape[0])
        columns = self.columns[i]
        steps = delays(columns, self.horizon, self.n_post)
        weights = np.broadcast_to(np.asarray(self.weight if self.weight.ndim == 0 else self.weight[i]), columns.shape)
        ends = np.asarray(targets(columns, self.horizon, self.n_post))
        return Row(ends, weights, None if steps is None else np.asarray(steps))

    def __repr__(self) -> str:
        if not all(isinstance(x, jax.Array | jax.ShapeDtypeStruct) for x in (self.weight, self.columns)):
            return eqx.tree_pformat(self)  # half of a partition
        n_pre, k = self.columns.shape
        return f"FanOut({n_pre} x {self.n_post}, {k} synapses per source with {describe(self.weight, self.horizon)})"
