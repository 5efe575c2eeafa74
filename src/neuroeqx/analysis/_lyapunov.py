"""Lyapunov exponents."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .._simulate import count_steps
from .._types import State
from ..steppers import RK4
from ._system import System


def lyapunov_spectrum(
    system: System,
    t1: float,
    dt: float,
    start: State | None = None,
    *,
    transient: float = 0.0,
    count: int | None = None,
    every: int = 1,
) -> Float[Array, " count"]:
    """The Lyapunov exponents of a trajectory, the largest first, 1/ms (Benettin et al. 1980; Shimada & Nagashima 1979).

    The trajectory is that of the fourth-order method of Runge and Kutta; along it `count` deviations grow by the derivative of
    each of its steps, and are made orthonormal again by a QR decomposition. Exponents are the mean logarithms of the diagonal.
    Their sum, if all are asked for, is the mean divergence of the system.

    **Arguments:**

    - `t1`: how long to average, ms, after `transient`; both whole numbers of steps.
    - `dt`: the step, ms.
    - `start`: a state; `system.y0` by default.
    - `transient`: ms that come before, in which deviations turn and are not counted.
    - `count`: how many exponents, at most n; all by default.
    - `every`: decompose every so many steps. Between, no deviation may outgrow the others by the precision.

    **Returns:** `[count]`. For the spread of such an average, compare halves or starts.
    """
    before, steps = count_steps(0.0, transient, dt)[1], count_steps(0.0, t1, dt)[1]
    number = system.size if count is None else count
    if not 1 <= number <= system.size:
        raise ValueError(f"lyapunov_spectrum: `count` must be from 1 to {system.size}, got {number}.")
    if every < 1 or before % every or steps % every or steps == 0:
        raise ValueError(
            f"lyapunov_spectrum: `every` = {every} must divide the {before} steps of `transient` and the {steps} of `t1`, of "
            "which there must be some."
        )
    x0 = system.x0 if start is None else system.ravel(start)
    return _exponents(system, x0, jnp.asarray(dt, x0.dtype), before // every, steps // every, number, every)


@eqx.filter_jit
def _exponents(
    system: System, x: Float[Array, " n"], dt: Any, before: int, rounds: int, count: int, every: int
) -> Float[Array, " count"]:
    # In units of a step, so that its length may be traced.
    move = lambda x: RK4()(lambda t, x, args: dt * system(x), 0.0, 1.0, x, None)

    def step(at: tuple[Array, Array], _: Any) -> tuple[tuple[Array, Array], None]:
        x, deviations = at
        ahead, push = jax.linearize(move, x)
        return (ahead, jax.vmap(push, in_axes=1, out_axes=1)(deviations)), None

    def round(at: tuple[Array, Array, Array], _: Any) -> tuple[tuple[Array, Array, Array], None]:
        x, deviations, total = at
        (x, deviations), _ = lax.scan(step, (x, deviations), None, length=every)
        q, r = jnp.linalg.qr(deviations)
        return (x, q, total + jnp.log(jnp.abs(jnp.diagonal(r)))), None

    start = (x, jnp.eye(x.size, count, dtype=x.dtype), jnp.zeros(count, x.dtype))
    x, deviations, _ = lax.scan(round, start, None, length=before)[0]
    total = lax.scan(round, (x, deviations, jnp.zeros(count, x.dtype)), None, length=rounds)[0][2]
    return jnp.sort(total / (rounds * every * dt))[::-1]
