"""Gradients of a loss of a run, by one of several methods."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from .._abstract import Form, form
from .._interfaces import AbstractDynamics
from .._loop import spikes_under_way
from .._trainable import trainable
from .._types import Key, State
from .._wrappers import check_periods
from ..sources import Samples
from ._d_rtrl import d_rtrl
from ._directions import evolution, forward
from ._eprop import eprop
from ._exact import outputs_of
from ._in_parts import outputs_in_parts, why_not
from ._memory import bytes_of, predicted_bytes
from ._objective import Objective
from ._plan import as_bytes, Candidate, Checkpoint, checkpoints, Plan, table


METHODS = "surrogate", "exact", "eprop", "d_rtrl", "forward", "es"


def value_and_grad(
    loss: Callable[[Any, Any], Array],
    method: str | Sequence[str] = "surrogate",
    *,
    t1: float,
    dt: float,
    where: Callable[[Any], Any] | None = None,
    batched: bool = False,
    checkpoint: Checkpoint = None,
    directions: int | None = None,
    sigma: float = 0.01,
    memory: str | int | None = None,
) -> "Gradient":
    """A function from a model to a loss of its run and the gradient by its parameters.

    ```python
    step = nex.learn.value_and_grad(loss, method="eprop", t1=100.0, dt=1.0)
    value, slopes = step(net, {"in": nex.Samples(x)}, targets, key=key)
    ```

    **Arguments:**

    - `loss`: from the outputs of all populations, by name and `[steps, ...]` (of a model that is no network its output), and
        targets to a number; or `each_step(...)` of such a function of one step.
    - `method`:
        - `"surrogate"`: backpropagation through time, with the derivatives of surrogates in place of those of spikes.
        - `"exact"`: the derivatives of spike times by the implicit function theorem (as EventProp's, Wunderlich & Pehle 2021),
            through a run in which threshold crossings are located within their step and act a delay later to the same
            precision. Of networks of `LIF` cells (`Refractory` or not), read by `Leaky` ones, with receptors of `Expon` and
            `CUBA`. Spikes themselves, 0 or 1, have no derivative; voltages of `Leaky` cells do. At most one spike of a
            neuron in a step. (`exact_outputs` is that run.)
        - `"eprop"`: eligibility propagation (Bellec et al. 2020): what spikes do to neurons that spike is left out, so that
            for each synapse a few numbers are carried forwards. Learning signals are the true derivatives of the loss by
            spikes through the populations that do not spike, whose own parameters have the gradient of `"surrogate"`. The
            spikes of a run are kept, and what populations that do not spike need.
        - `"d_rtrl"`: real-time recurrent learning with the diagonal (by neurons) of the influence (Murray 2019): of each
            step's loss what it is of the variables of neurons and of their outputs under way a step before. With
            `each_step` memory does not depend on the length of the run.
        - `"forward"`: forward-mode differentiation along every parameter, or along random `directions`.
        - `"es"`: evolution strategies, from values of runs along 64 (or `directions`) random directions and their opposites;
            true spikes, no surrogates.

        Or several, in the order of preference, of which `memory` chooses.
    - `t1`, `dt`: the run, from 0 to `t1`, ms, as in `simulate`.
    - `where`: what is trained, as in `trainable`; every floating-point array by default. The others have `None`.
    - `batched`: inputs that are `Samples` and targets have one more leading axis, of samples, which run side by side; the value
        is the mean.
    - `checkpoint`: of `"surrogate"` and `"exact"` a number of states to keep, as in `simulate`. Or of the former `"spikes"`:
        populations run one after the other (those that drive each other together), and of each only the spikes are kept, as
        bits. What else the derivatives of a population need is computed again, and is there only meanwhile: the memory is
        that of the largest of them. Of runs from the initial state, without plasticity.
    - `sigma`: how far runs of `"es"` are away, in the units of the parameters.
    - `memory`: the most that arguments, results and all between may take: bytes, or a text such as `"256MiB"`. The first that
        fits is taken, of `"surrogate"` (and `"exact"`) with all states kept, then with spikes only, then with ever fewer states
        (`checkpoint`), which takes more time and gives the same gradient; then of the next of several methods, which does
        not. It is told from the shapes of the arguments before anything is compiled; `.plan(...)` of what is returned says
        it. Of the call as it is: a `vmap` around it is not known.

    **Returns:** a function `(model, inputs=None, targets=None, *, key=None, state=None) -> (value, gradient)`, the gradient in
    the form of the model, to be used under `eqx.filter_jit`. With the same arguments its method `plan` returns a `Plan`.
    `fit` takes it in the place of a loss.

    **Errors:** `ValueError` for an unknown method and for options of another one; `TypeError` and `ValueError` for models that
    a method does not know, and `ValueError` if nothing fits into `memory`, when called.
    """
    methods = (method,) if isinstance(method, str) else tuple(method)
    if not methods or not set(methods) <= set(METHODS):
        raise ValueError(f"value_and_grad: `method` must be one of {', '.join(METHODS)}, got {method!r}.")
    if len(methods) > 1 and memory is None:
        raise ValueError(f"value_and_grad: of several methods, {', '.join(methods)}, `memory` chooses: give it.")
    if checkpoint is not None and methods not in (("surrogate",), ("exact",)):
        raise ValueError(f"value_and_grad: `checkpoint` is for methods 'surrogate' and 'exact', not for {method!r}.")
    if checkpoint == "spikes" and methods == ("exact",):
        raise ValueError("value_and_grad: checkpoint='spikes' is for method='surrogate', not for 'exact'.")
    if isinstance(checkpoint, str) and checkpoint != "spikes":
        raise ValueError(f"value_and_grad: `checkpoint` must be a number of states or 'spikes', got {checkpoint!r}.")
    if checkpoint is not None and memory is not None:
        raise ValueError("value_and_grad: `memory` finds the number of `checkpoint`s: give one or the other.")
    if directions is not None and not {"forward", "es"} & set(methods):
        raise ValueError(f"value_and_grad: `directions` are for methods 'forward' and 'es', not for {method!r}.")
    if directions is not None and directions < 1:
        raise ValueError(f"value_and_grad: `directions` must be at least 1, got {directions}.")
    if not sigma > 0.0:
        raise ValueError(f"value_and_grad: `sigma` must be positive, got {sigma}.")
    limit = None if memory is None else as_bytes(memory)
    return Gradient(Objective(loss, t1, dt), methods, where, batched, checkpoint, directions, sigma, limit)


def grad(
    loss: Callable[[Any, Any], Array], method: str | Sequence[str] = "surrogate", **options: Any
) -> Callable[..., Any]:
    """As `value_and_grad`, without the value."""
    both = value_and_grad(loss, method, **options)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


@dataclasses.dataclass(frozen=True, eq=False)
class Gradient:
    """As made by `value_and_grad`."""

    objective: Objective
    methods: tuple[str, ...]
    where: Callable[[Any], Any] | None
    batched: bool
    checkpoint: Checkpoint
    directions: int | None
    sigma: float
    limit: int | None
    plans: dict[Form, Plan] = dataclasses.field(default_factory=dict)

    def __call__(
        self,
        model: AbstractDynamics,
        inputs: Any = None,
        targets: Any = None,
        *,
        key: Key | None = None,
        state: Any = None,
    ) -> tuple[Array, Any]:
        args = model, inputs, targets, key, state
        if self.limit is None:
            return self._of(self.methods[0], self.checkpoint, *args)
        plan = self.plan(model, inputs, targets, key=key, state=state)
        return self._of(plan.method, plan.checkpoint, *args)

    def plan(
        self,
        model: AbstractDynamics,
        inputs: Any = None,
        targets: Any = None,
        *,
        key: Key | None = None,
        state: Any = None,
    ) -> Plan:
        """What a call with arguments of these shapes does, and how much memory it takes. Nothing is computed."""
        same, _ = form((model, inputs, targets, key, state))
        if same not in self.plans:
            self.plans[same] = self._plan(same)
        return self.plans[same]

    def _plan(self, same: Form) -> Plan:
        shapes = same.shapes
        tried: list[Candidate] = []

        def function(method: str, checkpoint: Checkpoint) -> Callable[[Any], Any]:
            return lambda arrays: eqx.filter(self._of(method, checkpoint, *same.of(arrays)), eqx.is_array)

        def fits(method: str, checkpoint: Checkpoint, forwards: int | None) -> bool:
            size = predicted_bytes(function(method, checkpoint), shapes)
            tried.append(Candidate(method, checkpoint, size, forwards))
            return self.limit is None or size <= self.limit

        for method in self.methods:
            goes_back = method in ("surrogate", "exact")
            found = fits(method, self.checkpoint, 1 if goes_back else None)
            if not found and goes_back:
                kept = tried[-1].predicted - 2 * bytes_of(shapes)
                pairs = checkpoints(self.objective.steps, kept, self._state_bytes(same))
                model, _, _, key, state = same.abstract()
                if method == "surrogate" and not why_not(model, key, state):
                    pairs = itertools.chain([("spikes", 2)], pairs)
                found = any(fits(method, *pair) for pair in pairs)
            if found:
                return Plan(tuple(tried), self.limit, function(method, tried[-1].checkpoint), shapes)
        raise ValueError(
            f"value_and_grad: nothing fits into the memory given.\n{table(tuple(tried), self.limit)}\nOnline methods keep no "
            "states: method=('surrogate', 'd_rtrl') takes the second where the first does not fit."
        )

    def _state_bytes(self, same: Form) -> int:
        """What is kept of a state, spikes as bits."""
        model, inputs, targets, _, state = same.abstract()
        if state is None:
            state = eqx.filter_eval_shape(
                lambda model, key: model.init(dt=self.objective.dt, key=key), model, jax.random.key(0)
            )
        spikes = bytes_of(spikes_under_way(model, state))
        return (bytes_of(state) - spikes + spikes // 32) * (_number_of_samples(inputs, targets) if self.batched else 1)

    def _of(
        self, method: str, checkpoint: Checkpoint, model: Any, inputs: Any, targets: Any, key: Any, state: Any
    ) -> Any:
        one = functools.partial(self._of_one, method, checkpoint)
        if not self.batched:
            return one(model, inputs, targets, key=key, state=state)
        values, slopes = _each(one, model, inputs, targets, key, state)
        return values.mean(), jtu.tree_map(lambda x: x.mean(0), slopes)

    def of_samples(
        self, function: Callable[[Any, Any], Any], model: Any, batch: tuple[Any, Any], key: Key | None
    ) -> Any:
        """A function of outputs and targets, of the run of each sample of a batch `(inputs, targets)`, `[batch, ...]`: that of
        the first method, without derivatives."""

        def one(model: Any, inputs: Any, targets: Any, *, key: Key | None, state: State | None) -> Any:
            return function(self._outputs(self.methods[0], None, model, inputs, key, state), targets)

        check_periods(model, self.objective.dt)
        return _each(one, model, *batch, key, None)

    def _outputs(
        self, method: str, checkpoint: Checkpoint, model: Any, inputs: Any, key: Key | None, state: State | None
    ) -> Any:
        if method == "exact":
            if state is not None:
                raise ValueError("exact: begins with the initial state of the model; `state` cannot be given.")
            assert not isinstance(checkpoint, str)
            return outputs_of(self.objective, model, inputs, key=key, checkpoint=checkpoint)
        if not isinstance(checkpoint, str):
            return self.objective.outputs(model, inputs, key=key, state=state, checkpoint=checkpoint)
        if reason := why_not(model, key, state):
            raise ValueError(f"value_and_grad: checkpoint='spikes' is not possible: {reason}.")
        return outputs_in_parts(self.objective, model, inputs, key=key)

    def _of_one(
        self,
        method: str,
        checkpoint: Checkpoint,
        model: AbstractDynamics,
        inputs: Any,
        targets: Any,
        *,
        key: Key | None,
        state: State | None,
    ) -> Any:
        objective, where = self.objective, self.where
        check_periods(model, objective.dt)  # where they are known: what is trained no longer is
        chosen = jtu.tree_map(eqx.is_inexact_array, model) if where is None else trainable(model, where)
        if method in ("eprop", "d_rtrl"):
            online: Any = eprop if method == "eprop" else d_rtrl
            value, slopes = online(objective, model, chosen, inputs, targets, key=key, state=state)
            return value, eqx.filter(slopes, chosen)
        trained, fixed = eqx.partition(model, chosen)

        def of(trained: Any) -> Array:
            whole = eqx.combine(trained, fixed)
            return objective.of(self._outputs(method, checkpoint, whole, inputs, key, state), targets)

        if method in ("surrogate", "exact"):
            return jax.value_and_grad(of)(trained)
        flat, unravel = ravel_pytree(trained)
        if method == "forward":
            value, slopes = forward(lambda x: of(unravel(x)), flat, self.directions, key)
        else:
            value, slopes = evolution(lambda x: of(unravel(x)), flat, self.directions or 64, self.sigma, key)
        return value, unravel(slopes)


def _number_of_samples(inputs: Any, targets: Any) -> int:
    is_samples = lambda x: isinstance(x, Samples)
    given = [x.values for x in jtu.tree_leaves(inputs, is_leaf=is_samples) if is_samples(x)]
    sizes = {jnp.shape(x)[0] for x in [*given, *jtu.tree_leaves(targets)]}
    if len(sizes) != 1:
        raise ValueError(f"value_and_grad: the samples of a batch must be of one number, got {sorted(sizes)}.")
    return sizes.pop()


def _each(of_one: Any, model: Any, inputs: Any, targets: Any, key: Key | None, state: Any) -> Any:
    """Of each sample, with a key of its own."""
    is_samples = lambda x: isinstance(x, Samples)
    leaves, treedef = jtu.tree_flatten(inputs, is_leaf=is_samples)
    given = [x.values for x in leaves if is_samples(x)]
    keys = None if key is None else jax.random.split(key, _number_of_samples(inputs, targets))

    def one(values: list[Array], targets: Any, key: Any) -> Any:
        rest = iter(values)
        own = treedef.unflatten([Samples(next(rest)) if is_samples(x) else x for x in leaves])
        return of_one(model, own, targets, key=key, state=state)

    return jax.vmap(one)(given, targets, keys)
