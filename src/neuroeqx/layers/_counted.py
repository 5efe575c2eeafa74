"""Cells that count their spikes."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._interfaces import AbstractCell
from .._types import Key, Output, State, Time
from .._voltage import voltage


class CountedState(eqx.Module):
    """The state of the cells, and how many spikes each has fired."""

    cell: State
    count: Float[Array, "..."]

    @property
    def v(self) -> Float[Array, "..."]:
        return voltage(self.cell)


class Counted(AbstractCell):
    """A cell that counts its spikes in its state: the sum of its outputs, for penalties of activity and readouts of rates.

    The same as `SpikeCount()(spikes)`, and less work: the sum is made in the loop over time, as is what comes back of it, and
    not in further passes over the whole sequence.

    ```python
    spikes, last = Feedforward(linear, Counted(LIF())).run(x)
    last.cell.count
    ```

    **Arguments:**

    - `cell`: any cell with an output for each element of its state.
    """

    cell: AbstractCell

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> CountedState:
        cell = self.cell.init(shape, key=key)
        return CountedState(cell, jnp.zeros_like(voltage(cell)))

    def step(
        self, state: CountedState, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[CountedState, Output]:
        cell, output = self.cell.step(state.cell, input, dt=dt, t=t, key=key)
        return CountedState(cell, state.count + output), output
