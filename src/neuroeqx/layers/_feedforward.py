"""Layers of cells that do not know of each other."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from .. import fuse
from .._fields import static
from .._interfaces import AbstractCell
from .._types import Key
from ..network import Receptor
from ._cells import as_receptor, Cells, check_cells, check_state, LayerState
from ._sequence import AbstractSequenceLayer, check_connect, Connect, over_time


class Feedforward(AbstractSequenceLayer):
    """Cells driven by what another layer makes of a sequence: `[time, in]` to their outputs `[time, out]`.

    `connect` is applied to all steps at once, outside of the loop over time: one large product instead of many small ones.
    The loop, through `fuse.scan`, is one native call on CPU, forwards and backwards, wherever the cells are elementwise.
    A readout is such a layer too: `Feedforward(eqx.nn.Linear(100, 10, key=key), Leaky(5.0))`.

    Steps are those of a network: the synapses decay, what `connect` gives arrives, the cells move and fire.

    ```python
    layer = Feedforward(eqx.nn.Linear(784, 100, key=key), LIF(tau=10.0), Expon(10.0))
    spikes = jax.vmap(layer)(inputs)
    ```

    **Arguments:**

    - `connect`: from the features of one step to those of the cells, without a state: a layer of `eqx.nn`, a connectivity, a
        function; or a layer of whole sequences (`AbstractSequenceLayer`). `None` if the sequence is what cells receive.
    - `cell`: any cell. Its parameters are numbers, or arrays that broadcast against the features.
    - `synapse`: linear kinetics through which it all arrives, such as `Expon(5.0)`, the output of which is the current; or a
        `Receptor(syn, out)`. `None`: what arrives is the current, held over the step.
    - `dt`: the time step, ms.
    """

    connect: Connect | None
    cell: AbstractCell
    synapse: Receptor | None
    dt: float = static()

    def __init__(self, connect: Any, cell: Any, synapse: Any = None, *, dt: float = 1.0):
        self.connect = connect
        self.cell = cell
        self.synapse = as_receptor("Feedforward", synapse)
        self.dt = dt

    def __check_init__(self) -> None:
        if self.connect is not None:
            check_connect("Feedforward", "connect", self.connect)
        check_cells("Feedforward", self.cell, self.synapse, self.dt)

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> LayerState:
        """The state before the first step of cells of this shape."""
        return Cells(self.cell, self.synapse, self.dt).init(shape, key)

    def run(
        self, x: Num[Array, "..."], state: LayerState | None = None, *, key: Key | None = None
    ) -> tuple[Float[Array, "time ..."], LayerState]:
        """As a call, from a given state, and with the state after the last step.

        **Arguments:**

        - `x`: the sequence.
        - `state`: by default that of `init`.
        - `key`: for the noise of cells, an initial state at random, and layers such as `eqx.nn.Dropout`.

        **Returns:** the outputs of all steps, and the state, from which another call goes on.
        """
        connect_key, init_key, step_key = (None, None, None) if key is None else jax.random.split(key, 3)
        currents = over_time(self.connect, x, connect_key)
        cells = Cells(self.cell, self.synapse, self.dt)
        start = cells.init(currents.shape[1:], init_key)
        if state is not None:
            check_state("Feedforward", state, start)
            start = state
        steps = jnp.arange(currents.shape[0], dtype=jnp.int32)
        step = lambda state, x: cells.step(state, x[0], x[1], step_key)
        last, output = fuse.scan(step, start, (currents, steps))
        return output, last

    def __call__(self, x: Num[Array, "..."], *, key: Key | None = None) -> Float[Array, "time ..."]:
        """The outputs of all steps, `[time, ...]`, from the initial state; `key` as in `run`."""
        return self.run(x, key=key)[0]
