"""Gradients of a loss of a run, by one of several methods."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from .._interfaces import AbstractDynamics
from .._trainable import trainable
from .._types import Key, State
from .._wrappers import check_periods
from ..sources import Samples
from ._d_rtrl import d_rtrl
from ._directions import evolution, forward
from ._eprop import eprop
from ._exact import outputs_of
from ._objective import Objective


METHODS = "surrogate", "exact", "eprop", "d_rtrl", "forward", "es"


def value_and_grad(
    loss: Callable[[Any, Any], Array],
    method: str = "surrogate",
    *,
    t1: float,
    dt: float,
    where: Callable[[Any], Any] | None = None,
    batched: bool = False,
    checkpoint: int | None = None,
    directions: int | None = None,
    sigma: float = 0.01,
) -> Callable[..., tuple[Array, Any]]:
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
    - `t1`, `dt`: the run, from 0 to `t1`, ms, as in `simulate`.
    - `where`: what is trained, as in `trainable`; every floating-point array by default. The others have `None`.
    - `batched`: inputs that are `Samples` and targets have one more leading axis, of samples, which run side by side; the value
        is the mean.
    - `checkpoint`: as in `simulate`; of `"surrogate"` only.
    - `sigma`: how far runs of `"es"` are away, in the units of the parameters.

    **Returns:** a function `(model, inputs=None, targets=None, *, key=None, state=None) -> (value, gradient)`, the gradient in
    the form of the model, to be used under `eqx.filter_jit`.

    **Errors:** `ValueError` for an unknown method and for options of another one; `TypeError` and `ValueError` for models that
    a method does not know, when called.
    """
    if method not in METHODS:
        raise ValueError(f"value_and_grad: `method` must be one of {', '.join(METHODS)}, got {method!r}.")
    if checkpoint is not None and method != "surrogate":
        raise ValueError(f"value_and_grad: `checkpoint` is for method='surrogate', not for {method!r}.")
    if directions is not None and method not in ("forward", "es"):
        raise ValueError(f"value_and_grad: `directions` are for methods 'forward' and 'es', not for {method!r}.")
    if directions is not None and directions < 1:
        raise ValueError(f"value_and_grad: `directions` must be at least 1, got {directions}.")
    if not sigma > 0.0:
        raise ValueError(f"value_and_grad: `sigma` must be positive, got {sigma}.")
    objective = Objective(loss, t1, dt)

    def of_one(model: AbstractDynamics, inputs: Any, targets: Any, *, key: Key | None, state: State | None) -> Any:
        check_periods(model, dt)  # where they are known: what is trained no longer is
        chosen = jtu.tree_map(eqx.is_inexact_array, model) if where is None else trainable(model, where)
        if method in ("eprop", "d_rtrl"):
            online: Any = eprop if method == "eprop" else d_rtrl
            value, slopes = online(objective, model, chosen, inputs, targets, key=key, state=state)
            return value, eqx.filter(slopes, chosen)
        trained, fixed = eqx.partition(model, chosen)

        def of(trained: Any) -> Array:
            whole = eqx.combine(trained, fixed)
            if method == "exact":
                return objective.of(outputs_of(objective, whole, inputs, key=key), targets)
            return objective.value(whole, inputs, targets, key=key, state=state, checkpoint=checkpoint)

        if method == "exact" and state is not None:
            raise ValueError("exact: begins with the initial state of the model; `state` cannot be given.")
        if method in ("surrogate", "exact"):
            return jax.value_and_grad(of)(trained)
        flat, unravel = ravel_pytree(trained)
        if method == "forward":
            value, slopes = forward(lambda x: of(unravel(x)), flat, directions, key)
        else:
            value, slopes = evolution(lambda x: of(unravel(x)), flat, directions or 64, sigma, key)
        return value, unravel(slopes)

    def of_batch(
        model: AbstractDynamics, inputs: Any = None, targets: Any = None, *, key: Key | None = None, state: Any = None
    ) -> tuple[Array, Any]:
        if not batched:
            return of_one(model, inputs, targets, key=key, state=state)
        return _mean(of_one, model, inputs, targets, key, state)

    return of_batch


def grad(loss: Callable[[Any, Any], Array], method: str = "surrogate", **options: Any) -> Callable[..., Any]:
    """As `value_and_grad`, without the value."""
    both = value_and_grad(loss, method, **options)
    return lambda *args, **kwargs: both(*args, **kwargs)[1]


def _mean(of_one: Any, model: Any, inputs: Any, targets: Any, key: Key | None, state: Any) -> tuple[Array, Any]:
    """Over samples, each with a key of its own."""
    is_samples = lambda x: isinstance(x, Samples)
    leaves, treedef = jtu.tree_flatten(inputs, is_leaf=is_samples)
    given = [x.values for x in leaves if is_samples(x)]
    sizes = {jnp.shape(x)[0] for x in [*given, *jtu.tree_leaves(targets)]}
    if len(sizes) != 1:
        raise ValueError(f"value_and_grad: the samples of a batch must be of one number, got {sorted(sizes)}.")
    keys = None if key is None else jax.random.split(key, sizes.pop())

    def one(values: list[Array], targets: Any, key: Any) -> Any:
        rest = iter(values)
        own = treedef.unflatten([Samples(next(rest)) if is_samples(x) else x for x in leaves])
        return of_one(model, own, targets, key=key, state=state)

    values, slopes = jax.vmap(one)(given, targets, keys)
    return values.mean(), jtu.tree_map(lambda x: x.mean(0), slopes)
