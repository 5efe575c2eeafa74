"""Checks that connectivities share."""

from jaxtyping import Array


def check_length(owner: str, name: str, x: Array, n: int) -> None:
    """Raise a `ValueError` unless `x` is one vector of length `n`.

    Native code reads and writes where the indices tell it to, and sums and broadcasts would hide the mistake.
    """
    if x.shape != (n,):
        raise ValueError(f"{owner}: `{name}` must have shape ({n},), got {x.shape}; use jax.vmap for a batch.")
