"""Fixed points and slow points from many starts."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jaxtyping import Array, Complex, Float

from ._stability import classify, eigenvalues
from ._system import System


class FixedPoints(eqx.Module):
    """Points at which a system stands still, or nearly so, the slowest first.

    - `x`: one to a row, `[points, n]`.
    - `speed`: the largest $|f_i|$ relative to the spread of variable i, 1/ms, `[points]`.
    - `eigenvalues`: of the Jacobian, 1/ms, the one of largest real part first, `[points, n]`.
    - `kinds`: as `classify` names them.
    """

    x: Float[np.ndarray, "points n"]
    speed: Float[np.ndarray, " points"]
    eigenvalues: Complex[np.ndarray, "points n"]
    kinds: tuple[str, ...] = eqx.field(static=True)

    @property
    def is_stable(self) -> np.ndarray:
        """Whether small deviations decay, for each point."""
        return np.all(np.real(self.eigenvalues) < 0.0, axis=1)

    def __len__(self) -> int:
        return len(self.x)


def fixed_points(
    system: System,
    starts: Float[Array, "starts n"] | np.ndarray,
    *,
    tolerance: float | None = None,
    apart: float = 1e-3,
    max_steps: int = 256,
) -> FixedPoints:
    """The fixed points that a search from many starts finds: those of `slow_points` at which the system stands still.

    **Arguments:**

    - `starts`: `[starts, n]`, such as `jax.random.uniform(key, (100, n), minval=low, maxval=high)`.
    - `tolerance`: the largest speed of a fixed point, relative to the spread of the starts, 1/ms; by default the 2/3-th power
        of the precision, 2.4e-5 for float32 and 3.7e-11 for float64.
    - `apart`, `max_steps`: as in `slow_points`.

    **Returns:** each point once, in the order of its first variable.
    """
    found = slow_points(system, starts, apart=apart, max_steps=max_steps)
    limit = float(jnp.finfo(system.x0.dtype).eps) ** (2.0 / 3.0) if tolerance is None else tolerance
    keep = np.flatnonzero(found.speed <= limit)
    keep = keep[np.lexsort(found.x[keep].T[::-1])]
    return FixedPoints(found.x[keep], found.speed[keep], found.eigenvalues[keep], tuple(found.kinds[i] for i in keep))


def slow_points(
    system: System, starts: Float[Array, "starts n"] | np.ndarray, *, apart: float = 1e-3, max_steps: int = 256
) -> FixedPoints:
    """The minima of the squared speed $|f(x)|^2$ that a search from many starts finds (Sussillo & Barak 2013): fixed points,
    and others that trajectories pass slowly.

    Starts are searched at once, by the method of Levenberg and Marquardt, each variable measured by its spread over them (or,
    where that is zero, by 1 + its size).

    **Arguments:**

    - `starts`: `[starts, n]`.
    - `apart`: points nearer to each other than this, in every variable relative to its spread, are one: the slowest.
    - `max_steps`: of each search. One that has not ended by then is left out.
    """
    x0 = jnp.asarray(starts, system.x0.dtype)
    if x0.ndim != 2 or x0.shape[1] != system.size:
        raise ValueError(
            f"fixed points: `starts` must have shape [starts, {system.size}], for the variables "
            f"{list(system.names)}, got {list(x0.shape)}."
        )
    x, speed, values, ok, scale = (np.asarray(a) for a in _search(system, x0, max_steps))
    order = np.flatnonzero(ok)
    order = order[np.argsort(speed[order], kind="stable")]
    kept: list[int] = []
    for i in order:
        if not kept or np.min(np.max(np.abs(x[kept] - x[i]) / scale, axis=1)) > apart:
            kept.append(i)
    return FixedPoints(x[kept], speed[kept], values[kept], tuple(classify(v) for v in values[kept]))


@eqx.filter_jit
def _search(system: System, starts: Float[Array, "starts n"], max_steps: int) -> tuple[Array, ...]:
    spread = jnp.max(starts, axis=0) - jnp.min(starts, axis=0)
    scale = jnp.where(spread > 0.0, spread, 1.0 + jnp.max(jnp.abs(starts), axis=0))
    residual = lambda z, system: system(z * scale) / scale
    eps = float(jnp.finfo(starts.dtype).eps)
    solver = optx.LevenbergMarquardt(eps**0.5, eps)

    def search(x0: Float[Array, " n"]) -> tuple[Array, ...]:
        found = optx.least_squares(residual, solver, x0 / scale, system, max_steps=max_steps, throw=False)
        z = found.value
        # A step of Newton's method squares what is left; it is taken where it helps.
        step = jnp.linalg.solve(system.jacobian(z * scale) * scale[None] / scale[:, None], residual(z, system))
        better = z - step
        speed = lambda z: jnp.max(jnp.abs(residual(z, system)))
        z = jnp.where(speed(better) < speed(z), better, z)
        x = z * scale
        # Where all stands still to rounding, the search may go on for ever about nothing.
        done = (found.result == optx.RESULTS.successful) | (speed(z) < eps ** (2.0 / 3.0))
        return x, speed(z), eigenvalues(system, x), done & jnp.all(jnp.isfinite(x))

    return (*jax.vmap(search)(starts), scale)
