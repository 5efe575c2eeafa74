"""Where the membrane potential sits in a cell's state."""

import dataclasses

import equinox as eqx
from jaxtyping import Array, Float

from ._types import State


def voltage(state: State) -> Float[Array, "..."]:
    """The membrane potential of a cell's state: the state itself if it is an array, else its field `v`.

    **Errors:** `TypeError` if the state is neither; give it a field (or property) called `v`.
    """
    if eqx.is_inexact_array(state):
        return state
    try:
        return state.v
    except AttributeError:
        raise TypeError(
            f"The state of type {type(state).__name__} has no voltage: a cell's state must be a floating-point array "
            "(the voltage) or a Module with a field `v`."
        ) from None


def with_voltage(state: State, v: Float[Array, "..."]) -> State:
    """The same state with another membrane potential, of the same shape."""
    voltage(state)  # for its error
    if eqx.is_inexact_array(state):
        return v
    names = [field.name for field in dataclasses.fields(state)]
    if "v" in names:
        return eqx.tree_at(lambda s: s.v, state, v)
    # Where `v` is a property it is either that of a wrapper, and the voltage belongs to the cell inside, or another name of a
    # variable.
    if "cell" in names:
        return eqx.tree_at(lambda s: s.cell, state, with_voltage(state.cell, v))
    own = [name for name in names if getattr(state, name) is voltage(state)]
    if not own:
        raise TypeError(
            f"The voltage of {type(state).__name__} is not one of its variables {sorted(names)}, so it cannot be set; give "
            "the whole state, as in Population(..., y0=...)."
        )
    return eqx.tree_at(lambda s: getattr(s, own[0]), state, v)
