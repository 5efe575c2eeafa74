"""Membrane currents as functions of the voltage."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from ._fields import as_parameter


class Affine(eqx.Module):
    """The current `a - b v`; `b` is a total conductance. A constant current has `b = None`."""

    a: Float[Array, "..."]
    b: Float[Array, "..."] | None = None

    def __call__(self, v: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.a if self.b is None else self.a - self.b * v

    def __add__(self, other: "Affine") -> "Affine":
        if self.b is None or other.b is None:
            b = other.b if self.b is None else self.b
        else:
            b = self.b + other.b
        return Affine(self.a + other.a, b)


class Total(eqx.Module):
    """A sum of an affine current and of others that are not affine in the voltage."""

    affine: Affine
    others: tuple[Callable[..., Array], ...]

    def __call__(self, v: Float[Array, "..."]) -> Float[Array, "..."]:
        total = self.affine(v)
        for other in self.others:
            total = total + other(v)
        return total


def as_current(input: Any) -> Callable[..., Any]:
    """A function of the voltage from whatever a cell was given: a function as it is, a number as a constant."""
    if callable(input):
        return input
    return Affine(as_parameter(0.0 if input is None else input))
