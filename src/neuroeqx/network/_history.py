"""The recent output of a source, or its voltage, from which every delay is read."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int


class History(eqx.Module):
    """What a source put out in its last `length` steps.

    The newest entry is kept apart from the ring, and moves into it at the beginning of the following step, before
    anything is read: a ring that is read first and written later in the same step would be copied by the compiler.

    - `last`: the output of the newest step, `[size]`.
    - `ring`: the outputs of `length` steps, `[length, size]`, or `None` if every delay is one step.
    - `cursor`: the row of the newest entry. Whole steps are counted, modulo the length.
    """

    last: Float[Array, " size"]
    ring: Float[Array, "length size"] | None
    cursor: Int[Array, ""] | None

    @classmethod
    def silent(cls, size: int, length: int, dtype: jnp.dtype) -> "History":
        """Before the first step: zeros."""
        return cls.constant(jnp.zeros(size, dtype), length)

    @classmethod
    def constant(cls, last: Float[Array, " size"], length: int) -> "History":
        """Before the first step: what it has always been."""
        if length == 1:
            return cls(last, None, None)
        return cls(last, jnp.broadcast_to(last, (length, *last.shape)), jnp.zeros((), jnp.int32))

    def turn(self) -> "History":
        """The beginning of a step: the newest output takes its place in the ring."""
        if self.ring is None or self.cursor is None:
            return self
        cursor = (self.cursor + 1) % self.ring.shape[0]
        return History(self.last, lax.dynamic_update_index_in_dim(self.ring, self.last, cursor, 0), cursor)

    def read(self, lag: int) -> Float[Array, " size"]:
        """The output of `lag` steps ago, 1 <= lag <= length; to be called between `turn` and `push`."""
        if lag == 1 or self.ring is None or self.cursor is None:
            return self.last
        row = (self.cursor - (lag - 1)) % self.ring.shape[0]
        return lax.dynamic_index_in_dim(self.ring, row, 0, keepdims=False)

    def read_at(self, lag: Int[Array, ""]) -> Float[Array, " size"]:
        """As `read`, of a ring, at a lag that is computed."""
        assert self.ring is not None and self.cursor is not None
        row = (self.cursor - lag + 1) % self.ring.shape[0]
        return lax.dynamic_index_in_dim(self.ring, row, 0, keepdims=False)

    def read_each(self, lags: Int[Array, " synapses"], sources: Int[Array, " synapses"]) -> Float[Array, " synapses"]:
        """As `read`, of several cells at lags of their own."""
        if self.ring is None or self.cursor is None:
            return self.last[sources]
        length, size = self.ring.shape
        rows = (self.cursor - lags + 1) % length
        return self.ring.reshape(-1)[rows * size + sources]

    def push(self, output: Float[Array, " size"]) -> "History":
        """The end of a step."""
        return History(output, self.ring, self.cursor)
