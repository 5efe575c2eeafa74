"""The i-th source to the i-th target."""

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
from ._weights import as_weight, show, weights


class OneToOne(AbstractConnectivity):
    """A diagonal matrix.

    **Arguments:**

    - `weight`: one number for all pairs, or one per pair, `[n]`, in the unit of what it feeds.
    - `n`: the number of pairs.
    """

    weight: Float[Array, ""] | Float[Array, " n"]
    n: int = eqx.field(static=True)

    def __init__(self, weight: Any, n: int):
        self.weight = as_parameter(weight)
        self.n = n

    def __check_init__(self) -> None:
        if self.weight.shape not in ((), (self.n,)):
            raise ValueError(f"OneToOne: `weight` must be a number or of shape ({self.n},), got {self.weight.shape}.")
        check_finite(self)

    @property
    def shape(self) -> tuple[int, int]:
        return self.n, self.n

    @property
    def nnz(self) -> int:
        return self.n

    def __call__(self, x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("OneToOne", "x", x, self.n)
        return self.weight * x

    def add_to(self, out: Float[Array, " post"], x: Float[Array, " pre"]) -> Float[Array, " post"]:
        check_length("OneToOne.add_to", "out", out, self.n)
        return out + self(x)

    @property
    def T(self) -> "OneToOne":
        return self

    def todense(self) -> Float[Array, "pre post"]:
        return jnp.diag(jnp.broadcast_to(self.weight, (self.n,)))

    def to_csr(self) -> CSR:
        return CSR(self.weight, np.arange(self.n), np.arange(self.n + 1), self.n)

    def row(self, i: int) -> Row:
        check_row("OneToOne", i, self.n)
        return Row(np.array([i]), np.asarray(jnp.broadcast_to(self.weight, (self.n,))[i])[None], None)

    def __repr__(self) -> str:
        return f"OneToOne({self.n})"


class OneToOneRule(AbstractRule):
    """As made by `one_to_one`."""

    weight: Any

    def __call__(self, n_pre: int, n_post: int, *, key: Key | None = None) -> OneToOne:
        if n_pre != n_post:
            raise ValueError(f"one_to_one needs as many sources as targets, got {n_pre} and {n_post}.")
        return OneToOne(weights("one_to_one", self.weight, (n_pre,), key), n_pre)

    def __repr__(self) -> str:
        return f"one_to_one(weight={show(self.weight)})"


def one_to_one(weight: Any = 1.0) -> OneToOneRule:
    """The i-th source to the i-th target.

    **Arguments:**

    - `weight`: a number, an array `[n]`, or a function `(key, shape) -> array`.
    """
    return OneToOneRule(as_weight(weight))
