"""What NEST's parameters may be."""

import difflib
from typing import Any

import jax
import numpy as np

from .._types import is_tracer


def check_others(model: str, known: dict[str, Any], others: dict[str, Any], fixed: dict[str, Any]) -> None:
    """Refuse what `model` does not know or cannot do, by name.

    **Arguments:**

    - `known`: the parameters that it has.
    - `others`: what else was given.
    - `fixed`: parameters of NEST's model that can have one value only, or any (`None`).
    """
    for name, value in others.items():
        if name not in fixed:
            near = difflib.get_close_matches(name, [*known, *fixed], 1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            raise TypeError(f"nest.{model}: unknown parameter `{name}`; there are {', '.join(sorted(known))}.{hint}")
        if fixed[name] is not None and value != fixed[name]:
            raise ValueError(
                f"nest.{model}: `{name}` = {value!r} is not supported, only NEST's default {fixed[name]!r}."
            )


def check_values(
    model: str, values: dict[str, Any], positive: tuple[str, ...] = (), below: tuple[tuple[str, str], ...] = ()
) -> None:
    """Raise an error that names the parameter where one is no number, where `positive` ones or `t_ref` have a wrong sign, or
    where the first of a pair is not `below` the second."""
    numbers = {name: _number(model, name, value) for name, value in values.items() if not _unknown(value)}
    for name, value in numbers.items():
        bad = value <= 0.0 if name in positive else value < 0.0 if name == "t_ref" else np.zeros(1, bool)
        if np.any(bad):
            rule = "positive" if name in positive else "not negative"
            raise ValueError(f"nest.{model}: `{name}` must be {rule}, got {value.min():g}.")
    for low, high in below:
        if low in numbers and high in numbers and np.any(numbers[low] >= numbers[high]):
            raise ValueError(
                f"nest.{model}: `{low}` must be below `{high}`, got {numbers[low].max():g} and {numbers[high].min():g} mV."
            )


def _unknown(value: Any) -> bool:
    return value is None or callable(value) or is_tracer(value) or isinstance(value, jax.ShapeDtypeStruct)


def _number(model: str, name: str, value: Any) -> np.ndarray:
    try:
        number = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"nest.{model}: `{name}` must be a number or an array of numbers, got {value!r}.") from None
    if not np.all(np.isfinite(number)):
        raise ValueError(f"nest.{model}: `{name}` must be finite, got {number}.")
    return number
