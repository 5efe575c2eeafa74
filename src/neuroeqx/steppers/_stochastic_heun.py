"""Heun's method with noise."""

from collections.abc import Callable
from typing import Any

import jax.tree_util as jtu
from jaxtyping import Array

from .._interfaces import AbstractNoiseStepper
from .._types import Time, VectorField, Y
from ._sigma import sigma


class StochasticHeun(AbstractNoiseStepper):
    r"""$y + \tfrac{dt}2 (f(t, y) + f(t + dt, \tilde y)) + \tfrac12 (g(t, y) + g(t + dt, \tilde y))\, \Delta W$ with
    $\tilde y = y + dt\, f(t, y) + g(t, y)\, \Delta W$: noise in the sense of Stratonovich (Rümelin 1982), which is that of
    physical noise of a short correlation time.

    Of strong order 1 where the noise of each variable depends on no other variable that is noisy, and of order 2 without
    noise.

    **Arguments:**

    - `sigma`: as in `EulerMaruyama`.
    """

    sigma: Array | Callable[..., Any] = sigma()

    @property
    def order(self) -> float:
        return 1.0

    @property
    def is_ito(self) -> bool:
        return False

    def advance(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, dw: list[Array | None]) -> Y:
        leaves, treedef = jtu.tree_flatten(y)

        def change(t: Time, y: Y) -> list[Array]:
            terms = zip(jtu.tree_leaves(vector_field(t, y, args)), self.diffusion(t, y), dw, strict=True)
            return [dt * f if w is None else dt * f + g * w for f, g, w in terms]

        first = change(t, y)
        second = change(t + dt, treedef.unflatten([x + d for x, d in zip(leaves, first, strict=True)]))
        return treedef.unflatten([x + 0.5 * (a + b) for x, a, b in zip(leaves, first, second, strict=True)])
