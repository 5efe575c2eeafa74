"""Any one-step solver of diffrax."""

from typing import Any

import diffrax

from .._interfaces import AbstractStepper
from .._types import Time, VectorField, Y


class FromDiffrax(AbstractStepper):
    """One step of a diffrax solver, e.g. `FromDiffrax(diffrax.Heun())`, with the error estimate unused.

    The solver starts afresh at each step, as it must after a reset or an arriving spike; so solvers that carry
    information from step to step (multistep methods) are refused.

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

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any) -> Y:
        term = diffrax.ODETerm(lambda t, y, args: vector_field(t, y, args))
        t1 = t + dt
        state = self.solver.init(term, t, t1, y, args)
        y1, _, _, _, _ = self.solver.step(term, t, t1, y, args, state, made_jump=False)
        return y1
