"""Whether a stepper has its order of convergence with a cell."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree

from .._current import as_current
from .._interfaces import AbstractGradedCell, AbstractNeuron, AbstractNoiseStepper, AbstractStepper
from ._strong_errors import strong_errors


_HALVINGS = 4
_ROUNDING = 1e-11


def check_order(
    cell: AbstractNeuron | AbstractGradedCell,
    stepper: AbstractStepper | None = None,
    current: Any = 0.0,
    *,
    t1: float = 2.0,
    steps: int = 40,
    y0: Any = None,
    tolerance: float = 0.1,
) -> float:
    """Holds a stepper to its `order` with the equations of a cell, in double precision and without spikes.

    The vector field is integrated in `steps`, 2, 4, 8 and 16 times as many steps, and the errors at the end, relative to how
    far each variable has moved, are held against SciPy's DOP853 at a relative tolerance of 1e-13.

    With a stepper that has noise, along the same 200 Brownian paths each time; the errors are root mean squares over the
    paths, held against the Runge-Kutta method of fourth order along the paths themselves, joined by straight lines in 256
    times as many steps, to which Ito's integral is converted (Wong & Zakai 1965).

    **Arguments:**

    - `cell`: the cell; a wrapper's is its field `cell`.
    - `stepper`: the cell's own by default.
    - `current`: as the `input` of the cell's step, and what moves the cell from `y0`; one that keeps it below threshold,
        if above it the equations alone run away.
    - `t1`: the time to integrate, ms.
    - `steps`: the fewest steps, few enough that errors exceed those of rounding, and enough that they fall regularly.
    - `y0`: the state to begin with, `cell.init(())` by default.
    - `tolerance`: how far the slope may be from the order.

    **Returns:** the slope of the logarithm of the error against that of the step; infinity if all errors are those of
    rounding, as they are where a method is exact.

    **Errors:** `AssertionError`, with the errors found, if the slope is not the order.
    """
    method: AbstractStepper = cell.stepper if stepper is None else stepper
    with jax.enable_x64(True):
        double = lambda x: jnp.asarray(x, jnp.float64) if eqx.is_inexact_array(x) else x
        cell, method, y0, input = jtu.tree_map(double, (cell, method, y0, as_current(current)))
        y0 = cell.init(()) if y0 is None else y0
        field = lambda t, y: cell.vector_field(t, y, input)
        counts = [steps * 2**k for k in range(_HALVINGS + 1)]
        if isinstance(method, AbstractNoiseStepper):
            errors = strong_errors(method, field, y0, t1, counts).max(1).tolist()
        else:
            start, unravel = ravel_pytree(y0)
            exact, moved = _reference(field, start, unravel, t1)
            ends = _ends(method, field, y0, t1, counts)
            errors = [float(np.abs((end - exact) / moved).max()) for end in ends]
    if max(errors) < _ROUNDING:
        return float("inf")
    slope = float(-np.polyfit(np.log2(counts), np.log2(errors), 1)[0])
    figures = ", ".join(f"{t1 / n:.3g} ms: {error:.3g}" for n, error in zip(counts, errors, strict=True))
    if not abs(slope - method.order) <= tolerance:
        raise AssertionError(
            f"{type(method).__name__} with {type(cell).__name__}: the errors fall with the power {slope:.3f} of the step, "
            f"which should be {method.order:g} to within {tolerance:g}; they are {figures}."
        )
    return slope


def _reference(field: Any, start: jax.Array, unravel: Any, t1: float) -> tuple[np.ndarray, np.ndarray]:
    """The solution at the end, and how far each variable has moved (1 if it stands still)."""
    from scipy.integrate import solve_ivp

    rates = jax.jit(lambda t, y: ravel_pytree(field(t, unravel(y)))[0])
    found = solve_ivp(
        lambda t, y: np.asarray(rates(t, y)), (0.0, t1), np.asarray(start), "DOP853", rtol=1e-13, atol=1e-14
    )
    moved = np.ptp(found.y, axis=1)
    if not np.any(moved > 0.0):
        raise ValueError("check_order: nothing moves; give a `current`, or a `y0` away from rest.")
    return found.y[:, -1], np.where(moved > 0.0, moved, 1.0)


def _ends(stepper: AbstractStepper, field: Any, y0: Any, t1: float, counts: list[int]) -> list[np.ndarray]:
    """Of each number of steps the solution at the end."""

    # One program for all: a step of h is a step of 1 in which everything happens h times as fast.
    @jax.jit
    def end(n: jax.Array) -> jax.Array:
        h = t1 / n.astype(float)
        scaled = lambda s, y, args: jtu.tree_map(lambda rate: h * rate, field(s * h, y))
        y = lax.fori_loop(0, n, lambda i, y: stepper(scaled, i.astype(float), 1.0, y, None), y0)
        return ravel_pytree(y)[0]

    return [np.asarray(end(jnp.asarray(n))) for n in counts]
