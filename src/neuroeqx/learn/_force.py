"""FORCE learning."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from .._checks import check_count
from .._fields import as_parameter, check_finite
from .._interfaces import AbstractDynamics, AbstractLinearSynapse
from .._types import Key, Output, State, Time
from ..network import Network, Population
from ._rls import RLS, RLSState


class ForceState(eqx.Module):
    """The state of the network and of the filters of its outputs, what is learnt, the readout's value after the last step,
    and the number of steps."""

    body: State
    filter: State
    learnt: RLSState
    readout: Float[Array, " outputs"]
    steps: Int[Array, ""]


class Force(AbstractDynamics):
    r"""FORCE learning (Sussillo & Abbott 2009; of spiking networks Nicola & Clopath 2017): a network that is chaotic by itself
    is fed back a readout $z = r W$ of its own activity, and recursive least squares makes that the target while it runs.

    In every step the network moves under its own drive and the feedback $z Q$ of the step before; r is the output of its
    cells, or that after `filter`; then $z$ is computed, and every `every` steps W is changed by the error $z - target$ if
    the step has a target. A step's `input` is a dictionary of what there is of `"target"`, `[outputs]`, and `"body"`, the
    inputs of the network; the phases of an experiment are runs with and without a target:

    ```python
    learning = nex.simulate(force, 2000.0, 1.0, {"target": nex.Samples(target)}, key=key)
    test = nex.simulate(force, 4000.0, 1.0, state=learning.state, t0=2000.0, record={"z": nex.output("readout")})
    ```

    The output of a step is a dictionary of the outputs of the network's populations (of a single one as `"body"`) and z as
    `"readout"`, so that `nex.spikes("E")` and `nex.output("readout")` record them.

    **Arguments:**

    - `body`: a `Population`, or a `Network`.
    - `feedback`: $Q$, in the unit of the cells' current, `[outputs, cells]` (cells in flat order).
    - `rls`: the learning rule; its `alpha` is in the unit of a squared r.
    - `population`: of a network the one that is read and fed back to.
    - `filter`: linear kinetics between a cell's output and r, such as `Expon(20.0)` or `DualExpon(20.0, 2.0)`; none for rates.
    - `every`: how many steps there are from one change of W to the next.

    **Errors:** `ValueError` for unknown populations and shapes that do not fit.
    """

    body: AbstractDynamics
    feedback: Float[Array, "outputs cells"]
    rls: RLS
    filter: AbstractLinearSynapse | None
    population: str | None = eqx.field(static=True)
    every: int = eqx.field(static=True)

    def __init__(
        self,
        body: AbstractDynamics,
        feedback: Any,
        rls: RLS,
        *,
        population: str | None = None,
        filter: AbstractLinearSynapse | None = None,
        every: int = 1,
    ):
        self.body = body
        self.feedback = as_parameter(feedback)
        self.rls = rls
        self.population = population
        self.filter = filter
        self.every = every

    def __check_init__(self) -> None:
        check_finite(self)
        check_count(self, "every")
        if isinstance(self.body, Network):
            if not isinstance(self.body.populations.get(str(self.population)), Population):
                known = [name for name, p in self.body.populations.items() if isinstance(p, Population)]
                raise ValueError(f"Force: `population` must be one of {known}, got {self.population!r}.")
        elif not isinstance(self.body, Population):
            raise TypeError(f"Force: `body` must be a Network or a Population, got {type(self.body).__name__}.")
        elif self.population is not None:
            raise ValueError(
                f"Force: `population` is {self.population!r}, but `body` is a single population: leave it out."
            )
        if self.feedback.ndim != 2 or self.feedback.shape[1] != self._read.size:
            raise ValueError(
                f"Force: `feedback` must have shape (outputs, {self._read.size}), an entry for each cell, got "
                f"{self.feedback.shape}."
            )

    @property
    def _read(self) -> Population:
        return self.body if self.population is None else self.body.populations[self.population]  # pyright: ignore

    def init(self, *, dt: float, key: Key | None = None) -> ForceState:
        outputs, cells = self.feedback.shape
        return ForceState(
            body=self.body.init(dt=dt, key=key),
            filter=None if self.filter is None else self.filter.init((cells,)),
            learnt=self.rls.init(cells, outputs),
            readout=jnp.zeros(outputs, self.rls.alpha.dtype),
            steps=jnp.zeros((), jnp.int32),
        )

    def step(
        self,
        state: ForceState,
        input: Mapping[str, Any] | None = None,
        *,
        dt: float,
        t: Time = 0.0,
        key: Key | None = None,
    ) -> tuple[ForceState, dict[str, Output]]:
        given = {} if input is None else dict(input)
        if set(given) - {"target", "body"}:
            raise ValueError(f'Force: the inputs of a step are "target" and "body", got {sorted(given)}.')
        fed = (state.readout @ self.feedback).reshape(self._read.shape)
        body, outputs = self.body.step(state.body, self._driven(given.get("body"), fed), dt=dt, t=t, key=key)
        outputs = {"body": outputs} if self.population is None else outputs
        r = outputs["body" if self.population is None else self.population].reshape(-1)
        filtered = None
        if self.filter is not None:
            filtered, r = self.filter.step(state.filter, r, dt=dt)
        readout = r @ state.learnt.weights
        learnt = state.learnt
        if given.get("target") is not None:
            target = jnp.broadcast_to(jnp.asarray(given["target"]).astype(readout.dtype), readout.shape)
            due = state.steps % self.every == 0
            learnt = lax.cond(due, lambda s: self.rls.update(s, r, target)[0], lambda s: s, learnt)
        return ForceState(body, filtered, learnt, readout, state.steps + 1), {**outputs, "readout": readout}

    def _driven(self, own: Any, fed: Array) -> Any:
        """The inputs of the network with the feedback among them."""
        if self.population is None:
            return fed if own is None else fed + own
        own = {} if own is None else dict(own)
        drive = own.get(self.population)
        return {**own, self.population: fed if drive is None else fed + drive}
