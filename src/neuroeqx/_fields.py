"""Dataclass fields of a model: parameters (arrays, trainable) and static configuration."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ._types import is_tracer


def as_parameter(value: Any) -> Array:
    """A strongly typed floating-point array.

    A Python float kept as a field would retrace the program for each new value and receive no gradient; a weakly typed
    array would change dtype on its first update. So parameters are converted once, at construction.

    **Arguments:**

    - `value`: a number, a (nested) list, or a NumPy or JAX array. Integers become the default float dtype.

    **Returns:** an array of the default float dtype, or of the given one if it is floating-point already.
    """
    if isinstance(value, jax.Array | np.ndarray | np.generic) and jnp.issubdtype(value.dtype, jnp.floating):
        return jnp.asarray(value, dtype=jax.dtypes.canonicalize_dtype(value.dtype))
    if isinstance(value, jax.ShapeDtypeStruct):
        return value  # pyright: ignore[reportReturnType]  (abstract evaluation passes shapes for arrays)
    if np.iscomplexobj(value):
        raise TypeError(f"A parameter must be real, got {value!r}.")
    try:
        return jnp.asarray(value, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(f"A parameter must be a number or an array of numbers, got {value!r}.") from error


def param(default: Any = dataclasses.MISSING, **kwargs: Any) -> Any:
    """A field that holds a model parameter: converted by `as_parameter`, trainable, checked to be finite.

    **Arguments:**

    - `default`: the value used when none is given; required at construction if left out.
    """
    if default is not dataclasses.MISSING:
        kwargs["default"] = default
    return eqx.field(converter=as_parameter, **kwargs)


def static(default: Any = dataclasses.MISSING, **kwargs: Any) -> Any:
    """A field that is part of the program's structure: hashable, never traced, a new value compiles anew."""
    if default is not dataclasses.MISSING:
        kwargs["default"] = default
    return eqx.field(static=True, **kwargs)


def as_shape(owner: str, shape: Any) -> tuple[int, ...]:
    """A tuple of sizes from a number of cells or a sequence of them; `owner` is named in errors."""
    sizes = (shape,) if isinstance(shape, int | np.integer) and not isinstance(shape, bool) else shape
    if not isinstance(sizes, tuple | list) or any(not isinstance(n, int | np.integer) for n in sizes):
        raise TypeError(f"{owner}: `shape` must be a whole number of cells or a tuple of them, got {shape!r}.")
    if any(n < 0 for n in sizes):
        raise ValueError(f"{owner}: `shape` must not be negative, got {shape!r}.")
    return tuple(int(n) for n in sizes)


def check_finite(module: eqx.Module) -> None:
    """Raise a `ValueError` naming the first parameter of `module` that holds NaN or infinity.

    Only concrete arrays among the module's own fields are looked at: values that are being traced cannot be, and
    modules held in fields have checked themselves.
    """
    for field in dataclasses.fields(module):
        value = getattr(module, field.name, None)
        if not eqx.is_inexact_array(value) or is_tracer(value):
            continue
        if not np.all(np.isfinite(np.asarray(value))):
            bad = np.asarray(value).ravel()
            shown = bad[~np.isfinite(bad)][0]
            raise ValueError(
                f"{type(module).__name__}: parameter `{field.name}` must be finite, but it contains {shown}. "
                "Check where this value was computed."
            )


def check_positive(module: eqx.Module, *names: str) -> None:
    """Raise a `ValueError` naming the first of these parameters that is not positive everywhere."""
    for name in names:
        value = _known(getattr(module, name))
        if value is not None and np.any(value <= 0.0):
            raise ValueError(
                f"{type(module).__name__}: parameter `{name}` must be positive, but it contains {value.min():g}."
            )


def check_below(module: eqx.Module, low: str, high: str) -> None:
    """Raise a `ValueError` unless one parameter lies below another one everywhere."""
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
            "a spike would leave the neuron at or above its threshold."
        )


def _known(value: Any) -> np.ndarray | None:
    """The value of a parameter, unless it is being traced, stands for a shape, or is not finite (of which `check_finite`
    speaks)."""
    if is_tracer(value) or isinstance(value, jax.ShapeDtypeStruct):
        return None
    array = np.asarray(value)
    return array if np.all(np.isfinite(array)) else None
