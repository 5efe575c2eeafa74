"""The exact propagator of a linear system."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import jax.tree_util as jtu
import numpy as np

from .._current import Course
from .._interfaces import AbstractStepper
from .._math import phi1
from .._types import Key, Time, VectorField, Y


# Of Gauss-Legendre quadrature on the unit interval: (node, weight).
_NODES = tuple((0.5 + 0.5 * float(x), 0.5 * float(w)) for x, w in zip(*np.polynomial.legendre.leggauss(4), strict=True))


class Exact(AbstractStepper):
    r"""Exact for systems that are linear in all their variables together, under constant input:
    $y + dt\, \varphi_1(dt\, A)\, f(y)$ with the full Jacobian $A$ of each cell (Rotter & Diesmann 1999).

    For a single variable this is the closed form; for several the propagator is a matrix exponential per cell (per
    population, where the coefficients are shared), which does not depend on the state. For nonlinear equations it is
    the exponential Rosenbrock-Euler method of order 2.

    What receptors give decays within a step: to the above comes $\int_0^{dt} e^{(dt - s) A} (f(s, y) - f(0, y))\, ds$, by
    Gauss-Legendre quadrature with four nodes, whose relative error for a current of time constant $\tau$ is some
    $(dt / \tau)^8 / 10^{9}$: that of rounding at 0.1 and 2 ms.
    """

    @property
    def order(self) -> int:
        return 2

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        del key
        leaves, treedef = jtu.tree_flatten(y)

        def rates(*leaves: jax.Array) -> list[jax.Array]:
            return jtu.tree_leaves(vector_field(t, treedef.unflatten(leaves), args))

        def rates_at(s: float) -> list[jax.Array]:
            return jtu.tree_leaves(vector_field(t + s, y, args))

        zeros = [jnp.zeros_like(x) for x in leaves]
        columns = []
        f: list[jax.Array] = []
        for i, leaf in enumerate(leaves):
            tangent = [*zeros[:i], jnp.ones_like(leaf), *zeros[i + 1 :]]
            f, column = jax.jvp(rates, tuple(leaves), tuple(tangent))
            columns.append(column)
        nodes = _NODES if isinstance(args, Course) and args.moves else ()
        # How much the rates at the nodes exceed those at the beginning, by reason of time alone.
        excess = [[w * dt * (g - h) for g, h in zip(rates_at(c * dt), f, strict=True)] for c, w in nodes]
        if len(leaves) == 1:
            z = dt * columns[0][0]
            end = leaves[0] + dt * f[0] * phi1(z)
            for (c, _), more in zip(nodes, excess, strict=True):
                end = end + jnp.exp((1.0 - c) * z) * more[0]
            return treedef.unflatten([end])
        k = len(leaves)
        jacobian = jnp.stack([jnp.stack(column, -1) for column in columns], -1)  # [..., equation, variable]
        # exp([[A, 1], [0, 0]] dt) holds the integral of exp(A s) from 0 to dt in its upper right corner.
        identity = jnp.broadcast_to(jnp.eye(k, dtype=jacobian.dtype), jacobian.shape)
        top = jnp.concatenate([jacobian, identity], -1)
        augmented = jnp.concatenate([top, jnp.zeros_like(top)], -2)
        integral = jsl.expm(dt * augmented)[..., :k, k:]
        # Sums of products and not a product of matrices: of vectors as long as the population.
        change = [sum(integral[..., i, j] * f[j] for j in range(k)) for i in range(k)]
        for (c, _), more in zip(nodes, excess, strict=True):
            propagator = jsl.expm((1.0 - c) * dt * jacobian)
            change = [change[i] + sum(propagator[..., i, j] * more[j] for j in range(k)) for i in range(k)]
        return treedef.unflatten([leaf + change[i] for i, leaf in enumerate(leaves)])
