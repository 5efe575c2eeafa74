"""Decisions that depend on a context."""

from typing import Any

import jax.numpy as jnp
import jax.random as jr

from .._types import Key
from ._choices import amounts
from ._periods import Periods
from ._trial import Trial


def context_dependent_decision(
    key: Key,
    *,
    dt: float,
    coherences: Any = (0.05, 0.15, 0.5),
    fixation: float = 350.0,
    stimulus: float = 750.0,
    delay: float = 300.0,
    decision: float = 300.0,
    noise: Any = 1.0,
) -> Trial:
    """Which way do the dots move, or which colour prevails? One of them is asked for (Mante et al. 2013).

    Five inputs: motion and colour, each a coherence (positive or negative) with white noise during the stimulus; two that say
    which of them counts, 1 and 0 or 0 and 1, throughout; and one that says to wait, 1 until the decision. The coherence of
    what does not count is drawn in the same way, on its own.

    **Arguments:**

    - `dt`, `fixation`, `stimulus`, `delay`, `decision`: ms.
    - `coherences`: not negative, each as likely, with either sign.
    - `noise`: the standard deviation of the mean over 1 ms; over a step it is `noise / sqrt(dt)`, so that what there is to know
        does not depend on dt.

    **Returns:** a trial; target 1 if the coherence that counts is positive, else 0 (drawn where it is 0); the answer counts
    during the decision. Conditions: `context` (0: motion, 1: colour) and `coherence` with signs, `[2]`, of motion and colour.
    """
    owner = "context_dependent_decision"
    levels = amounts(owner, "coherences", coherences)
    periods = Periods(owner, dt, {"fixation": fixation, "stimulus": stimulus, "delay": delay, "decision": decision})
    context_key, level_key, sign_key, noise_key = jr.split(key, 4)
    context = jr.randint(context_key, (), 0, 2)
    positive = jr.bernoulli(sign_key, shape=(2,))
    signed = jr.choice(level_key, levels, (2,)) * jnp.where(positive, 1.0, -1.0).astype(levels.dtype)
    fluctuation = noise / dt**0.5 * jr.normal(noise_key, (periods.steps, 2), levels.dtype)
    senses = periods.on("stimulus")[:, None] * (signed[None] + fluctuation)
    counts = jnp.broadcast_to(jnp.arange(2) == context, (periods.steps, 2)).astype(float)
    inputs = jnp.concatenate([senses, counts, periods.on("fixation", "stimulus", "delay")[:, None]], 1)
    target = positive[context].astype(jnp.int32)
    return Trial(inputs, target, periods.during("decision"), {"context": context, "coherence": signed})
