"""Connections that are given and not drawn."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._interfaces import AbstractRule
from .._types import Initialiser, Key
from ._csr import CSR
from ._delays import as_delay, delays
from ._synapses import known
from ._weights import as_weight, weights


class Given(AbstractRule):
    """As made by `from_edges`, `from_scipy` and `from_dense`: a matrix that must fit the two populations."""

    matrix: CSR
    name: str = eqx.field(static=True)
    n_pre: int | None = eqx.field(static=True)
    n_post: int | None = eqx.field(static=True)
    # Weights that are drawn when the network is made, instead of those of `matrix`.
    weight: Initialiser | None = None
    delay: Initialiser | None = None  # likewise

    def __call__(self, n_pre: int, n_post: int, *, key: Key | None = None) -> CSR:
        least = self.matrix.shape
        for side, n, given, least_n in (
            ("sources", n_pre, self.n_pre, least[0]),
            ("targets", n_post, self.n_post, least[1]),
        ):
            if (given is not None and given != n) or least_n > n:
                raise ValueError(
                    f"{self.name}: the connections are between {least[0]} sources and {least[1]} targets, which does not "
                    f"fit {n} {side} (the populations have {n_pre} and {n_post} cells)."
                )
        weight = self.matrix.weight
        if self.weight is not None:
            weight = weights(self.name, self.weight, (self.matrix.nnz,), key)
        elif least == (n_pre, n_post) and self.delay is None:
            return self.matrix
        steps = self.matrix.delays if self.delay is None else delays(self.name, self.delay, (self.matrix.nnz,), key)
        indptr = np.asarray(self.matrix.indptr)
        indptr = np.concatenate([indptr, np.full(n_pre - least[0], indptr[-1])])
        return CSR(weight, self.matrix.indices, indptr, n_post, delays=steps)

    def __repr__(self) -> str:
        return f"{self.name}({self.matrix!r})"


def from_edges(
    pre: Any,
    post: Any,
    weight: Any = 1.0,
    n_pre: int | None = None,
    n_post: int | None = None,
    *,
    delay: Any = None,
) -> Given:
    """Connections from a list of edges. An edge that occurs twice is two synapses.

    **Arguments:**

    - `pre`, `post`: source and target of each edge, `[edges]`, in any order.
    - `weight`: one number, one per edge in the order given, or a function `(key, shape) -> array`.
    - `n_pre`, `n_post`: the numbers of sources and targets, which the populations must then have; by default those of the
        populations, whatever they are.
    - `delay`: the delay of each synapse in steps: one number, one per edge, or a function `(key, shape) -> array`. By
        default they have none of their own but that of their projection.

    `from_edges(pre, post, weight)(n_pre, n_post)` is the matrix itself, outside of a network.
    """
    pre, post = np.asarray(pre), np.asarray(post)
    if pre.ndim != 1 or pre.shape != post.shape:
        raise ValueError(f"from_edges: `pre` and `post` must be lists of one length, got {pre.shape} and {post.shape}.")
    for name, ends, n in (("pre", pre, n_pre), ("post", post, n_post)):
        if not np.issubdtype(ends.dtype, np.integer) and ends.size:
            raise TypeError(f"from_edges: `{name}` must be whole numbers, got {ends.dtype}.")
        if ends.size and (ends.min() < 0 or (n is not None and ends.max() >= n)):
            raise ValueError(f"from_edges: `{name}` goes from {ends.min()} to {ends.max()}, outside 0 ... {n}.")
    drawn = weight if callable(weight) else None
    weight = as_weight(1.0 if callable(weight) else _real("from_edges", weight))
    if weight.shape not in ((), pre.shape):
        raise ValueError(f"from_edges: `weight` must be one number or one per edge {pre.shape}, got {weight.shape}.")
    sizes = [
        n if n is not None else (int(ends.max()) + 1 if ends.size else 0) for n, ends in ((n_pre, pre), (n_post, post))
    ]
    order = np.lexsort((post, pre))
    indptr = np.searchsorted(pre[order], np.arange(sizes[0] + 1))
    values = weight if weight.ndim == 0 else jnp.asarray(known(weight)[order])
    given = None if callable(delay) else delays("from_edges", as_delay("from_edges", delay), pre.shape, None)
    steps = None if given is None else given[order]
    later = delay if callable(delay) else None
    return Given(CSR(values, post[order], indptr, sizes[1], delays=steps), "from_edges", n_pre, n_post, drawn, later)


def from_scipy(matrix: Any) -> Given:
    """Connections from a SciPy sparse matrix or array, sources along its rows.

    Stored zeros stay synapses. Entries of a COO matrix that occur twice become one, their sum, as SciPy has it; use
    `from_edges` to keep them apart.

    **Arguments:**

    - `matrix`: of weights, `[n_pre, n_post]`.
    """
    if getattr(matrix, "tocsr", None) is None:
        raise TypeError(
            f"from_scipy: `matrix` must be a SciPy sparse matrix or array, got {type(matrix).__name__}; for an array of "
            "all weights, use from_dense."
        )
    csr = _real("from_scipy", matrix).tocsr()
    if not csr.has_sorted_indices:
        csr = csr.sorted_indices()
    return Given(CSR(csr.data, csr.indices, csr.indptr, csr.shape[1]), "from_scipy", *csr.shape)


def from_dense(matrix: Float[Array, "pre post"] | np.ndarray, *, keep_zeros: bool = False) -> Given:
    """Connections from a matrix of weights, sources along its rows.

    **Arguments:**

    - `matrix`: of weights, `[n_pre, n_post]`.
    - `keep_zeros`: whether an entry of zero is a synapse (which training may change) or none.
    """
    values = _real("from_dense", np.asarray(matrix))
    if values.ndim != 2:
        raise ValueError(f"from_dense: `matrix` must have the axes (source, target), got shape {values.shape}.")
    present = np.ones(values.shape, bool) if keep_zeros else values != 0
    rows, columns = np.nonzero(present)
    indptr = np.searchsorted(rows, np.arange(values.shape[0] + 1))
    return Given(CSR(values[rows, columns], columns, indptr, values.shape[1]), "from_dense", *values.shape)


def _real(rule: str, values: Any) -> Any:
    """`values`, unless they are complex: conversion to weights would drop their imaginary parts."""
    if np.iscomplexobj(values):
        raise TypeError(f"{rule}: weights must be real, got complex numbers.")
    return values
