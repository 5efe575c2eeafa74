"""Parametric working memory."""

from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np

from .._types import Key
from ._choices import count
from ._periods import Periods
from ._trial import Trial


def parametric_working_memory(
    key: Key,
    *,
    dt: float,
    pairs: Any = ((10.0, 18.0), (14.0, 22.0), (18.0, 26.0), (22.0, 30.0), (26.0, 34.0)),
    fixation: float = 500.0,
    first: float = 500.0,
    delay: float = 3000.0,
    second: float = 500.0,
    decision: float = 500.0,
    units: int = 1,
    rate: Any = 40.0,
) -> Trial:
    """Was the first of two vibrations, seconds apart, the faster one? (Romo et al. 1999.)

    While a vibration of frequency f is felt, one group of inputs has the rate `rate * x` and another `rate * (1 - x)`, where x
    is f on a scale from the lowest to the highest frequency of all pairs: as neurons of S2, whose rates rise or fall with it.
    A third group, at `rate`, says to wait: it is on until the decision.

    **Arguments:**

    - `dt`, `fixation`, `first`, `delay`, `second`, `decision`: ms.
    - `pairs`: Hz, `[pairs, 2]`, two unlike frequencies each. All are as likely, and so is either order.
    - `units`: the number of inputs of each group.
    - `rate`: Hz.

    **Returns:** a trial of rates; target 1 if the first is faster, else 0; the answer counts during the decision. Conditions:
    `frequencies`, `[2]`, in the order felt.
    """
    owner = "parametric_working_memory"
    units = count(owner, "units", units)
    known = np.asarray(pairs, np.float64)
    if known.ndim != 2 or known.shape[1] != 2 or not known.size or np.any(known[:, 0] == known[:, 1]):
        raise ValueError(f"{owner}: `pairs` must be [pairs, 2] with two unlike frequencies each, got {known.tolist()}.")
    pairs = jnp.asarray(known, float)
    periods = Periods(
        owner, dt, {"fixation": fixation, "first": first, "delay": delay, "second": second, "decision": decision}
    )
    pair_key, order_key = jr.split(key)
    pair = jr.choice(pair_key, pairs)
    felt = jnp.where(jr.bernoulli(order_key), pair, pair[::-1])
    x = (felt - pairs.min()) / (pairs.max() - pairs.min())
    when = jnp.stack([periods.on("first"), periods.on("second")], 1)
    rising, falling = when @ x, when @ (1.0 - x)
    wait = periods.on("fixation", "first", "delay", "second")
    inputs = jnp.repeat(rate * jnp.stack([rising, falling, wait], 1), units, axis=1)
    target = (felt[0] > felt[1]).astype(jnp.int32)
    return Trial(inputs, target, periods.during("decision"), {"frequencies": felt})
