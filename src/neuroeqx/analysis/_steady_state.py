"""A state that stands still, as a differentiable function of the parameters."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import lineax as lx
import optimistix as optx
from jax import lax
from jaxtyping import Array, Float

from .._types import State
from ._system import System


def steady_state(system: System, start: State | None = None, *, max_steps: int = 256) -> State:
    """A state at which a system stands still, found from one near to it.

    Differentiable by the parameters of the system, forwards and backwards, by the implicit function theorem
    $dx/d\\theta = -(\\partial f / \\partial x)^{-1}\\, \\partial f / \\partial \\theta$, at the cost of one linear solve.

    It need not be stable: see `stability`. Of several it is one whose basin for the method of Levenberg and Marquardt, with
    lengths measured by `scales`, holds `start`.

    **Arguments:**

    - `start`: a state, by default `system.y0`.
    - `max_steps`: of the method.

    **Returns:** a state, of the structure of `system.y0`.

    **Errors:** at run time if there is no such state near `start`, be it that the method gives up or that it stops where the
    speed is least and not zero.
    """
    x0 = system.x0 if start is None else system.ravel(start)
    return system.unravel(_steady(system, x0, max_steps))


@eqx.filter_jit
def _steady(system: System, x0: Float[Array, " n"], max_steps: int) -> Float[Array, " n"]:
    x0, fixed = constant((x0, system))
    scale = scales(x0)
    scaled = lambda z, f: f(z * scale) / scale
    # It goes downhill from anywhere, but may end in a minimum of |f| above zero; so Newton's method has the last word.
    unit = tolerance(x0)
    solver = optx.LevenbergMarquardt(unit, unit)
    near = optx.least_squares(scaled, solver, x0 / scale, fixed, max_steps=max_steps, throw=False).value * scale
    return root(lambda x, f: f(x), near, system, "steady_state: no steady state near the start")


def root(function: Any, near: Float[Array, " n"], args: Any, message: str) -> Float[Array, " n"]:
    """The zero of `function(x, args)` that Newton's method finds from a point near to it, differentiable by `args`; an error at
    run time with this message if there is none."""
    near = constant(near)
    scale = scales(near)
    solver = optx.Newton(tolerance(near), tolerance(near), linear_solver=lx.LU())
    scaled = lambda z, args: function(z * scale, args) / scale
    found = optx.root_find(scaled, solver, near / scale, args, max_steps=32, throw=False)
    ok = (found.result == optx.RESULTS.successful) & jnp.all(jnp.isfinite(found.value))
    return eqx.error_if(found.value * scale, ~ok, f"{message}.")


def constant(tree: Any) -> Any:
    """Where a search begins says nothing about where it ends: no derivatives go that way."""
    return jtu.tree_map(lambda x: lax.stop_gradient(x) if eqx.is_inexact_array(x) else x, tree)


def scales(x: Float[Array, " n"]) -> Float[Array, " n"]:
    """Of the variables, 1 + |x|: what lengths of steps are measured by, for some variables are mV and others are gates."""
    return 1.0 + jnp.abs(x)


def tolerance(x: Float[Array, "..."]) -> float:
    """Below which a step of Newton's method, relative to the scale, has converged: the square root of the precision, squared by
    that step."""
    return float(jnp.finfo(x.dtype).eps) ** 0.5
