"""What a call in a native step is, and what cannot be one."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Unsupported(Exception):
    """An equation that native code cannot take, with the reason."""


class Kernel(NamedTuple):
    """A call of a kernel by its name, with words, for some dtypes."""

    name: str
    words: list[Any]
    dtypes: list[Any]


class Call(NamedTuple):
    """
    - `check`: raises `Unsupported` where native code cannot take an equation.
    - `emit`: writes it, given an emitter (`_emit.py`) and the operation.
    - `in_place`: from places of outputs to those of the inputs whose memory they take over.
    - `spikes`: the place of the input of which only the entries that are not zero are looked at, if any.
    - `takes_ones`: whether it takes those entries for ones where their list says so, without looking at the array.
    - `section`: given an emitter and an operation, a function that says what does it for a section of the places of the
      first output, to be called with two more words, the first place and the end; `None` where nothing can.
    """

    check: Callable[[Any], None]
    emit: Callable[[Any, Any], None]
    in_place: dict[int, int]
    spikes: int | None = None
    takes_ones: bool = False
    section: Callable[[Any, Any], Callable[[], Kernel] | None] = lambda e, operation: None
