"""Eligibility propagation."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax import lax
from jaxtyping import Array

from .._interfaces import AbstractDynamics
from .._types import Key, State
from ..network import Network, Population
from ..sources import Samples
from ._influence import Influence
from ._objective import Objective


class Told(AbstractDynamics):
    """A population that puts out what it is given."""

    shape: tuple[int, ...] = eqx.field(static=True)

    def init(self, *, dt: float, key: Key | None = None) -> tuple[()]:
        del dt, key
        return ()

    def step(self, state: tuple[()], input: Any, *, dt: float, t: Any = 0.0, key: Key | None = None) -> Any:
        del dt, t, key
        return state, jnp.zeros(self.shape) if input is None else input


def spiking(model: Network) -> list[str]:
    """The populations that spike and have synapses or parameters to learn."""
    return [name for name, p in model.populations.items() if isinstance(p, Population) and p.is_spiking]


def rest_of(model: Network) -> Network:
    """The network without the populations that spike, in whose place are their spikes."""
    told = spiking(model)
    populations = {name: Told(p.shape) if name in told else p for name, p in model.populations.items()}
    projections = {name: p for name, p in model.projections.items() if p.post.name not in told}
    return eqx.tree_at(lambda m: (m.populations, m.projections), model, (populations, projections))


def eprop(
    objective: Objective,
    model: Any,
    chosen: Any,
    inputs: Any,
    targets: Any,
    *,
    key: Key | None,
    state: State | None,
) -> tuple[Array, Any]:
    """The value, and gradients that leave out what spikes do to neurons that spike."""
    if state is not None:
        raise ValueError("eprop: begins with the initial state of the model; `state` cannot be given.")
    influence = Influence("eprop", model, chosen, spiking_only=True)
    names = spiking(model)
    given = {} if inputs is None else inputs
    fixed = jtu.tree_map(lambda x: lax.stop_gradient(x) if eqx.is_inexact_array(x) else x, model)
    emitted = objective.outputs(fixed, inputs, key=key, state=None, names=names)
    drives = {name: drive for name, drive in given.items() if name not in names}

    def readout(pair: tuple[Any, dict[str, Array]]) -> Array:
        parameters, emitted = pair
        rest = rest_of(eqx.combine(parameters, eqx.filter(model, eqx.is_inexact_array, inverse=True)))
        told = drives | {name: Samples(x) for name, x in emitted.items()}
        outputs = objective.outputs(rest, told, key=key, state=None)
        return objective.loss(outputs, targets)

    parameters = eqx.filter(model, eqx.is_inexact_array)
    value, (slopes, signals) = jax.value_and_grad(readout)((parameters, emitted))
    own = eligibility_gradient(objective, model, influence, inputs, signals, key=key)
    return value, jtu.tree_map(jnp.add, slopes, own)


def eligibility_gradient(
    objective: Objective,
    model: Network,
    influence: Influence,
    inputs: Any,
    signals: dict[str, Array],
    *,
    key: Key | None,
) -> Any:
    """The sum over steps of learning signals, the derivatives of the loss by each spike `[steps, ...]`, times the derivatives
    of spikes that are followed."""
    run, state, init_key = objective.begin(model, inputs, key=key, state=None)
    eligibilities = influence.init(model, None, objective.dt, init_key)

    def step(carry: Any, x: tuple[Array, dict[str, Array]]) -> tuple[Any, None]:
        state, eligibilities, total = carry
        s, signal = x
        t, own, drive = run.moment(s, run.inputs)
        eligibilities, derivatives = influence.advance(model, eligibilities, state, drive, dt=run.dt, t=t, key=own)
        total = jtu.tree_map(jnp.add, total, influence.gradient(model, signal, derivatives))
        state, _ = model.step(state, drive, dt=run.dt, t=t, key=own)
        return (state, eligibilities, total), None

    total = influence.nothing(model)
    steps = jnp.arange(objective.steps, dtype=jnp.int32)
    (_, _, total), _ = lax.scan(step, (state, eligibilities, total), (steps, signals))
    return influence.as_tree(model, total)
