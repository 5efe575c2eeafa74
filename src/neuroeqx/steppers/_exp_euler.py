"""Exponential Euler, one variable at a time."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from .._interfaces import AbstractStepper
from .._math import phi1
from .._types import Key, Time, VectorField, Y


class ExpEuler(AbstractStepper):
    r"""Each variable is solved exactly, in the equation linearised in that variable alone (Rush & Larsen 1978):

    $y_i + dt\, f_i\, \varphi_1(dt\, \partial f_i / \partial y_i)$, with $\varphi_1(z) = (e^z - 1) / z$.

    Exact for equations linear in one variable under constant input: a LIF cell with any number of conductances, a gate
    at constant voltage. Order 1 otherwise, and stable for decaying variables at any step. The derivatives are taken by
    forward-mode differentiation; where the equation is linear in the variable they reduce to its rate constant. A
    variable that grows by more than e^40 within a step, as the voltage of an exponential neuron in its upstroke, is
    let grow by that much, so that it stays finite.
    """

    @property
    def order(self) -> int:
        return 1

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        del key
        leaves, treedef = jtu.tree_flatten(y)

        def component(i: int, leaf: jax.Array) -> jax.Array:
            with_leaf = lambda x: treedef.unflatten([*leaves[:i], x, *leaves[i + 1 :]])
            rate = lambda x: jtu.tree_leaves(vector_field(t, with_leaf(x), args))[i]
            f, slope = jax.jvp(rate, (leaf,), (jnp.ones_like(leaf),))
            return leaf + dt * f * phi1(jnp.minimum(dt * slope, 40.0))

        return treedef.unflatten([component(i, leaf) for i, leaf in enumerate(leaves)])
