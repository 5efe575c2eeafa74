"""How well what `fit` gives reads test data, which `fit` never sees."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
from jax import lax
from jaxtyping import Array, Float

from ..learn import accuracy, Fit
from . import _report


# Samples that are read side by side.
BATCH = 250


@eqx.filter_jit
def test_accuracy(model: Any, scores: Callable[[Any, Any], Array], x: Array, labels: Array) -> Float[Array, ""]:
    """Of a trained model, whose noise is turned off.

    **Arguments:**

    - `scores`: of the model and a sample, `[classes]`.
    - `x`, `labels`: the samples, `[n, ...]` and `[n]`.
    """
    model = eqx.nn.inference_mode(model)
    return accuracy(lax.map(lambda sample: scores(model, sample), x, batch_size=BATCH), labels).mean()


def accuracies(done: Fit, scores: Callable[[Any, Any], Array], x: Array, labels: Array) -> dict[str, Any]:
    """The accuracies to be reported of one seed, of samples as in `test_accuracy`."""
    of = lambda model: test_accuracy(model, scores, x, labels)
    return _report.fitted(done, of(done.last), of(done.chosen))
