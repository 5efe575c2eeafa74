"""Two variables of a system: its vector field on a grid, and where each of the two stands still."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ._system import System


class PhasePlane(eqx.Module):
    """The vector field of two variables u and w, the others fixed.

    - `u`, `w`: the grid, `[columns]` and `[rows]`.
    - `du`, `dw`: the derivatives, per ms, `[rows, columns]`.
    - `u_nullclines`, `w_nullclines`: the curves on which du/dt = 0, and dw/dt = 0, each `[points, 2]`.
    - `names`: of u and w.
    """

    u: Float[np.ndarray, " columns"]
    w: Float[np.ndarray, " rows"]
    du: Float[np.ndarray, "rows columns"]
    dw: Float[np.ndarray, "rows columns"]
    u_nullclines: tuple[np.ndarray, ...]
    w_nullclines: tuple[np.ndarray, ...]
    names: tuple[str, str] = eqx.field(static=True)


def phase_plane(
    system: System,
    u: tuple[str | int, float, float],
    w: tuple[str | int, float, float],
    *,
    x: Float[Array, " n"] | np.ndarray | None = None,
    points: int = 80,
) -> PhasePlane:
    """The plane of two variables of a system.

    Nullclines are the contours at zero of the derivatives on the grid, whose points are then moved onto the curves by
    Newton's method: they lie there to rounding, and between them the curve is a line. What is narrower than the grid is missed.

    **Arguments:**

    - `u`, `w`: a variable, by its name in `system.names` or its position, and its least and greatest value.
    - `x`: where the other variables are fixed; `system.x0` by default.
    - `points`: of the grid along each variable.
    """
    i, j = system.index(u[0]), system.index(w[0])
    if i == j:
        raise ValueError(f"phase_plane: `u` and `w` must be two variables, got {u[0]!r} twice.")
    if points < 2 or not (u[1] < u[2] and w[1] < w[2]):
        raise ValueError("phase_plane: `u` and `w` must be (variable, least, greatest), with at least two `points`.")
    base = system.x0 if x is None else jnp.asarray(x, system.x0.dtype)
    ends = jnp.asarray([u[1:], w[1:]], base.dtype)
    at = jnp.asarray([i, j])
    grid = [np.linspace(low, high, points) for low, high in np.asarray(ends)]
    places = np.stack(np.meshgrid(*grid), axis=-1).astype(base.dtype)
    slopes = np.asarray(_slopes(system, base, at, jnp.asarray(places.reshape(-1, 2)))).reshape(points, points, 2)
    nullclines = [_nullclines(system, base, at, k, grid, slopes[..., k]) for k in range(2)]
    names = system.names[i], system.names[j]
    return PhasePlane(grid[0], grid[1], slopes[..., 0], slopes[..., 1], nullclines[0], nullclines[1], names)


def _slope(system: System, base: Array, at: Array) -> Callable[[Array], Array]:
    return lambda place: system(base.at[at].set(place))[at]


@eqx.filter_jit
def _slopes(system: System, base: Array, at: Array, places: Float[Array, "places 2"]) -> Float[Array, "places 2"]:
    return jax.vmap(_slope(system, base, at))(places)


@eqx.filter_jit
def _onto(
    system: System, base: Array, at: Array, which: Array, places: Float[Array, "places 2"], size: Float[Array, "2"]
) -> Float[Array, "places 2"]:
    """The nearest points on the zero set of one derivative, lengths measured by `size`."""
    slope = _slope(system, base, at)

    def step(place: Array) -> Array:
        value, gradient = jax.value_and_grad(lambda z: slope(z * size)[which])(place)
        # Flat where a nullcline crosses itself.
        square = gradient @ gradient
        return place - jnp.where(square > 0.0, value / jnp.where(square > 0.0, square, 1.0), 0.0) * gradient

    def move(place: Array) -> Array:
        return jax.lax.fori_loop(0, 4, lambda _, z: step(z), place / size) * size

    return jax.vmap(move)(places)


def _nullclines(
    system: System, base: Array, at: Array, which: int, grid: list[np.ndarray], values: np.ndarray
) -> tuple[np.ndarray, ...]:
    from contourpy import contour_generator

    found = contour_generator(grid[0], grid[1], np.asarray(values, np.float64)).lines(0.0)
    lines = [np.asarray(line) for line in found]
    if not lines:
        return ()
    size = np.asarray([g[-1] - g[0] for g in grid])
    joined = np.concatenate(lines)
    # A power of two of them, so that other planes need not be compiled anew.
    room = np.concatenate([joined, np.repeat(joined[-1:], (1 << (len(joined) - 1).bit_length()) - len(joined), axis=0)])
    given = (jnp.asarray(a, base.dtype) for a in (room, size))
    moved = np.asarray(_onto(system, base, at, jnp.asarray(which), *given))[: len(joined)]
    # Where a contour is far from any zero (a pole between two points of the grid) it is left out.
    near = np.all(np.abs(moved - joined) < size / (len(grid[0]) - 1), axis=1)
    starts = np.cumsum([len(line) for line in lines])[:-1]
    kept = [part[ok] for part, ok in zip(np.split(moved, starts), np.split(near, starts), strict=True)]
    return tuple(part for part in kept if len(part) > 1)
