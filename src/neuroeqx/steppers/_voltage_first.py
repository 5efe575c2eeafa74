"""The voltage, then the rest."""

from typing import Any

import equinox as eqx
import jax.tree_util as jtu

from .._checks import check_count
from .._interfaces import AbstractStepper
from .._types import Key, Time, VectorField, Y


class VoltageFirst(AbstractStepper):
    """The schemes of the programs of Izhikevich (2003) and Izhikevich (2004): the first variable, a cell's voltage, moves by
    forward Euler in `n` equal parts of the step, then the others in one step from its new value. Order 1.

    **Arguments:**

    - `n`: 2 for the former, 1 for the latter, a whole number, at least 1.
    """

    n: int = eqx.field(default=2, static=True)

    def __check_init__(self) -> None:
        check_count(self, "n")

    @property
    def order(self) -> int:
        return 1

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        del key
        leaves, treedef = jtu.tree_flatten(y)
        v, others = leaves[0], leaves[1:]
        part = dt / self.n
        for i in range(self.n):
            v = v + part * jtu.tree_leaves(vector_field(t + i * part, treedef.unflatten([v, *others]), args))[0]
        slopes = jtu.tree_leaves(vector_field(t, treedef.unflatten([v, *others]), args))[1:]
        return treedef.unflatten([v, *(x + dt * f for x, f in zip(others, slopes, strict=True))])
