"""The classical Runge-Kutta method."""

from typing import Any

import jax

from .._interfaces import AbstractStepper
from .._types import Key, Time, VectorField, Y


class RK4(AbstractStepper):
    """The classical fourth-order Runge-Kutta method (Kutta 1901), the input current held over the step.

    Written out, and not taken from `diffrax`, because its solvers of order 4 and above carry an error estimate whose
    stages a fixed step would pay for.
    """

    @property
    def order(self) -> int:
        return 4

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        del key
        tree_map = jax.tree_util.tree_map

        def shifted(k: Y, step: float) -> Y:
            return tree_map(lambda y, k: y + step * k, y, k)

        k1 = vector_field(t, y, args)
        k2 = vector_field(t + dt / 2, shifted(k1, dt / 2), args)
        k3 = vector_field(t + dt / 2, shifted(k2, dt / 2), args)
        k4 = vector_field(t + dt, shifted(k3, dt), args)
        return tree_map(lambda y, a, b, c, d: y + dt / 6 * (a + 2 * b + 2 * c + d), y, k1, k2, k3, k4)
