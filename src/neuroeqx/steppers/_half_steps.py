"""Two half-steps of the voltage, then the rest."""

from typing import Any

import jax.tree_util as jtu

from .._interfaces import AbstractStepper
from .._types import Key, Time, VectorField, Y


class HalfSteps(AbstractStepper):
    """The scheme of Izhikevich (2003): the first variable, a cell's voltage, moves by forward Euler in two halves of the
    step, then the others in one step from its new value. Order 1."""

    @property
    def order(self) -> int:
        return 1

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        del key
        leaves, treedef = jtu.tree_flatten(y)
        v, others = leaves[0], leaves[1:]
        for start in (t, t + dt / 2):
            v = v + dt / 2 * jtu.tree_leaves(vector_field(start, treedef.unflatten([v, *others]), args))[0]
        slopes = jtu.tree_leaves(vector_field(t, treedef.unflatten([v, *others]), args))[1:]
        return treedef.unflatten([v, *(x + dt * f for x, f in zip(others, slopes, strict=True))])
