"""A stored matrix with all its entries."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from .. import ops
from .._fields import check_finite, param
from .._interfaces import AbstractConnectivity, Row
from .._types import Parameter
from ._checks import check_length, check_row
from ._csr import CSR


class Dense(AbstractConnectivity):
    """All-to-all connections with a weight each.

    **Arguments:**

    - `weight`: `[n_pre, n_post]`, in the unit of what it feeds.
    """

    weight: Parameter = param()

    def __check_init__(self) -> None:
        if self.weight.ndim != 2:
            raise ValueError(f"Dense: `weight` must have the axes (source, target), got shape {self.weight.shape}.")
        check_finite(self)

    @property
    def shape(self) -> tuple[int, int]:
        return self.weight.shape  # pyright: ignore[reportReturnType]

    @property
    def nnz(self) -> int:
        return self.weight.size

    def __call__(self, x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("Dense", "x", x, self.shape[0])
        return ops.dense.matvec(self.weight, x)

    def add_to(self, out: Float[Array, " post"], x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("Dense", "x", x, self.shape[0])
        check_length("Dense.add_to", "out", out, self.shape[1])
        return ops.dense.add_matvec(out, self.weight, x)

    @property
    def T(self) -> "Dense":
        return Dense(self.weight.T)

    def todense(self) -> Float[Array, "pre post"]:
        return self.weight

    def to_csr(self) -> CSR:
        """As `AbstractConnectivity.to_csr`: a synapse for every entry that is not zero."""
        weight = np.asarray(self.weight)
        rows, columns = np.nonzero(weight)
        return CSR(weight[rows, columns], columns, np.searchsorted(rows, np.arange(self.shape[0] + 1)), self.shape[1])

    def row(self, i: int) -> Row:
        check_row("Dense", i, self.shape[0])
        return Row(np.arange(self.shape[1]), np.asarray(self.weight[i]), None)

    def __repr__(self) -> str:
        if not isinstance(self.weight, jax.Array | jax.ShapeDtypeStruct):
            return eqx.tree_pformat(self)  # half of a partition
        return f"Dense({self.shape[0]} x {self.shape[1]}, {self.weight.dtype})"
