"""Membrane currents as functions of the voltage, and of the time within a step."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._fields import as_parameter


class Affine(eqx.Module):
    """The current `a - b v`; `b` is a total conductance. A constant current has `b = None`.

    - `jump`: by how much the voltage jumps at the end of the step, if it does.
    """

    a: Float[Array, "..."]
    b: Float[Array, "..."] | None = None
    jump: Float[Array, "..."] | None = None

    def __call__(self, v: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.a if self.b is None else self.a - self.b * v

    def __add__(self, other: "Affine") -> "Affine":
        return Affine(self.a + other.a, _sum(self.b, other.b), _sum(self.jump, other.jump))


def _sum(x: Array | None, y: Array | None) -> Array | None:
    if x is None or y is None:
        return y if x is None else x
    return x + y


class Total(eqx.Module):
    """A sum of an affine current and of others that are not affine in the voltage."""

    affine: Affine
    others: tuple[Callable[..., Array], ...]

    def __call__(self, v: Float[Array, "..."]) -> Float[Array, "..."]:
        total = self.affine(v)
        for other in self.others:
            total = total + other(v)
        return total


class Course(eqx.Module):
    """A current over a step: a constant one, and those of receptors, which go on decaying.

    As a function of the voltage it is the current at the beginning of the step.

    - `steady`: the constant part.
    - `receptors`: each with its kinetics `syn` and its output `out`.
    - `states`: theirs at the beginning of the step, with what arrived.
    - `is_last`: whether this is the last part of a step, at whose end the voltage may jump; `None` for a whole step.
    """

    steady: Affine
    receptors: tuple[Any, ...]
    states: tuple[Any, ...]
    is_last: Bool[Array, ""] | None = None

    def __call__(self, v: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.at(0.0)(v)

    def at(self, s: Any) -> Total:
        """The current `s` ms after the beginning of the step, as a function of the voltage."""
        total, others = self.steady, []
        for receptor, state in zip(self.receptors, self.later(s).states, strict=True):
            g = receptor.syn.output(state)
            affine = receptor.out.affine(g)
            if affine is None:
                others.append(lambda v, out=receptor.out, g=g: out(g, v))
            else:
                total = total + affine
        return Total(total, tuple(others))

    def later(self, s: Any) -> "Course":
        """The same current seen from `s` ms later within the step."""
        if isinstance(s, float) and s == 0.0:
            return self
        pairs = zip(self.receptors, self.states, strict=True)
        later = tuple(x if r.syn.is_held else r.syn.decay(x, dt=s) for r, x in pairs)
        return Course(self.steady, self.receptors, later, self.is_last)

    @property
    def moves(self) -> bool:
        """Whether it changes within the step."""
        return not all(receptor.syn.is_held for receptor in self.receptors)

    @property
    def jump(self) -> Float[Array, "..."] | None:
        """By how much the voltage jumps at the end of the step, if it does."""
        jump = None
        for receptor, state in zip(self.receptors, self.states, strict=True):
            # What is not held over a step makes no jump, so it need not be computed again.
            affine = receptor.out.affine(receptor.syn.output(state)) if receptor.syn.is_held else None
            jump = jump if affine is None else _sum(jump, affine.jump)
        return jump if jump is None or self.is_last is None else jnp.where(self.is_last, jump, jnp.zeros_like(jump))


def current_at(current: Callable[..., Any], s: Any) -> Callable[..., Any]:
    """A current `s` ms after the beginning of the step; what knows no time does not change."""
    return current.at(s) if isinstance(current, Course) else current


def jump_of(current: Callable[..., Any]) -> Array | None:
    """By how much the voltage jumps at the end of the step, if it does."""
    return current.jump if isinstance(current, Course) else None


def as_current(input: Any) -> Callable[..., Any]:
    """A function of the voltage from whatever a cell was given: a function as it is, a number as a constant."""
    if callable(input):
        return input
    return Affine(as_parameter(0.0 if input is None else input))
