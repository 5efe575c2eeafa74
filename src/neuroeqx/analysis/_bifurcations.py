"""Where equilibria change: folds and Hopf points, as zeros of extended systems."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Complex, Float

from ._steady_state import root
from ._system import System


class Fold(eqx.Module):
    """A saddle-node (limit point): two equilibria meet and vanish.

    - `x`: the equilibrium.
    - `p`: the parameter.
    """

    x: Float[Array, " n"]
    p: Float[Array, ""]


class Hopf(eqx.Module):
    """A Hopf point: a pair of eigenvalues crosses the imaginary axis and a cycle is born.

    - `x`: the equilibrium.
    - `p`: the parameter.
    - `omega`: the imaginary part, rad/ms: the cycle begins with the period $2\\pi / \\omega$.
    """

    x: Float[Array, " n"]
    p: Float[Array, ""]
    omega: Float[Array, ""]

    @property
    def frequency(self) -> Float[Array, ""]:
        """Of the cycle that is born, Hz."""
        return 1000.0 * self.omega / (2.0 * np.pi)


def fold(family: Callable[[Float[Array, ""]], System], x: Float[Array, " n"], p: Any) -> Fold:
    """The fold near to an equilibrium, $f = 0$, $J v = 0$, $c \\cdot v = 1$ (Moore & Spence 1980), by Newton's method.

    Differentiable by the arrays of the family, by the implicit function theorem.

    **Arguments:**

    - `family`: from the parameter to a system, as in `continuation`.
    - `x`, `p`: a point near to the fold.

    **Errors:** at run time if Newton's method finds none.
    """
    # As arrays: a number would be a part of the program, compiled anew for each value.
    x = jnp.asarray(x)
    return _fold(family, x, jnp.asarray(p, x.dtype))


@eqx.filter_jit
def _fold(family: Any, x: Float[Array, " n"], p: Float[Array, ""]) -> Fold:
    x, p = lax.stop_gradient((x, p))
    n = x.shape[0]
    c = lax.stop_gradient(jnp.linalg.svd(family(p).jacobian(x))[2][-1])

    def extended(u: Array, family: Any) -> Array:
        x, v, p = u[:n], u[n:-1], u[-1]
        f, slope = jax.jvp(family(p), (x,), (v,))
        return jnp.concatenate([f, slope, (c @ v - 1.0)[None]])

    u = root(extended, jnp.concatenate([x, c, p[None]]), family, "fold: there is no fold near the start")
    return Fold(u[:n], u[-1])


def hopf(family: Callable[[Float[Array, ""]], System], x: Float[Array, " n"], p: Any) -> Hopf:
    """The Hopf point near to an equilibrium, $f = 0$, $J q = i \\omega q$, $\\bar{c} \\cdot q = 1$ (Griewank & Reddien
    1983), by Newton's method.

    Differentiable by the arrays of the family, by the implicit function theorem.

    **Arguments:** as in `fold`.

    **Errors:** at run time if Newton's method finds none, or one with $\\omega = 0$.
    """
    # As arrays: a number would be a part of the program, compiled anew for each value.
    x = jnp.asarray(x)
    return _hopf(family, x, jnp.asarray(p, x.dtype))


@eqx.filter_jit
def _hopf(family: Any, x: Float[Array, " n"], p: Float[Array, ""]) -> Hopf:
    x, p = lax.stop_gradient((x, p))
    n = x.shape[0]
    omega, q = _turning(lax.stop_gradient(family(p).jacobian(x)))
    c, d = q.real, q.imag

    def extended(u: Array, family: Any) -> Array:
        x, a, b, omega, p = u[:n], u[n : 2 * n], u[2 * n : 3 * n], u[-2], u[-1]
        f, push = jax.linearize(family(p), x)
        norm = jnp.stack([c @ b - d @ a, c @ a + d @ b - 1.0])
        return jnp.concatenate([f, push(a) + omega * b, push(b) - omega * a, norm])

    start = jnp.concatenate([x, c, d, omega[None], p[None]])
    u = root(extended, start, family, "hopf: there is no Hopf point near the start")
    omega = eqx.error_if(
        u[-2], jnp.abs(u[-2]) < 1e-6 * omega, "hopf: two real eigenvalues of opposite sign, not a pair."
    )
    return Hopf(u[:n], u[-1], jnp.abs(omega))


def _turning(jacobian: Float[Array, "n n"]) -> tuple[Float[Array, ""], Complex[Array, " n"]]:
    """The positive imaginary part, and the unit vector, of the complex eigenvalue nearest to the imaginary axis."""
    values, vectors = jnp.linalg.eig(jacobian)
    turns = values.imag > 1e-9 * jnp.max(jnp.abs(values))
    i = jnp.argmin(jnp.where(turns, jnp.abs(values.real), jnp.inf))
    return values[i].imag, vectors[:, i]
