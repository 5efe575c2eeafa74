"""Branches of equilibria along a parameter, by pseudo-arclength continuation."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Complex, Float, Int

from .._types import State
from ._bifurcations import Fold, fold, Hopf, hopf
from ._stability import eigenvalues
from ._steady_state import scales, steady_state, tolerance
from ._system import System


class Branch(eqx.Module):
    """Equilibria of a family of systems, in the order in which they were found.

    - `p`: the parameter, `[points]`.
    - `x`: the equilibria, `[points, n]`.
    - `eigenvalues`: of the Jacobian, 1/ms, the one of largest real part first, `[points, n]`.
    - `folds`, `hopfs`: where two equilibria meet, and where the branch loses or gains stability by turning.
    - `crossings`: about where else a real eigenvalue changes its sign, with no fold: branches cross there (or fall upon
        each other at a pitchfork). The parameter, not located further.
    - `names`: of the n variables.
    """

    p: Float[np.ndarray, " points"]
    x: Float[np.ndarray, "points n"]
    eigenvalues: Complex[np.ndarray, "points n"]
    folds: tuple[Fold, ...]
    hopfs: tuple[Hopf, ...]
    crossings: tuple[float, ...]
    names: tuple[str, ...] = eqx.field(static=True)

    @property
    def is_stable(self) -> np.ndarray:
        """Whether small deviations decay, `[points]`."""
        return np.all(np.real(self.eigenvalues) < 0.0, axis=1)


def continuation(
    family: Callable[[Float[Array, ""]], System],
    p: tuple[float, float],
    start: State | None = None,
    *,
    max_step: float = 0.03,
    min_step: float = 1e-6,
    max_points: int = 1000,
) -> Branch:
    """Follow a steady state along a parameter, around folds (Keller 1977).

    Steps are of length in the space of variables, measured by 1 + their size at the start, and of the parameter, measured by
    `|p[1] - p[0]|`; they are halved where Newton's method does not converge or the branch turns by more than 20 degrees, and
    grow where it is straight. All steps are one compiled program. Folds and Hopf points between two points are then located as
    zeros of `fold` and `hopf`, to the precision of the numbers.

    **Arguments:**

    - `family`: from the parameter to a system, e.g. `eqx.Partial(system, cell)` for the current. Its arrays are those of its
        tree (`eqx.Partial(f, model)`): with others of the same shapes nothing is compiled anew.
    - `p`: the interval, from its first value towards its second. The branch ends where it leaves the interval, at its end
        exactly.
    - `start`: a state near to the branch at `p[0]`; `family(p[0]).y0` by default.
    - `max_step`, `min_step`: of the step's length. Where even the smallest fails, the branch ends.
    - `max_points`: the branch ends after so many.

    **Errors:** at run time if there is no steady state near the start.
    """
    begin, end = float(p[0]), float(p[1])
    if begin == end or not np.isfinite([begin, end]).all():
        raise ValueError(f"continuation: `p` must be an interval of two different numbers, got {p}.")
    if not 0.0 < min_step <= max_step:
        raise ValueError(f"continuation: there must be 0 < min_step <= max_step, got {min_step:g} and {max_step:g}.")
    if max_points < 2:
        raise ValueError(f"continuation: `max_points` must be at least 2, got {max_points}.")
    first = family(jnp.asarray(begin))
    x0 = first.ravel(steady_state(first, start))
    limits = jnp.asarray([begin, end], x0.dtype)
    steps = jnp.asarray([min_step, max_step], x0.dtype)
    count, found = _follow(family, x0, limits, steps, max_points)
    ps, xs, slopes, values = (np.asarray(a)[: int(count)] for a in found)
    return Branch(ps, xs, values, *_special(family, ps, xs, slopes, values), first.names)


class _Curve(eqx.Module):
    """The equilibria of a family as a curve f(z) = 0 in z, the variables and the parameter in units of `scale`."""

    family: Any
    scale: Float[Array, " m"]

    def __call__(self, z: Float[Array, " m"]) -> Float[Array, " n"]:
        x = z * self.scale
        return self.family(x[-1])(x[:-1]) / self.scale[:-1]

    def jacobian(self, z: Float[Array, " m"], row: Float[Array, " m"]) -> Float[Array, "m m"]:
        """That of f, and a last row."""
        return jnp.concatenate([jax.jacfwd(self)(z), row[None]])

    def tangent(self, z: Float[Array, " m"], towards: Float[Array, " m"]) -> Float[Array, " m"]:
        t = jnp.linalg.solve(self.jacobian(z, towards), jnp.zeros_like(z).at[-1].set(1.0))
        return t / jnp.linalg.norm(t)

    def corrected(self, z: Float[Array, " m"], row: Float[Array, " m"]) -> tuple[Float[Array, " m"], Bool[Array, ""]]:
        """The point of the curve in the plane through z that is normal to `row`, and whether Newton's method has found it."""
        target = row @ z

        def newton(_: Any, at: tuple[Array, Array]) -> tuple[Array, Array]:
            z, _ = at
            change = jnp.linalg.solve(self.jacobian(z, row), jnp.append(self(z), row @ z - target))
            return z - change, jnp.max(jnp.abs(change))

        z, change = lax.fori_loop(0, 6, newton, (z, jnp.full((), jnp.inf, z.dtype)))
        return z, change < tolerance(z)


class _Walk(NamedTuple):
    z: Float[Array, " m"]
    tangent: Float[Array, " m"]
    step: Float[Array, ""]
    number: Int[Array, ""]
    done: Bool[Array, ""]
    found: tuple[Array, ...]


@eqx.filter_jit
def _follow(
    family: Any, x0: Float[Array, " n"], limits: Float[Array, "2"], steps: Float[Array, "2"], max_points: int
) -> tuple[Int[Array, ""], tuple[Array, ...]]:
    """How many points there are, and arrays with room for `max_points`: p, x, the slope dp/ds and eigenvalues."""
    n = x0.shape[0]
    scale = jnp.append(scales(x0), jnp.abs(limits[1] - limits[0]))
    low, high = (jnp.min(limits) / scale[-1], jnp.max(limits) / scale[-1])
    along_p = jnp.zeros_like(scale).at[-1].set(jnp.sign(limits[1] - limits[0]))
    curve = _Curve(family, scale)

    def record(walk: _Walk, keep: Array) -> _Walk:
        x, p = (walk.z * scale)[:-1], (walk.z * scale)[-1]
        row = (p, x, walk.tangent[-1], eigenvalues(family(p), x))
        found = tuple(
            a.at[jnp.where(keep, walk.number, max_points)].set(r) for a, r in zip(walk.found, row, strict=True)
        )
        return walk._replace(found=found, number=walk.number + keep.astype(jnp.int32))

    def step(walk: _Walk) -> _Walk:
        ahead, ok = curve.corrected(walk.z + walk.step * walk.tangent, walk.tangent)
        tangent = curve.tangent(ahead, walk.tangent)
        cosine = tangent @ walk.tangent
        ok = ok & (cosine > np.cos(np.radians(20.0)))  # not where it is NaN
        left = ok & ((ahead[-1] < low) | (ahead[-1] > high))
        # Back to the end of the interval, along the chord.
        edge = jnp.clip(ahead[-1], low, high)
        share = (edge - walk.z[-1]) / jnp.where(left, ahead[-1] - walk.z[-1], 1.0)
        at_edge, met = curve.corrected((walk.z + share * (ahead - walk.z)).at[-1].set(edge), along_p)
        z = jnp.where(left, at_edge, ahead)
        keep = ok & (~left | met)
        shorter = 0.5 * walk.step
        longer = jnp.where(cosine > np.cos(np.radians(7.0)), jnp.minimum(1.5 * walk.step, steps[1]), walk.step)
        new = walk._replace(
            z=jnp.where(keep, z, walk.z),
            tangent=jnp.where(keep, tangent, walk.tangent),
            step=jnp.where(ok, longer, shorter),
        )
        new = record(new, keep)
        return new._replace(done=left | (new.step < steps[0]) | (new.number >= max_points))

    z = jnp.append(x0, limits[0]) / scale
    room = lambda *shape, dtype=x0.dtype: jnp.zeros((max_points, *shape), dtype)
    complex_type = np.result_type(x0.dtype, np.complex64)
    found = (room(), room(n), room(), room(n, dtype=complex_type))
    start = _Walk(z, curve.tangent(z, along_p), steps[1] / 8.0, jnp.zeros((), jnp.int32), jnp.zeros((), bool), found)
    end = lax.while_loop(lambda walk: ~walk.done, step, record(start, jnp.ones((), bool)))
    return end.number, end.found


def _special(
    family: Any, p: np.ndarray, x: np.ndarray, slopes: np.ndarray, values: np.ndarray
) -> tuple[tuple[Fold, ...], tuple[Hopf, ...], tuple[float, ...]]:
    """What happens between points, from the signs of the slope dp/ds and the numbers of growing directions."""
    folds, hopfs, crossings = [], [], []
    growing = np.sum(np.real(values) > 0.0, axis=1)
    for i in range(len(p) - 1):
        turns = slopes[i] * slopes[i + 1] < 0.0
        change = abs(int(growing[i + 1]) - int(growing[i]))
        if turns:
            folds.append(fold(family, *_between(p, x, i, float(slopes[i]), float(slopes[i + 1]))))
            # A fold changes one real eigenvalue; what else has changed are pairs.
            change -= change % 2
        if change >= 2:
            a, b = (_nearest_pair(values[j]) for j in (i, i + 1))
            hopfs.append(hopf(family, *_between(p, x, i, a, b)))
        elif change == 1:
            crossings.append(float(0.5 * (p[i] + p[i + 1])))
    return tuple(folds), tuple(hopfs), tuple(crossings)


def _between(p: np.ndarray, x: np.ndarray, i: int, a: float, b: float) -> tuple[Array, Array]:
    """Where a function that is a at point i and b at the next is zero, if it is linear between them."""
    share = a / (a - b) if a * b < 0.0 else 0.5
    return jnp.asarray(x[i] + share * (x[i + 1] - x[i])), jnp.asarray(p[i] + share * (p[i + 1] - p[i]))


def _nearest_pair(values: np.ndarray) -> float:
    """The real part of the complex pair that is nearest to the imaginary axis; of any eigenvalue if there is no pair."""
    turning = np.imag(values) > 1e-9 * np.abs(values).max()
    real = np.real(values)[turning] if turning.any() else np.real(values)
    return float(real[np.argmin(np.abs(real))])
