"""What functions of recorded series share."""

import math

from jaxtyping import Array, Float


def check_series(owner: str, name: str, x: Float[Array, "..."], least: int = 2) -> None:
    """Raise a `ValueError` unless `x` is `[time, ...]` with enough samples."""
    if x.ndim < 1 or x.shape[0] < least:
        raise ValueError(f"{owner}: `{name}` must have at least {least} samples along its first axis, got {x.shape}.")


def in_samples(owner: str, name: str, duration: float, dt: float, least: int = 1) -> int:
    """A duration in samples of `dt`; a `ValueError` if that is not a whole number."""
    exact = duration / dt
    samples = round(exact) if math.isfinite(exact) else 0
    if samples < least or abs(exact - samples) > 1e-6 * max(1.0, exact):
        raise ValueError(
            f"{owner}: `{name}` must be a multiple of the time between samples, {dt:g} ms, and at least {least * dt:g} "
            f"ms, got {duration:g} ms."
        )
    return samples
