"""What a call in a native step is, and what cannot be one."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Unsupported(Exception):
    """An equation that native code cannot take, with the reason."""


class Call(NamedTuple):
    """
    - `check`: raises `Unsupported` where native code cannot take an equation.
    - `emit`: writes it, given an emitter (`_emit.py`) and the operation.
    - `in_place`: from places of outputs to those of the inputs whose memory they take over.
    - `spikes`: the place of the input of which only the entries that are not zero are looked at, if any.
    """

    check: Callable[[Any], None]
    emit: Callable[[Any, Any], None]
    in_place: dict[int, int]
    spikes: int | None = None
