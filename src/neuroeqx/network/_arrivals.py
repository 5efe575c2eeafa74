"""Inputs under way: what synapses with a delay each have sent, and their targets have not yet received."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from .._interfaces import AbstractSparseConnectivity


class Arrivals(eqx.Module):
    """The inputs of the coming `length` steps at one receptor.

    - `ring`: `[length * size]`, one row after the other: flat, as products add into it.
    - `cursor`: the row that acts in the newest step. Whole steps are counted, modulo the length.
    """

    ring: Float[Array, " places"]
    cursor: Int[Array, ""]
    size: int = eqx.field(static=True)

    @classmethod
    def none(cls, size: int, length: int, dtype: jnp.dtype) -> "Arrivals":
        return cls(jnp.zeros(length * size, dtype), jnp.zeros((), jnp.int32), size)

    def turn(self) -> "Arrivals":
        """The beginning of a step: the next row's turn comes."""
        length = self.ring.shape[0] // max(self.size, 1)
        return Arrivals(self.ring, (self.cursor + 1) % max(length, 1), self.size)

    def deliver(self, comm: AbstractSparseConnectivity, x: Float[Array, " pre"], active: Any, lag: int) -> "Arrivals":
        """With what a projection sends in this step, `lag` steps later than its delays say."""
        row = self.cursor if lag == 0 else (self.cursor + lag) % (self.ring.shape[0] // max(self.size, 1))
        ring = comm.deliver(self.ring, x.astype(self.ring.dtype), offset=row * self.size, active=active)
        return Arrivals(ring, self.cursor, self.size)

    def take(self) -> tuple[Float[Array, " size"], "Arrivals"]:
        """What acts in this step, to be called after all deliveries, and what remains under way.

        Its row is cleared now and not before the row is filled again: a write before that of native code would make XLA
        copy the ring.
        """
        start = (self.cursor * self.size,)
        now = lax.dynamic_slice(self.ring, start, (self.size,))
        return now, Arrivals(lax.dynamic_update_slice(self.ring, jnp.zeros_like(now), start), self.cursor, self.size)
