"""Every source to every target, with one weight."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._fields import as_parameter, check_finite
from .._interfaces import AbstractConnectivity, AbstractRule, Row
from .._types import Key
from ._checks import check_length, check_row
from ._csr import CSR
from ._dense import Dense
from ._draw import check_autapses
from ._weights import as_weight, show, Weight, weights


class AllToAll(AbstractConnectivity):
    """All pairs with the same weight. The product costs one sum, whatever the number of pairs.

    **Arguments:**

    - `weight`: a number, in the unit of what it feeds.
    - `shape`: `(n_pre, n_post)`.
    - `autapses`: whether a cell is connected to itself.
    """

    weight: Float[Array, ""]
    sizes: tuple[int, int] = eqx.field(static=True)
    autapses: bool = eqx.field(static=True)

    def __init__(self, weight: Any, shape: tuple[int, int], autapses: bool = True):
        self.weight = as_parameter(weight)
        self.sizes = (int(shape[0]), int(shape[1]))
        self.autapses = autapses

    def __check_init__(self) -> None:
        if self.weight.ndim != 0:
            raise ValueError(f"AllToAll: `weight` must be a number, got shape {self.weight.shape}; use Dense(weight).")
        check_finite(self)
        check_autapses("AllToAll", *self.shape, self.autapses)

    @property
    def shape(self) -> tuple[int, int]:
        return self.sizes

    @property
    def nnz(self) -> int:
        return self.shape[0] * self.shape[1] - (0 if self.autapses else self.shape[0])

    def __call__(self, x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("AllToAll", "x", x, self.shape[0])
        total = (x.sum() * self.weight)[None]
        others = total.repeat(self.shape[1])
        return others if self.autapses else others - self.weight * x

    def add_to(self, out: Float[Array, " post"], x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("AllToAll.add_to", "out", out, self.shape[1])
        return out + self(x)

    @property
    def T(self) -> "AllToAll":
        return AllToAll(self.weight, (self.sizes[1], self.sizes[0]), self.autapses)

    def todense(self) -> Float[Array, "pre post"]:
        full = jnp.full(self.shape, self.weight)
        return full if self.autapses else full - jnp.diag(jnp.full(self.shape[0], self.weight))

    def to_csr(self) -> CSR:
        n_pre, n_post = self.shape
        every = np.tile(np.arange(n_post), n_pre), np.arange(n_pre + 1) * n_post
        columns, indptr = every if self.autapses else _others(n_pre)
        return CSR(self.weight, columns, indptr, n_post)

    def row(self, i: int) -> Row:
        check_row("AllToAll", i, self.shape[0])
        targets = np.arange(self.shape[1])
        targets = targets if self.autapses else np.delete(targets, i)
        return Row(targets, np.broadcast_to(np.asarray(self.weight), targets.shape), None)

    def __repr__(self) -> str:
        return f"AllToAll({self.shape[0]} x {self.shape[1]}" + ("" if self.autapses else ", without autapses") + ")"


def _others(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns and row pointers of all pairs but the diagonal."""
    return np.nonzero(~np.eye(n, dtype=bool))[1], np.arange(n + 1) * max(n - 1, 0)


class AllToAllRule(AbstractRule):
    """As made by `all_to_all`."""

    weight: Any
    autapses: bool = eqx.field(static=True)

    def __call__(self, n_pre: int, n_post: int, *, key: Key | None = None) -> AllToAll | Dense | CSR:
        check_autapses("all_to_all", n_pre, n_post, self.autapses)
        values = weights("all_to_all", self.weight, (n_pre, n_post), key)
        if values.ndim == 0:
            return AllToAll(values, (n_pre, n_post), self.autapses)
        if self.autapses:
            return Dense(values)
        # Zeros on the diagonal of a Dense would be weights like any others, and training would move them.
        columns, indptr = _others(n_pre)
        return CSR(values[np.repeat(np.arange(n_pre), np.diff(indptr)), columns], columns, indptr, n_post)

    def __repr__(self) -> str:
        return f"all_to_all(weight={show(self.weight)}" + ("" if self.autapses else ", autapses=False") + ")"


def all_to_all(weight: Weight = 1.0, *, autapses: bool = True) -> AllToAllRule:
    """Every source to every target.

    **Arguments:**

    - `weight`: a number, an array `[n_pre, n_post]`, or a function `(key, shape) -> array`.
    - `autapses`: whether a cell is connected to itself. If not, the diagonal of an array is left out.

    The network makes an `AllToAll` of it, or a `Dense` where each synapse has its own weight (without autapses a `CSR`).
    """
    return AllToAllRule(as_weight(weight), autapses)
