"""Exponential Euler for groups of variables, one group after the other."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from .._interfaces import AbstractStepper
from .._math import phi1
from .._types import Key, Time, VectorField, Y


class Staggered(AbstractStepper):
    r"""The fields of the state move one after the other, each from the new values of those before it (Hines 1984): the voltage,
    then all gates, then all concentrations. The variables of one field move together, each solved exactly in the equation
    linearised in itself:

    $y_i + dt\, f_i\, \varphi_1(dt\, b_i)$, with $\varphi_1(z) = (e^z - 1) / z$ and $b_i = \sum_j \partial f_i / \partial y_j$
    over the variables of its field.

    Where those do not depend on each other, as gates do not at a given voltage, that is the exact solution for what the
    other fields are. Where they do it is consistent, as any $b_i$ is. The costs are one derivative for each field,
    whatever the number of variables; `ExpEuler` takes one for each variable. Order 1, with errors like those of a method of
    order 2 whose voltage and gates are half a step apart.
    """

    @property
    def order(self) -> int:
        return 1

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        del key
        leaves, treedef = jtu.tree_flatten(y)
        start = 0
        for size in _sizes(y):
            these = slice(start, start + size)

            def rates(*group: Any, these: slice = these, leaves: list[Any] = leaves) -> list[jax.Array]:
                moved = [*leaves[: these.start], *group, *leaves[these.stop :]]
                return jtu.tree_leaves(vector_field(t, treedef.unflatten(moved), args))[these]

            group = leaves[these]
            f, slope = jax.jvp(rates, tuple(group), tuple(jnp.ones_like(x) for x in group))
            leaves = [
                *leaves[:start],
                *(x + dt * a * phi1(jnp.minimum(dt * b, 40.0)) for x, a, b in zip(group, f, slope, strict=True)),
                *leaves[start + size :],
            ]
            start += size
        return treedef.unflatten(leaves)


def _sizes(y: Y) -> list[int]:
    """The number of variables in each field of a state that has any."""
    parts = [getattr(y, field.name) for field in dataclasses.fields(y)] if dataclasses.is_dataclass(y) else [y]
    return [n for n in (len(jtu.tree_leaves(part)) for part in parts) if n]
