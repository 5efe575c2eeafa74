"""What is minimised, and the run that it is a function of."""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float

from .._interfaces import AbstractDynamics
from .._loop import is_input, Run
from .._record import output
from .._simulate import check_inputs, count_steps, simulate
from .._types import Key, State
from ..network import Network


class EachStep(eqx.Module):
    """As made by `each_step`."""

    loss: Callable[[Any, Any], Array]

    def __call__(self, outputs: Any, targets: Any) -> Float[Array, ""]:
        return jnp.sum(jax.vmap(self.loss)(outputs, targets))


def each_step(loss: Callable[[Any, Any], Array]) -> EachStep:
    """A loss that is a sum over the steps of a run, for which online methods need not remember the outputs of a run.

    **Arguments:**

    - `loss`: from the outputs and the targets of one step to a number. Targets have a leading axis of steps (or are `None`).
    """
    return EachStep(loss)


@dataclasses.dataclass(frozen=True)
class Objective:
    """A loss of the outputs of a run of a fixed length."""

    loss: Callable[[Any, Any], Array]
    t1: float
    dt: float

    @property
    def steps(self) -> int:
        return count_steps(0.0, self.t1, self.dt)[1]

    def outputs(
        self,
        model: AbstractDynamics,
        inputs: Any,
        *,
        key: Key | None,
        state: State | None,
        checkpoint: int | None = None,
        names: list[str] | None = None,
        fused: bool = True,
    ) -> Any:
        """What populations put out in each step, `[steps, ...]`: by name, or as it is of a model that is no network."""
        if not isinstance(model, Network):
            records = {"": output()}
        else:
            records = {name: output(name) for name in (model.populations if names is None else names)}
        sol = simulate(
            model, self.t1, self.dt, inputs, record=records, state=state, key=key, checkpoint=checkpoint, fused=fused
        )
        values = {name: record.values for name, record in sol.records.items()}
        return values if isinstance(model, Network) else values[""]

    def of(self, outputs: Any, targets: Any) -> Float[Array, ""]:
        value = self.loss(outputs, targets)
        if jnp.shape(value) != ():
            raise ValueError(f"learn: the loss must be one number, got shape {jnp.shape(value)}.")
        return value

    def begin(
        self, model: Network, inputs: Any, *, key: Key | None, state: State | None
    ) -> tuple[Run, State, Key | None]:
        """The run, its first state, and the key of the initial state: as `simulate` has them."""
        init_key, run_key = (None, None) if key is None else jr.split(key)
        if state is None:
            state = model.init(dt=self.dt, key=init_key)
        check_inputs(model, inputs, self.steps)
        # As in `simulate`, numbers are drives that do not change.
        inputs = jtu.tree_map(lambda x: x if is_input(x) else jnp.asarray(x, dtype=float), inputs, is_leaf=is_input)
        return Run(model, inputs, (), np.asarray(0, np.int32), run_key, self.dt, False), state, init_key
