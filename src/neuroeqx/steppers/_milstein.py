"""Milstein's method."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array

from .._interfaces import AbstractNoiseStepper, AbstractStepper
from .._types import Time, VectorField, Y
from ._euler import Euler
from ._sigma import check_drift, sigma


class Milstein(AbstractNoiseStepper):
    r"""$y + dt\, f + g\, \Delta W + \tfrac12\, g\, \partial g / \partial y\, (\Delta W^2 - dt)$, in the sense of Ito
    (Milstein 1974).

    Of strong order 1 where the noise of each variable depends on no other variable that is noisy. Where it does not depend
    on the state at all this is `EulerMaruyama`. Derivatives are taken by forward-mode differentiation.

    **Arguments:** as those of `EulerMaruyama`.
    """

    sigma: Array | Callable[..., Any] = sigma()
    drift: AbstractStepper = Euler()

    def __check_init__(self) -> None:
        check_drift(self)

    @property
    def order(self) -> float:
        return 1.0

    @property
    def is_ito(self) -> bool:
        return True

    def advance(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, dw: list[Array | None]) -> Y:
        leaves, treedef = jtu.tree_flatten(y)
        moved = jtu.tree_leaves(self.drift(vector_field, t, dt, y, args))

        def noise(i: int, w: Array) -> Array:
            if not callable(self.sigma):
                return self.sigma * w
            own = lambda x: jnp.broadcast_to(
                self.diffusion(t, treedef.unflatten([*leaves[:i], x, *leaves[i + 1 :]]))[i], x.shape
            )
            g, slope = jax.jvp(own, (leaves[i],), (jnp.ones_like(leaves[i]),))
            return g * w + 0.5 * g * slope * (w**2 - dt)

        return treedef.unflatten(
            [x if w is None else x + noise(i, w) for i, (x, w) in enumerate(zip(moved, dw, strict=True))]
        )
