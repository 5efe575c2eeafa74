"""The coupling of phases."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractCoupling
from .._types import Parameter


class Sine(AbstractCoupling):
    r"""Coupling of phases, $\sin(\theta_j(t - d) - \theta_i(t) - \alpha)$, for the `coupling` of a projection between
    populations of `Kuramoto` (Sakaguchi & Kuramoto 1986).

    It is evaluated for each synapse, once a step, and its dependence on $\theta_i$ linearised there; the order is 1.

    **Arguments:**

    - `alpha`: phase lag, rad.
    """

    alpha: Parameter = param(0.0)

    def __call__(self, pre: Float[Array, "..."], post: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.sin(pre - post - self.alpha)

    def affine(self, pre: Float[Array, "..."]) -> None:
        del pre
