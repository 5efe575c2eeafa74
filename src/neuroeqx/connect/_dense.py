"""A stored matrix with all its entries."""

import equinox as eqx
import jax
from jaxtyping import Array, Float

from .. import ops
from .._fields import check_finite, param
from .._interfaces import AbstractConnectivity
from .._types import Parameter
from ._checks import check_length


class Dense(AbstractConnectivity):
    """All-to-all connections with a weight each.

    **Arguments:**

    - `weight`: `[n_pre, n_post]`.
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

    def __repr__(self) -> str:
        if not isinstance(self.weight, jax.Array | jax.ShapeDtypeStruct):
            return eqx.tree_pformat(self)  # half of a partition
        return f"Dense({self.shape[0]} x {self.shape[1]}, {self.weight.dtype})"
