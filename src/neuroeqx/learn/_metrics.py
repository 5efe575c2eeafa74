"""What is measured of a trained model."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .losses._spikes import SpikeArray


Scores = Float[Array, "*batch classes"] | Float[np.ndarray, "*batch classes"]
Labels = Int[Array, "*batch"] | Int[np.ndarray, "*batch"]


def accuracy(scores: Scores, labels: Labels) -> Float[Array, "*batch"]:
    """1 for each sample whose greatest score is that of its class, 0 for others: a metric of `fit`, whose mean is the
    accuracy. Of equal scores the first counts.

    **Arguments:**

    - `scores`: `[*batch, classes]`.
    - `labels`: whole numbers from 0 to classes - 1, `[*batch]`.
    """
    scores = jnp.asarray(scores)
    return (scores.argmax(-1) == jnp.asarray(labels)).astype(scores.dtype)


def confusion(scores: Scores, labels: Labels) -> Float[Array, "*batch classes classes"]:
    """For each sample a matrix with a 1 in the row of its class and the column of its greatest score: a metric of `fit`, whose
    mean is the confusion matrix as fractions of all samples; `.sum(0)` gives numbers of samples.

    **Arguments:** as for `accuracy`.
    """
    scores = jnp.asarray(scores)
    one_hot = lambda x: jax.nn.one_hot(x, scores.shape[-1], dtype=scores.dtype)
    return one_hot(jnp.asarray(labels))[..., :, None] * one_hot(scores.argmax(-1))[..., None, :]


def rates(spikes: SpikeArray, *, dt: float) -> Float[Array, "*batch neurons"]:
    """The rate of every neuron in every sample, Hz: a metric of `fit`, whose mean is that over samples.

    **Arguments:**

    - `spikes`: 0 or 1 (or counts) in every step, `[*batch, time, neurons]`.
    - `dt`: the step, ms.
    """
    return jnp.asarray(spikes).mean(-2) * (1000.0 / dt)
