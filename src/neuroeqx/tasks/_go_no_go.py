"""Go or no-go."""

from typing import Any

import jax.numpy as jnp
import jax.random as jr

from .._types import Key
from ._choices import count, probability
from ._periods import Periods
from ._trial import Trial


def go_no_go(
    key: Key,
    *,
    dt: float,
    fixation: float = 500.0,
    cue: float = 500.0,
    delay: float = 500.0,
    decision: float = 500.0,
    units: int = 1,
    rate: Any = 40.0,
    go_probability: Any = 0.5,
) -> Trial:
    """Act after one cue, and do not after the other.

    Three groups of inputs, each at `rate` when on: the go cue, the no-go cue, and one that says to wait, on until the decision.

    **Arguments:**

    - `dt`, `fixation`, `cue`, `delay`, `decision`: ms.
    - `units`: the number of inputs of each group.
    - `rate`: Hz.
    - `go_probability`: from 0 to 1.

    **Returns:** a trial of rates; target 1 for go, 0 for no-go; the answer counts during the decision. No conditions.
    """
    owner = "go_no_go"
    units = count(owner, "units", units)
    periods = Periods(owner, dt, {"fixation": fixation, "cue": cue, "delay": delay, "decision": decision})
    go = jr.bernoulli(key, probability(owner, "go_probability", go_probability))
    shown = periods.during("cue")
    groups = jnp.stack([shown & go, shown & ~go, periods.during("fixation", "cue", "delay")], 1)
    inputs = jnp.repeat(rate * groups.astype(float), units, axis=1)
    return Trial(inputs, go.astype(jnp.int32), periods.during("decision"), {})
