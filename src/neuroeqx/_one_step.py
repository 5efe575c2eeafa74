"""One step of a solver of diffrax for a cell, and what a spike at its end does."""

from collections.abc import Callable
from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ._interfaces import AbstractNeuron
from ._types import Time, Y
from ._voltage import voltage, with_voltage


# What a step ends with: nothing, a stop, the end of a refractory period, a spike; or a spike where it begins.
FREE, STOP, REFRACTORY_END, SPIKE, AT_ONCE = range(5)


class Field(eqx.Module):
    """The vector field of a cell, t ms after an origin; `current(t)` is a function of the voltage. It goes on beyond the
    threshold: a bound there would be a kink that the stages of a step which ends at it lie on both sides of.

    - `origin`: added to times that the cell sees.
    """

    cell: Any
    current: Callable[[Any], Any]
    origin: Time

    def __call__(self, t: Time, y: Y) -> Y:
        cell, bound = self.cell, self.cell.bounded_by
        if bound is not None:
            cell = eqx.tree_at(lambda cell: getattr(cell, bound), cell, jnp.full_like(getattr(cell, bound), jnp.inf))
        return cell.vector_field(self.origin + t, y, self.current(t))


class Method(eqx.Module):
    """How the equations between spikes are solved.

    - `solver`: of diffrax, with an error estimate.
    - `rtol`, `atol`: relative and absolute tolerance of a step's error.
    - `max_step`: the longest step, ms.
    - `max_steps`: the largest number of steps.
    """

    solver: diffrax.AbstractSolver
    rtol: float = eqx.field(static=True)
    atol: float = eqx.field(static=True)
    max_step: float | None = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)

    def check(self, owner: str) -> None:
        """Raise an error that names the argument of `owner` that cannot be."""
        if not isinstance(self.solver, diffrax.AbstractAdaptiveSolver):
            raise TypeError(
                f"{owner}: `solver` must be a solver of diffrax with an error estimate such as diffrax.Tsit5() or "
                f"diffrax.Kvaerno5(), got {self.solver!r}."
            )
        for name in ("rtol", "atol", "max_step"):
            value = getattr(self, name)
            if value is not None and not value > 0.0:
                raise ValueError(f"{owner}: `{name}` must be positive, got {value}.")
        if not isinstance(self.max_steps, int) or isinstance(self.max_steps, bool) or self.max_steps < 1:
            raise ValueError(f"{owner}: `max_steps` must be a whole number, at least 1, got {self.max_steps!r}.")

    @property
    def order(self) -> float:
        """Of the error of a step."""
        order = self.solver.error_order(diffrax.ODETerm(lambda t, y, args: y))
        assert order is not None  # solvers of ordinary differential equations have one
        return float(order)

    def error(self, error: Y, y: Y, after: Y) -> Float[Array, ""]:
        """The root of the mean square of a step's error over what is tolerated."""
        scaled = jtu.tree_map(
            lambda e, x, z: e / (self.atol + self.rtol * jnp.maximum(jnp.abs(x), jnp.abs(z))), error, y, after
        )
        return _rms(scaled)

    def first_step(self, field: Field, t: Float[Array, ""], y: Y) -> Float[Array, ""]:
        """A step in which the state changes by a hundredth of itself (Hairer, Nørsett & Wanner 1993, II.4)."""
        scaled = lambda x: jtu.tree_map(lambda x, y: x / (self.atol + self.rtol * jnp.abs(y)), x, y)
        size, slope = _rms(scaled(y)), _rms(scaled(field(t, y)))
        h = jnp.where((size < 1e-5) | (slope < 1e-5), 1e-3, 0.01 * size / jnp.maximum(slope, 1e-5))
        return h if self.max_step is None else jnp.minimum(h, self.max_step)


def _rms(y: Y) -> Float[Array, ""]:
    flat = jnp.concatenate([jnp.ravel(x) for x in jtu.tree_leaves(y)])
    return jnp.sqrt(jnp.mean(flat * flat))


class Taken(NamedTuple):
    """A step: the state after it, and the estimate of its error."""

    y: Y
    error: Y


def step(method: Method, field: Field, t: Float[Array, ""], h: Float[Array, ""], y: Y, held: Bool[Array, ""]) -> Taken:
    """One step of h from t. Where it is `held`, the voltage stays."""
    cell: AbstractNeuron = field.cell
    # A current may jump where a step begins or ends, and belongs to it from inside.
    least = 2.0 * jnp.finfo(h.dtype).eps * (jnp.abs(field.origin) + jnp.abs(t) + h)

    def slope(u: Any, y: Y, args: Any) -> Y:
        del args
        inside = t + u
        inside = inside + lax.stop_gradient(jnp.clip(inside, t + least, t + h - least) - inside)
        dy = field(inside, y)
        if not cell.is_held_refractory:
            return dy
        v = voltage(dy)
        return with_voltage(dy, jnp.where(held, jnp.zeros_like(v), v))

    solver = method.solver
    if isinstance(solver, diffrax.AbstractERK) and type(solver).step is diffrax.AbstractERK.step:
        return _explicit(solver.tableau, lambda u, y: slope(u, y, None), h, y)
    term, zero = diffrax.ODETerm(slope), jnp.zeros_like(h)
    # Each step is as the first one, as it must be after a spike; what the last stage has found is computed again.
    before = solver.init(term, zero, h, y, None)
    after, error, _, _, _ = solver.step(term, zero, h, y, None, before, made_jump=False)
    return Taken(after, error)


def _explicit(tableau: Any, slope: Callable[..., Y], h: Float[Array, ""], y: Y) -> Taken:
    """A step of an explicit Runge-Kutta method, its stages a loop: so the equations are compiled once."""
    n = len(tableau.b_sol)
    weights = np.zeros((n, n))
    for i, row in enumerate(tableau.a_lower):
        weights[i + 1, : i + 1] = row
    dtype = h.dtype
    nodes = jnp.asarray([float(tableau.c1), *tableau.c], dtype)

    def moved(weights: Array, k: Y) -> Y:
        return jtu.tree_map(lambda k: h * jnp.tensordot(weights, k, 1, precision=lax.Precision.HIGHEST), k)

    def stage(k: Y, now: tuple[Array, Array, Array]) -> tuple[Y, None]:
        i, c, row = now
        at = jtu.tree_map(jnp.add, y, moved(row, k))
        return jtu.tree_map(lambda all, x: all.at[i].set(x), k, slope(c * h, at)), None

    k = jtu.tree_map(lambda x: jnp.zeros((n, *x.shape), x.dtype), y)
    k, _ = lax.scan(stage, k, (jnp.arange(n), nodes, jnp.asarray(weights, dtype)))
    sums = (moved(jnp.asarray(np.asarray(w), dtype), k) for w in (tableau.b_sol, tableau.b_error))
    change, error = sums
    return Taken(jtu.tree_map(jnp.add, y, change), error)


def correction(field: Field, t: Float[Array, ""], y: Y) -> tuple[Y, Float[Array, ""]]:
    """The slope of the state, and the time from t to the crossing of the threshold along it: a step of Newton's method, whose
    derivative is that of the implicit function theorem."""
    slope = field(t, y)
    above, rise = jax.jvp(field.cell.threshold, (y,), (slope,))
    return slope, -above / jnp.where(rise == 0.0, jnp.ones_like(rise), rise)


class Placed(NamedTuple):
    """A cell in time; `held_until` is the end of its refractory period."""

    t: Float[Array, ""]
    y: Y
    held_until: Float[Array, ""]


class Landed(NamedTuple):
    """A cell after a step; `height`, how far it was above threshold at its end."""

    placed: Placed
    height: Float[Array, ""]


def land(
    field: Field,
    t_ref: Float[Array, ""] | None,
    kind: Int[Array, ""],
    t: Float[Array, ""],
    y: Y,
    held_until: Float[Array, ""],
    slope: Y,
    change: Float[Array, ""],
) -> Landed:
    """The end of a step at t, in the state y: where it is a spike, with the correction of its time and the reset."""
    height = field.cell.threshold(y)
    crossed, spike = kind == SPIKE, (kind == SPIKE) | (kind == AT_ONCE)
    change = jnp.where(crossed, change, jnp.zeros_like(change))
    t = t + change
    y = jtu.tree_map(lambda x, f: x + change * f, y, slope)
    y = field.cell.reset(y, spike.astype(height.dtype))
    if t_ref is not None:
        held_until = jnp.where(spike, t + t_ref, held_until)
    return Landed(Placed(t, y, held_until), height)
