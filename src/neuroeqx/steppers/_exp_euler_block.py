"""Exponential Euler with all the variables of a cell together."""

from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from .._interfaces import AbstractStepper
from .._types import Key, Time, VectorField, Y


_Matrix = list[list[jax.Array]]  # of arrays: a matrix for each cell

_HALVINGS = 5
# Of the series of (e^z - 1) / z: 1 / (j + 1)!. With eleven of them the error is that of rounding up to |z| = 1/2.
_SERIES = [1.0]
for _j in range(2, 12):
    _SERIES.append(_SERIES[-1] / _j)


class ExpEulerBlock(AbstractStepper):
    r"""$y + dt\, \varphi_1(dt\, A)\, f(y)$ with the full Jacobian $A$ of each cell and $\varphi_1(z) = (e^z - 1) / z$: the
    exponential Rosenbrock-Euler method, of order 2 for autonomous systems (Hochbruck & Ostermann 2010).

    The mathematics are those of `Exact`. There the exponential is meant to be computed once for a linear system; here it is
    made anew in every step from products and sums of whole arrays, for systems of two to four variables that are not
    linear, and runs in native steps. The costs per cell and step, for k variables: k derivatives of the vector field and
    about 9 k^3 multiplications, so 70 for two variables and 600 for four, where one exponential takes some 20.

    The matrix is halved five times before the series, so results are those of the exponential to rounding where dt is at
    most 16 times the shortest time constant, and lose digits beyond.
    """

    @property
    def order(self) -> int:
        return 2

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        del key
        leaves, treedef = jtu.tree_flatten(y)
        k = len(leaves)

        def rates(*leaves: jax.Array) -> list[jax.Array]:
            return jtu.tree_leaves(vector_field(t, treedef.unflatten(leaves), args))

        f: list[jax.Array] = []
        columns = []
        for j in range(k):
            tangent = [jnp.full_like(leaf, float(i == j)) for i, leaf in enumerate(leaves)]
            f, column = jax.jvp(rates, tuple(leaves), tuple(tangent))
            columns.append(column)
        z = [[columns[j][i] * (dt / 2.0**_HALVINGS) for j in range(k)] for i in range(k)]
        change = _phi1_times(z, f)
        return treedef.unflatten([leaf + dt * c for leaf, c in zip(leaves, change, strict=True)])


def _phi1_times(z: _Matrix, f: list[jax.Array]) -> list[jax.Array]:
    """$\\varphi_1(2^n z) f$ for the n halvings, by $\\varphi_1(2 z) = \\varphi_1(z) (e^z + 1) / 2$."""
    phi = _series(z)
    e = _plus(_product(z, phi), 1.0)
    for halving in range(_HALVINGS):
        f = [0.5 * (x + moved) for x, moved in zip(f, _apply(e, f), strict=True)]
        if halving < _HALVINGS - 1:
            e = _product(e, e)
    return _apply(phi, f)


def _series(z: _Matrix) -> _Matrix:
    """$(e^z - 1) / z$, in powers of $z^3$ whose factors are polynomials of second degree."""
    z2 = _product(z, z)
    z3 = _product(z2, z)
    k = len(z)

    def part(j: int) -> _Matrix:
        c = _SERIES[j : j + 3] + [0.0] * max(0, j + 3 - len(_SERIES))
        terms = [[c[1] * z[a][b] + c[2] * z2[a][b] if c[2] else c[1] * z[a][b] for b in range(k)] for a in range(k)]
        return _plus(terms, c[0])

    total = part(9)
    for j in (6, 3, 0):
        higher, lower = _product(z3, total), part(j)
        total = [[x + y for x, y in zip(*rows, strict=True)] for rows in zip(higher, lower, strict=True)]
    return total


def _product(x: _Matrix, y: _Matrix) -> _Matrix:
    return [_apply_row(row, y) for row in x]


def _apply_row(row: list[jax.Array], y: _Matrix) -> list[jax.Array]:
    return [_sum([a * other[j] for a, other in zip(row, y, strict=True)]) for j in range(len(y[0]))]


def _apply(x: _Matrix, vector: list[jax.Array]) -> list[jax.Array]:
    return [_sum([a * b for a, b in zip(row, vector, strict=True)]) for row in x]


def _plus(x: _Matrix, number: float) -> _Matrix:
    """With a number added along the diagonal."""
    return [[a + number if i == j else a for j, a in enumerate(row)] for i, row in enumerate(x)]


def _sum(terms: list[jax.Array]) -> jax.Array:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
