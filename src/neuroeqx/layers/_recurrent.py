"""Layers of cells that hear each other."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Num

from .. import fuse
from .._checks import check_count
from .._fields import static
from .._interfaces import AbstractCell
from .._types import Key
from ..network import Receptor
from ._cells import as_receptor, Cells, check_cells, check_state, LayerState
from ._sequence import AbstractSequenceLayer, check_connect, Connect, over_time, unconstrained


class Recurrent(AbstractSequenceLayer):
    """As `Feedforward`, and the outputs of the cells come back to them through `recurrent` after `delay` steps.

    As in a network, an output of step n first acts in step n + `delay`. In between, cells do not know of each other: the
    loop goes over time in pieces of `delay` steps, in each of which `recurrent` is one product for all of its steps, and the
    cells move in one native call on CPU.

    ```python
    keys = jr.split(key)
    layer = Recurrent(eqx.nn.Linear(20, 64, key=keys[0]), eqx.nn.Linear(64, 64, use_bias=False, key=keys[1]), LIF())
    ```

    **Arguments:**

    - `connect`, `cell`, `synapse`, `dt`: as in `Feedforward`.
    - `recurrent`: from the outputs of one step to what is added to that of `connect`: a layer of `eqx.nn` without a state or
        randomness, or a connectivity, whose products follow the spikes.
    - `delay`: steps, at least 1.
    """

    connect: Connect | None
    recurrent: Connect
    cell: AbstractCell
    synapse: Receptor | None
    delay: int = static()
    dt: float = static()

    def __init__(
        self, connect: Any, recurrent: Any, cell: Any, synapse: Any = None, *, delay: int = 1, dt: float = 1.0
    ):
        self.connect = connect
        self.recurrent = recurrent
        self.cell = cell
        self.synapse = as_receptor("Recurrent", synapse)
        self.delay = delay
        self.dt = dt

    def __check_init__(self) -> None:
        if self.connect is not None:
            check_connect("Recurrent", "connect", self.connect)
        check_connect("Recurrent", "recurrent", self.recurrent)
        check_cells("Recurrent", self.cell, self.synapse, self.dt)
        check_count(self, "delay")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> LayerState:
        """The state before the first step of cells of this shape, that have been silent."""
        cells = Cells(self.cell, self.synapse, self.dt)
        start = cells.init(shape, key)
        x, i = jnp.zeros(shape), jnp.zeros((), jnp.int32)
        output = jax.eval_shape(lambda: cells.step(start, x, i, jax.random.key(0))[1])
        return LayerState(start.cell, start.synapse, jnp.zeros((self.delay, *output.shape), output.dtype))

    def run(
        self, x: Num[Array, "..."], state: LayerState | None = None, *, key: Key | None = None
    ) -> tuple[Float[Array, "time ..."], LayerState]:
        """As `Feedforward.run`."""
        connect_key, init_key, step_key = (None, None, None) if key is None else jax.random.split(key, 3)
        currents = over_time(self.connect, x, connect_key)
        start = self.init(currents.shape[1:], key=init_key)
        if state is not None:
            check_state("Recurrent", state, start)
            start = state
        steps = jnp.arange(currents.shape[0], dtype=jnp.int32)
        recurrent = unconstrained(self.recurrent)
        piece = lambda state, x: self._piece(recurrent, state, x[0], x[1], step_key)
        whole, length = currents.shape[0] // self.delay, self.delay
        pieces = lambda x: x[: whole * length].reshape(whole, length, *x.shape[1:])
        last, output = lax.scan(piece, start, (pieces(currents), pieces(steps)))
        output = output.reshape(whole * length, *output.shape[2:])
        if whole * length < currents.shape[0]:
            last, rest = piece(last, (currents[whole * length :], steps[whole * length :]))
            output = jnp.concatenate([output, rest])
        return output, last

    def _piece(self, recurrent: Connect, state: LayerState, currents: Any, steps: Any, key: Key | None) -> Any:
        """At most `delay` steps, all of whose recurrent inputs are known before."""
        cells, number = Cells(self.cell, self.synapse, self.dt), currents.shape[0]
        assert state.past is not None
        if number == 1:
            # A call for a single step would keep XLA from making one loop of it and what is around it.
            after, output = cells.step(state, currents[0] + recurrent(state.past[0]), steps[0], key)
            output = output[None]
        else:
            currents = currents + over_time(recurrent, state.past[:number], None)
            own = LayerState(state.cell, state.synapse)
            after, output = fuse.scan(lambda own, x: cells.step(own, x[0], x[1], key), own, (currents, steps))
        past = jnp.concatenate([state.past[number:], output])
        return LayerState(after.cell, after.synapse, past), output

    def __call__(self, x: Num[Array, "..."], *, key: Key | None = None) -> Float[Array, "time ..."]:
        """The outputs of all steps, `[time, ...]`, from the initial state; `key` as in `run`."""
        return self.run(x, key=key)[0]
