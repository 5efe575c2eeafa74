"""Plastic projections: which rules they have, what is kept of them, and a step of learning."""

from collections.abc import Iterator, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array

from .._interfaces import AbstractPlasticity, AbstractSynapses, Side
from .._types import is_tracer, State
from .._voltage import voltage
from ..connect import plastic
from ._history import History


class Plastic(eqx.Module):
    """What a projection of a network has of its rules: their names, in order, and where its synapses are."""

    rules: tuple[str, ...] = eqx.field(static=True)
    synapses: AbstractSynapses


class Traces(eqx.Module):
    """The variables of learning rules.

    - `sources`, `targets`: by rule and population, `"STDP:E"`; of sources also by the steps of the delay, `"STDP:E@15"`.
    - `synapses`: by rule and projection, `"STDP:E->I:ampa"`.
    """

    sources: dict[str, State]
    targets: dict[str, State]
    synapses: dict[str, State]


def as_rules(given: Any) -> Any:
    """A tuple of rules, or `None` for none. What a network has made of them is left as it is."""
    if given is None or isinstance(given, Plastic):
        return given
    rules = (given,) if isinstance(given, AbstractPlasticity) else given
    if not isinstance(rules, tuple | list) or not all(isinstance(rule, AbstractPlasticity) for rule in rules):
        raise TypeError(
            "Projection: `plasticity` must be a learning rule of `neuroeqx.plasticity` or a list of them, got "
            f"{type(given).__name__}."
        )
    return tuple(rules) or None


def named_rules(
    projections: Mapping[str, Any], taken: Any
) -> tuple[dict[str, AbstractPlasticity], dict[str, tuple[str, ...]]]:
    """The rules of projections, each object once, by name: that of its class, with a number if there are more; and by
    projection the names of its own."""
    named: dict[str, AbstractPlasticity] = {}
    owned: dict[str, tuple[str, ...]] = {}
    for name, projection in projections.items():
        if isinstance(projection.plasticity, Plastic):
            raise ValueError(
                f"Network: projection {name!r} was taken from another network, which keeps its rules "
                f"{list(projection.plasticity.rules)}; make it anew, with `plasticity=` the rules themselves."
            )
        own = []
        for rule in projection.plasticity or ():
            known = [other for other, x in named.items() if x is rule]
            if not known:
                known, count = [type(rule).__name__], 2
                while known[0] in named or known[0] in taken:
                    known, count = [f"{type(rule).__name__} #{count}"], count + 1
                named[known[0]] = rule
            own += known
        if len(set(own)) < len(own):
            raise ValueError(f"Network: projection {name!r} has the same rule twice.")
        owned[name] = tuple(own)
    for name, rule in named.items():
        for modulator in rule.modulators:
            if modulator not in taken:
                raise ValueError(
                    f"Network: the rule {name!r} is modulated by a population {modulator!r}; there are {sorted(taken)}."
                )
    return named, owned


def with_rules(name: str, projection: Any, own: tuple[str, ...]) -> Any:
    """A projection with the names of its rules in their place, and a matrix that can hold a weight for each synapse."""
    if not own:
        return projection
    try:
        comm, synapses = plastic(projection.comm)
    except (TypeError, ValueError) as error:
        raise type(error)(f"Network: projection {name!r} has plasticity: {error}") from None
    for rule in projection.plasticity:
        _check_limits(name, comm.weight, rule)
    changed = eqx.tree_at(lambda p: p.comm, projection, comm)
    return eqx.tree_at(lambda p: p.plasticity, changed, Plastic(own, synapses), is_leaf=lambda x: x is None)


def _check_limits(name: str, weight: Array, rule: AbstractPlasticity) -> None:
    for limit, beyond, of in ((rule.w_min, np.less, np.min), (rule.w_max, np.greater, np.max)):
        if limit is None or is_tracer(weight) or is_tracer(limit) or not eqx.is_array(weight) or weight.size == 0:
            continue
        worst = of(np.asarray(weight))
        if beyond(worst, np.asarray(limit, worst.dtype)):
            raise ValueError(
                f"Network: projection {name!r} begins with a weight of {worst:g}, but {type(rule).__name__} keeps weights "
                f"within `w_min` = {rule.w_min} and `w_max` = {rule.w_max}."
            )


def init(net: Any, populations: dict[str, State], dt: float) -> tuple[dict[str, Array], Traces]:
    """The weights and the variables of rules before the first step."""
    weights, traces = {}, Traces({}, {}, {})
    for name, projection in net.projections.items():
        if projection.plasticity is None:
            continue
        synapses = projection.plasticity.synapses
        weights[name] = jnp.broadcast_to(projection.comm.weight, synapses.shape)
        for own in projection.plasticity.rules:
            rule = net.plasticity[own]
            v = voltage(populations[projection.post.name]).reshape(-1) if rule.needs_voltage else None
            source, target = _keys(own, projection, dt)
            traces.sources[source] = rule.init_source(_size(net, projection.pre.name))
            traces.targets[target] = rule.init_target(_size(net, projection.post.name), v)
            traces.synapses[f"{own}:{name}"] = rule.init_synapses(synapses.shape)
    return weights, traces


def learn(
    net: Any,
    weights: dict[str, Array],
    traces: Traces,
    *,
    histories: dict[str, History],
    populations: dict[str, State],
    outputs: dict[str, Array],
    factors: dict[str, Any],
    dt: float,
) -> tuple[dict[str, Array], Traces]:
    """The weights and the variables of rules after a step in which sources' outputs arrived and targets moved.

    **Arguments:**

    - `histories`: as they were read from in this step.
    - `populations`, `outputs`: of this step.
    - `factors`: the third factors, by rule.
    """
    weights, after = dict(weights), Traces(dict(traces.sources), dict(traces.targets), dict(traces.synapses))
    sources: dict[str, Side] = {}
    targets: dict[str, Side] = {}
    for own, name, projection in _pairs(net):
        rule = net.plasticity[own]
        source, target = _keys(own, projection, dt)
        if source not in sources:
            arrived = histories[projection.pre.name].read(projection.steps(dt))
            seen, after.sources[source] = rule.move_source(traces.sources[source], arrived, dt=dt)
            sources[source] = Side(arrived, seen)
        if target not in targets:
            population = projection.post.name
            output = outputs[population].reshape(-1)
            v = voltage(populations[population]).reshape(-1) if rule.needs_voltage else None
            factor = _factor(factors.get(own), net.populations[population].shape, output)
            for modulator, amount in rule.modulators.items():
                released = (jnp.sum(outputs[modulator]) * (amount / dt)).astype(output.dtype)
                factor = released if factor is None else factor + released
            seen, after.targets[target] = rule.move_target(
                traces.targets[target], output, v=v, factor=factor, dt=dt
            )  # fmt: skip
            targets[target] = Side(output, seen)
        weights[name], after.synapses[f"{own}:{name}"] = rule.learn(
            projection.plasticity.synapses,
            weights[name],
            traces.synapses[f"{own}:{name}"],
            _section(sources[source], projection.pre),
            _section(targets[target], projection.post),
            dt=dt,
        )
    return weights, after


def _pairs(net: Any) -> Iterator[tuple[str, str, Any]]:
    """Every rule of every projection."""
    for name, projection in net.projections.items():
        if projection.plasticity is not None:
            yield from ((own, name, projection) for own in projection.plasticity.rules)


def _keys(rule: str, projection: Any, dt: float) -> tuple[str, str]:
    """By what the variables of sources and of targets are kept."""
    return f"{rule}:{projection.pre.name}@{projection.steps(dt)}", f"{rule}:{projection.post.name}"


def _factor(factor: Any, shape: tuple[int, ...], like: Array) -> Array | None:
    return None if factor is None else jnp.broadcast_to(jnp.asarray(factor, like.dtype), shape).reshape(-1)


def _section(side: Side, part: Any) -> Side:
    start, stop = part.bounds(side.output.shape[0])
    return side if (start, stop) == (0, side.output.shape[0]) else jtu.tree_map(lambda x: x[start:stop], side)


def _size(net: Any, name: str) -> int:
    return int(np.prod(net.populations[name].shape))
