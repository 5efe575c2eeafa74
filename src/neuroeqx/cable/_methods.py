"""Implicit steps of the voltage along a cable."""

from collections.abc import Callable

import equinox as eqx
from jaxtyping import Array, Float


Solve = Callable[[Float[Array, "..."], float], Float[Array, "..."]]


class BackwardEuler(eqx.Module):
    r"""$v_{n+1} = v_n + dt\, f(v_{n+1})$: first order, and without oscillations at any step (Hines 1984)."""

    @property
    def order(self) -> int:
        return 1

    def middle(self, dt: float) -> float:
        """At which time within a step currents from outside are taken, ms."""
        del dt
        return 0.0

    def __call__(self, solve: Solve, v: Float[Array, "..."], dt: float) -> Float[Array, "..."]:
        """The voltage `dt` ms later; `solve(v, h)` is a step backwards by h that ends at `v`."""
        return solve(v, dt)


class CrankNicolson(eqx.Module):
    r"""$v_{n+1} = v_n + dt\, f\left(\frac{v_n + v_{n+1}}{2}\right)$: second order (Crank & Nicolson 1947; Hines 1984), with
    gates that
    are known in the middle of steps. Where compartments are coupled so strongly that they equilibrate within much less than a
    step, jumps of the current ring."""

    @property
    def order(self) -> int:
        return 2

    def middle(self, dt: float) -> float:
        """As in `BackwardEuler`."""
        return 0.5 * dt

    def __call__(self, solve: Solve, v: Float[Array, "..."], dt: float) -> Float[Array, "..."]:
        """As in `BackwardEuler`."""
        return 2.0 * solve(v, 0.5 * dt) - v
