"""What parameters of cells, synapses and sources must be."""

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
    _check(model, names, lambda x: (x <= 0.0) | (x > 1.0), "must be above 0 and at most 1")


def check_above(limit: float, model: eqx.Module, *names: str) -> None:
    """As `check_positive`, of another limit."""
    _check(model, names, lambda x: x <= limit, f"must be above {limit:g}")


def check_count(module: eqx.Module, name: str, of: str = "steps") -> None:
    """Raise a `ValueError` unless a field is a number of steps, or of other things."""
    n = getattr(module, name)
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"{type(module).__name__}: `{name}` must be a whole number of {of}, at least 1, got {n!r}.")


_RESET = "a spike would leave the neuron at or above its threshold"


def check_below(module: eqx.Module, low: str, high: str, why: str = _RESET) -> None:
    """Raise a `ValueError`, which says `why`, unless one parameter lies below another one everywhere."""
    below, above = _known(getattr(module, low)), _known(getattr(module, high))
    if below is None or above is None:
        return
    try:
        apart = below < above
    except ValueError:  # shapes that belong to different populations, of which `Population` speaks
        return
    if not np.all(apart):
        raise ValueError(
            f"{type(module).__name__}: `{low}` must lie below `{high}`, got {low} = {below} and {high} = {above}: "
            f"{why}."
        )


def check_broadcast(source: eqx.Module, *names: str) -> None:
    """Raise a `ValueError` naming the first of these parameters of a source that does not broadcast against its `shape`."""
    shape: tuple[int, ...] = source.shape  # pyright: ignore[reportAttributeAccessIssue]
    for name in names:
        value = getattr(source, name)
        try:
            fits = not eqx.is_array(value) or np.broadcast_shapes(value.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"{type(source).__name__}: `{name}` has shape {value.shape}, which does not broadcast to the shape {shape} "
                "of the source."
            )


def _check(model: eqx.Module, names: tuple[str, ...], is_bad: Any, rule: str) -> None:
    for name in names:
        found = _known(getattr(model, name))
        if found is not None and np.any(is_bad(found)):
            raise ValueError(f"{type(model).__name__}: `{name}` {rule}, got {found[is_bad(found)].min():g}.")


def _known(value: Any) -> np.ndarray | None:
    """The numbers of a parameter, unless it is being traced, stands for a shape, or is not finite (of which `check_finite`
    speaks)."""
    if not eqx.is_array(value) or is_tracer(value):
        return None
    array = np.asarray(value, np.float64)
    return array if np.all(np.isfinite(array)) else None
