"""The transpose of a sparse matrix, without moving it."""

from typing import Any

from jaxtyping import Array, Float

from .._interfaces import AbstractConnectivity, Row
from ._checks import check_length


class Transpose(AbstractConnectivity):
    """A view of a matrix with sources and targets exchanged. Its product gathers over all synapses.

    **Arguments:**

    - `matrix`: a `CSR`, a `FanOut` or a `Procedural`, whose property `T` this is.
    """

    matrix: Any

    @property
    def shape(self) -> tuple[int, int]:
        return self.matrix.shape[::-1]

    @property
    def nnz(self) -> int:
        return self.matrix.nnz

    def __call__(self, x: Float[Array, " pre"]) -> Float[Array, " post"]:
        return self.matrix.rproduct(x)

    def add_to(self, out: Float[Array, " post"], x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("Transpose.add_to", "out", out, self.shape[1])
        return out + self(x)

    @property
    def T(self) -> AbstractConnectivity:
        return self.matrix

    def todense(self) -> Float[Array, "pre post"]:
        return self.matrix.todense().T

    def to_csr(self) -> AbstractConnectivity:
        return self.matrix.to_csr().transposed()

    def row(self, i: int) -> Row:
        return self.to_csr().row(i)

    def __repr__(self) -> str:
        return f"Transpose({self.matrix!r})"
