"""What a task gives."""

import equinox as eqx
from jaxtyping import Array, Bool, Float, Int, Shaped

from .._types import Key
from ..encode import poisson


class Trial(eqx.Module):
    """One trial of a task; a batch of them has its axis first everywhere.

    - `inputs`: `[steps, inputs]`, in Hz where the task says rates.
    - `target`: the right answer, a whole number from 0.
    - `mask`: when the answer counts, `[steps]`.
    - `conditions`: what was drawn, by name.

    The cross-entropy of a readout `logits`, `[steps, answers]`, averaged over the time that counts, is
    `(optax.softmax_cross_entropy_with_integer_labels(logits, jnp.full(steps, target)) * mask).sum() / mask.sum()`.
    """

    inputs: Float[Array, "*batch steps inputs"]
    target: Int[Array, "*batch"]
    mask: Bool[Array, "*batch steps"]
    conditions: dict[str, Shaped[Array, "..."]]


def spiking(trial: Trial, *, dt: float, key: Key) -> Trial:
    """The trial with spikes at random in place of rates (Hz): in each step with probability `rate * dt`.

    **Arguments:**

    - `trial`: one trial, or a batch of them, of a task whose inputs are rates.
    - `dt`: that of the trial, ms; at most one spike in a step.
    """
    return Trial(poisson(trial.inputs, dt=dt, key=key), trial.target, trial.mask, trial.conditions)
