"""Checks and descriptions that connectivities share."""

from typing import Any

from jaxtyping import Array


def check_length(owner: str, name: str, x: Array, n: int) -> None:
    """Raise a `ValueError` unless `x` is one vector of length `n`.

    Native code reads and writes where the indices tell it to, and sums and broadcasts would hide the mistake.
    """
    if x.shape != (n,):
        raise ValueError(f"{owner}: `{name}` must have shape ({n},), got {x.shape}; use jax.vmap for a batch.")


def check_row(owner: str, i: int, n_pre: int) -> None:
    if not 0 <= i < n_pre:
        raise IndexError(f"{owner}.row: `i` must lie in 0 ... {n_pre - 1}, got {i}.")


def describe(weight: Any, horizon: int) -> str:
    """What synapses have, for a description: `one weight, float32`."""
    kind = "one weight" if weight.ndim == 0 else "a weight each"
    delays = f", delays up to {horizon} steps" if horizon else ""
    return f"{kind}, {weight.dtype}{delays}"
