"""Forward Euler."""

from typing import Any

import jax

from .._interfaces import AbstractStepper
from .._types import Key, Time, VectorField, Y


class Euler(AbstractStepper):
    """`y + dt f(t, y)`. Order 1; unstable where dt exceeds twice the shortest time constant."""

    @property
    def order(self) -> int:
        return 1

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        del key
        return jax.tree_util.tree_map(lambda y, f: y + dt * f, y, vector_field(t, y, args))
