"""The direction of dots that move at random."""

from typing import Any

import jax.numpy as jnp
import jax.random as jr

from .._types import Key
from ._choices import amounts, count
from ._periods import Periods, steps_of
from ._trial import Trial


def random_dots(
    key: Key,
    *,
    dt: float,
    coherences: Any = (0.0, 0.032, 0.064, 0.128, 0.256, 0.512),
    fixation: float = 500.0,
    stimulus: float = 1000.0,
    delay: float = 0.0,
    decision: float = 500.0,
    units: int = 1,
    rate: Any = 40.0,
    noise: Any = 4.0,
    refresh: float = 50.0,
) -> Trial:
    """Into which of two directions do more of the dots move? (Newsome et al. 1989; the rates of Wang 2002.)

    During the stimulus two groups of inputs have the rates `rate * (1 + c)` and `rate * (1 - c)`, where c is the coherence for
    the first direction and minus it for the second, plus normal noise that is drawn anew for each group every `refresh` and
    held; rates are at least 0. A third group, at `rate`, says to wait: it is on until the decision.

    **Arguments:**

    - `dt`, `fixation`, `stimulus`, `delay`, `decision`: ms.
    - `coherences`: from 0 to 1, each as likely.
    - `units`: the number of inputs of each group, which have the same rate.
    - `rate`: Hz.
    - `noise`: its standard deviation, Hz.
    - `refresh`: ms, a multiple of dt.

    **Returns:** a trial of rates; target 0 for the first direction, 1 for the second (drawn as well where the coherence is
    0); the answer counts during the decision. Conditions: `coherence`, not negative.
    """
    owner = "random_dots"
    units = count(owner, "units", units)
    levels = amounts(owner, "coherences", coherences, 1.0)
    periods = Periods(owner, dt, {"fixation": fixation, "stimulus": stimulus, "delay": delay, "decision": decision})
    held = count(owner, "refresh / dt", steps_of(owner, "refresh", refresh, dt))
    level_key, side_key, noise_key = jr.split(key, 3)
    coherence, second = jr.choice(level_key, levels), jr.bernoulli(side_key)
    signed = jnp.where(second, -coherence, coherence)
    first, last = periods.ends["stimulus"]
    drawn = jr.normal(noise_key, (-(-(last - first) // held), 2), levels.dtype)
    values = rate * (1.0 + jnp.stack([signed, -signed]))[None] + noise * jnp.repeat(drawn, held, axis=0)[: last - first]
    rates = jnp.zeros((periods.steps, 2), levels.dtype).at[first:last].set(jnp.maximum(values, 0.0))
    wait = rate * periods.on("fixation", "stimulus", "delay")[:, None]
    inputs = jnp.repeat(jnp.concatenate([rates, wait], 1), units, axis=1)
    return Trial(inputs, second.astype(jnp.int32), periods.during("decision"), {"coherence": coherence})
