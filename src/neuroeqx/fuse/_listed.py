"""Lists of spikes at the beginning and the end of a run; in between the loops keep them up to date (`_halves.py`)."""

from typing import Any

from ._flat import Value
from ._plan import Kept


def _own_lists(e: Any, inputs: list[Value]) -> list[tuple[Any, Value, bool]]:
    """Every list once, the array that has it, and whether that is carried from round to round."""
    carried, found = {id(inputs[i]) for i in e.carried}, []
    for own in {id(own): own for own in e.plan.lists.values()}.values():
        value = next((v for v in own.values if id(v) in carried), own.values[0])
        found.append((own, value, id(value) in carried))
    return found


def look_through(e: Any, inputs: list[Value]) -> None:
    """Makes the lists."""
    for own, value, is_carried in _own_lists(e, inputs):
        words = [e.address(value), e.size(value), e.data(*e.place(own.places)), e.word(own.kept)]
        e.call("list_active" if is_carried else "clear", words, [value.dtype.type])


def settle(e: Any, inputs: list[Value]) -> None:
    """Writes the arrays of which only the lists were kept."""
    for own, value, _ in _own_lists(e, inputs):
        if own.kept == Kept.LISTED:
            e.call("settle", [e.address(value), e.size(value), e.data(*e.place(own.places))], [value.dtype.type])
