"""Several steps of another method."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from .._checks import check_count
from .._interfaces import AbstractStepper
from .._types import Key, Time, VectorField, Y


class Repeated(AbstractStepper):
    """A step in `n` shorter ones of another method: what is stiff or must be accurate within steps that are given.

    Spikes are looked for at the end of the whole step only; `Substeps` looks for them in each shorter one.

    **Arguments:**

    - `stepper`: the method.
    - `n`: a whole number, at least 1.
    """

    stepper: AbstractStepper
    n: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        if not isinstance(self.stepper, AbstractStepper):
            raise TypeError(f"Repeated: `stepper` must be a stepper such as RK4(), got {type(self.stepper).__name__}.")
        check_count(self, "n")

    @property
    def order(self) -> int | float:
        """The method's own."""
        return self.stepper.order

    def __call__(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, *, key: Key | None = None) -> Y:
        fine = dt / self.n

        def one(carry: tuple[Any, Y], _: None) -> tuple[tuple[Any, Y], None]:
            i, y = carry
            own = None if key is None else jax.random.fold_in(key, i)
            y = self.stepper(vector_field, t + i.astype(float) * fine, fine, y, args, key=own)
            return (i + 1, y), None

        return lax.scan(one, (jnp.zeros((), jnp.int32), y), None, length=self.n)[0][1]
