"""What parameters of cells and synapses must be."""

from typing import Any

import equinox as eqx
import numpy as np

from ._types import is_tracer


def check_positive(model: eqx.Module, *names: str) -> None:
    """Raise a `ValueError` naming the first of these parameters that is not positive everywhere; traced ones pass."""
    _check(model, names, lambda x: x <= 0.0, "must be positive")


def check_not_negative(model: eqx.Module, *names: str) -> None:
    """As `check_positive`, with zero allowed."""
    _check(model, names, lambda x: x < 0.0, "must not be negative")


def check_fraction(model: eqx.Module, *names: str) -> None:
    """As `check_positive`, with one as the greatest value."""
    _check(model, names, lambda x: (x <= 0.0) | (np.isfinite(x) & (x > 1.0)), "must be above 0 and at most 1")


def _check(model: eqx.Module, names: tuple[str, ...], is_bad: Any, rule: str) -> None:
    for name in names:
        value = getattr(model, name)
        if not eqx.is_array(value) or is_tracer(value):
            continue
        found = np.asarray(value, np.float64).ravel()
        bad = found[is_bad(found)]
        if bad.size:
            raise ValueError(f"{type(model).__name__}: `{name}` {rule}, got {bad[0]:g}.")
