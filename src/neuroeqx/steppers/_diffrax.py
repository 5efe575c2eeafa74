"""Any one-step solver of diffrax."""

from typing import Any

import diffrax
import jax.tree_util as jtu

from .._interfaces import AbstractStepper
from .._types import Key, Time, VectorField, Y


class FromDiffrax(AbstractStepper):
    """One step of a solver of diffrax (Kidger 2021), e.g. `FromDiffrax(diffrax.Heun())`, with the error estimate unused.

    The solver starts afresh at each step, as it must after a reset or an arriving spike; so solvers that carry
    information from step to step (multistep methods) are refused. Explicit Runge-Kutta methods are written out from their
    tableaus, without the stages that the error estimate alone needs.

    **Arguments:**

    - `solver`: an ODE solver. Implicit solvers need a root finder with explicit tolerances.
    """

    solver: diffrax.AbstractSolver

    def __check_init__(self) -> None:
        if not isinstance(self.solver, diffrax.AbstractSolver):
            raise TypeError(f"FromDiffrax: `solver` must be a diffrax solver, got {self.solver!r}.")
        if isinstance(self.solver, diffrax.LeapfrogMidpoint | diffrax.ReversibleHeun | diffrax.SemiImplicitEuler):
            raise ValueError(
                f"FromDiffrax: `solver` {type(self.solver).__name__} needs memory of earlier steps or a split system, "
                "which a spiking cell cannot give. Use a Runge-Kutta method such as diffrax.Heun()."
            )

    @property
    def order(self) -> int:
        """The solver's own, for ordinary differential equations."""
        order = self.solver.order(diffrax.ODETerm(lambda t, y, args: y))
        assert order is not None  # solvers of ordinary differential equations have one
        return order

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        del key
        if isinstance(self.solver, diffrax.AbstractERK) and type(self.solver).step is diffrax.AbstractERK.step:
            return _explicit(self.solver.tableau, vector_field, t, dt, y, args)
        term = diffrax.ODETerm(lambda t, y, args: vector_field(t, y, args))
        t1 = t + dt
        state = self.solver.init(term, t, t1, y, args)
        y1, _, _, _, _ = self.solver.step(term, t, t1, y, args, state, made_jump=False)
        return y1


def _explicit(tableau: Any, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any) -> Y:
    """A step of an explicit Runge-Kutta method."""
    stages: list[Y] = []

    def moved(weights: Any) -> Y:
        used = [(dt * float(w), k) for w, k in zip(weights, stages, strict=True) if w != 0.0]
        end = y
        for step, slope in used:
            end = jtu.tree_map(lambda y, k, step=step: y + step * k, end, slope)
        return end

    needed = max(i for i, w in enumerate(tableau.b_sol) if w != 0.0) + 1
    rows = [(), *tableau.a_lower]
    for c, row in zip([tableau.c1, *tableau.c][:needed], rows[:needed], strict=True):
        stages.append(vector_field(t + float(c) * dt, moved(row), args))
    return moved(tableau.b_sol[:needed])
