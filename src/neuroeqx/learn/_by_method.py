"""A gradient of `value_and_grad` in the place of a loss of `fit`: functions of a model, a batch and a key.

They are `eqx.Partial`s, which are equal where their parts are, so that a second `fit` is not another program.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .._types import Key
from ..sources import Samples
from ._grad import Gradient


def parts(gradient: Gradient, metrics: dict[str, Callable[[Any, Any], Any]]) -> tuple[Any, Any, dict[str, Any]]:
    """What `fit` goes on with: a loss, something in the form of `eqx.filter_value_and_grad`, and metrics."""
    if not gradient.batched:
        raise ValueError("fit: `loss` is of one sample; batches need value_and_grad(..., batched=True).")
    own = {name: eqx.Partial(_of_samples, gradient, metric) for name, metric in metrics.items()}
    return eqx.Partial(_value, gradient), eqx.Partial(_value_and_grad, gradient), own


def _value(gradient: Gradient, model: Any, batch: Any, key: Key) -> Float[Array, ""]:
    return _of_samples(gradient, gradient.objective.of, model, batch, key).mean()


def _of_samples(gradient: Gradient, function: Callable[[Any, Any], Any], model: Any, batch: Any, key: Key) -> Any:
    return gradient.of_samples(function, model, _pair(batch), key)


def _value_and_grad(gradient: Gradient, function: Any, *, has_aux: bool) -> Callable[..., Any]:
    """Of the run itself; `function`, its value, is not needed."""
    del function, has_aux

    def both(model: Any, batch: Any, key: Key) -> Any:
        value, slopes = gradient(model, *_pair(batch), key=key)
        return (value, ({}, ())), slopes

    return both


def _pair(batch: Any) -> tuple[Any, Any]:
    """Inputs and targets, which must all be of one sample each."""
    if not (isinstance(batch, tuple | list) and len(batch) == 2):
        raise TypeError(f"fit: for a gradient of runs, `data` must be a pair (inputs, targets), got {batch!r}.")
    inputs, targets = batch
    is_samples = lambda x: isinstance(x, Samples)
    for path, drive in jtu.tree_leaves_with_path(inputs, is_leaf=is_samples):
        if not is_samples(drive):
            raise TypeError(
                f"fit: the inputs in `data` must be `Samples`, [samples, steps, ...], for each sample has its own; "
                f"{jtu.keystr(path) or 'they'} is {type(drive).__name__}."
            )
    return inputs, targets
