"""Real-time recurrent learning with the diagonal of the influence."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax import lax
from jaxtyping import Array

from .._types import Key, State
from ..network import History, Network
from ._influence import Influence
from ._objective import EachStep, Objective


def d_rtrl(
    objective: Objective,
    model: Any,
    chosen: Any,
    inputs: Any,
    targets: Any,
    *,
    key: Key | None,
    state: State | None,
) -> tuple[Array, Any]:
    """The value, and gradients by what each neuron's parameters do to its own variables, in one pass forwards."""
    influence = Influence("d_rtrl", model, chosen, spiking_only=False)
    run, first, init_key = objective.begin(model, inputs, key=key, state=state)
    parameters, rest = eqx.partition(model, eqx.is_inexact_array)
    loss, past = objective.loss, None
    if not isinstance(loss, EachStep):
        # What the outputs of each step do to the loss is known when the run is over.
        fixed = jtu.tree_map(lambda x: lax.stop_gradient(x) if eqx.is_inexact_array(x) else x, model)
        outputs = objective.outputs(fixed, inputs, key=key, state=state)
        value, past = jax.value_and_grad(loss)(outputs, targets)

    def of_step(parameters: Any, moving: Any, still: Any, drive: Any, now: Any, t: Any, key: Any) -> Any:
        """What a step adds to the loss (or a number of the same derivatives), and its state."""
        after, outputs = eqx.combine(parameters, rest).step(eqx.combine(moving, still), drive, dt=run.dt, t=t, key=key)
        if past is None:
            return loss.loss(outputs, now), after  # pyright: ignore
        return sum(jnp.vdot(outputs[name], now[name]) for name in now), after

    def step(carry: Any, x: tuple[Array, Any]) -> tuple[Any, None]:
        state, eligibilities, lines, value, slopes, total = carry
        s, now = x
        t, own, drive = run.moment(s, run.inputs)
        moving, still = eqx.partition(state, eqx.is_inexact_array)
        (part, after), (direct, back) = jax.value_and_grad(of_step, (0, 1), has_aux=True)(
            parameters, moving, still, drive, now, t, own
        )
        slopes = jtu.tree_map(jnp.add, slopes, direct)
        total = jtu.tree_map(jnp.add, total, _followed(influence, model, back, eligibilities, lines))
        eligibilities, derivatives = influence.advance(model, eligibilities, state, drive, dt=run.dt, t=t, key=own)
        lines = _remembered(influence, model, lines, derivatives)
        return (after, eligibilities, lines, value + part, slopes, total), None

    zeros = jtu.tree_map(jnp.zeros_like, parameters)
    eligibilities = influence.init(model, state, run.dt, init_key)
    lines = _silent(influence, model, first, eligibilities)
    start = first, eligibilities, lines, jnp.zeros(()), zeros, influence.nothing(model)
    steps = jnp.arange(objective.steps, dtype=jnp.int32)
    (_, _, _, summed, slopes, total), _ = lax.scan(step, start, (steps, targets if past is None else past))
    own = influence.as_tree(model, total)
    return summed if past is None else value, jtu.tree_map(jnp.add, slopes, own)  # pyright: ignore


def _silent(influence: Influence, model: Network, state: Any, eligibilities: Any) -> Any:
    """The derivatives of outputs under way, kept as the outputs are."""
    units, synapses, _ = eligibilities
    of = lambda x, name: History.silent(x.size, _length(state.histories[name]), x.dtype)
    by_unit = {
        (name, leaf): of(jtu.tree_leaves(x)[0], name) for (name, leaf), x in units.items() if name in state.histories
    }
    posts = {p: model.projections[p].post.name for p in synapses}
    by_synapse = {p: of(x[0], posts[p]) for p, x in synapses.items() if posts[p] in state.histories}
    return by_unit, by_synapse


def _length(history: History) -> int:
    return 1 if history.ring is None else history.ring.shape[0]


def _remembered(influence: Influence, model: Network, lines: Any, derivatives: Any) -> Any:
    return tuple(
        {place: line.turn().push(derivatives[kind][place].reshape(-1)) for place, line in lines[kind].items()}
        for kind in (0, 1)
    )


def _followed(influence: Influence, model: Network, back: Any, eligibilities: Any, lines: Any) -> Any:
    """What the derivatives of a step's loss by the state before it come to: those by the variables of neurons, and by
    outputs under way, times what these are of parameters."""
    units, synapses, _ = eligibilities
    total = influence.nothing(model)
    for name in influence.populations:
        signals = jtu.tree_leaves(back.populations[name])
        own = {place: jtu.tree_leaves(x) for place, x in units.items() if place[0] == name}
        into = {p: x for p, x in synapses.items() if model.projections[p].post.name == name}
        for i, signal in enumerate(signals):
            derivatives = {k: x[i] for k, x in own.items()}, {k: x[i] for k, x in into.items()}
            total = _added(total, influence.gradient(model, {name: signal}, derivatives))
        if name not in back.histories:
            continue
        shape = model.populations[name].shape
        line, kept = (
            back.histories[name],
            tuple({k: x for k, x in held.items() if _owner(model, k) == name} for held in lines),
        )
        rows = 0 if line.ring is None else line.ring.shape[0]
        for row in range(-1, rows):
            of = (lambda x: x.last) if row < 0 else (lambda x, row=row: x.ring[row])
            derivatives = (
                {k: of(x).reshape(shape) for k, x in kept[0].items()},
                {k: of(x) for k, x in kept[1].items()},
            )
            total = _added(total, influence.gradient(model, {name: of(line).reshape(shape)}, derivatives))
    return total


def _owner(model: Network, place: Any) -> str:
    return place[0] if isinstance(place, tuple) else model.projections[place].post.name


def _added(total: Any, part: Any) -> Any:
    """A part of the gradients added to the whole."""
    return tuple(
        {k: x + own[k] if k in own else x for k, x in whole.items()} for whole, own in zip(total, part, strict=True)
    )
