"""The field of a limit of weights."""

from typing import Any

import equinox as eqx
from jaxtyping import Array

from .._fields import as_parameter


def bound(default: float | None) -> Any:
    """A field that holds a number, or `None` where there is no limit."""
    return eqx.field(converter=_as_bound, default=default)


def _as_bound(value: Any) -> Array | None:
    return None if value is None else as_parameter(value)
