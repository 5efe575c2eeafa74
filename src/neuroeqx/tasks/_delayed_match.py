"""Delayed match-to-sample."""

from typing import Any

import jax.numpy as jnp
import jax.random as jr

from .._fields import as_parameter
from .._types import Key
from ..encode import population, von_mises
from ._choices import count, probability
from ._periods import Periods
from ._trial import Trial


def delayed_match_to_sample(
    key: Key,
    *,
    dt: float,
    fixation: float = 500.0,
    sample: float = 500.0,
    delay: float = 1000.0,
    test: float = 500.0,
    units: int = 24,
    directions: int = 8,
    kappa: Any = 2.0,
    height: Any = 40.0,
    background: Any = 1.0,
    match_probability: Any = 0.5,
) -> Trial:
    r"""Is the test's direction of motion that of the sample shown before? (Masse et al. 2019; defaults as in Wang et al. 2024.)

    Each unit prefers a direction; directions of units, and those that are shown, are evenly spaced around the circle from 0 on.
    While the sample or the test is shown, the rate of a unit that prefers $\theta$ is
    $background + height\, e^{\kappa (\cos(\phi - \theta) - 1)}$, otherwise the background. Where they do not match, the test is
    one of the other directions, each as likely.

    **Arguments:**

    - `dt`, `fixation`, `sample`, `delay`, `test`: ms.
    - `units`: the number of inputs. (100 for spikes: `spiking(delayed_match_to_sample(key, dt=1.0, units=100), ...)`.)
    - `directions`: how many may be shown, at least 2.
    - `kappa`: of the tuning.
    - `height`, `background`: Hz.
    - `match_probability`: from 0 to 1.

    **Returns:** a trial of rates; target 1 for a match, 0 for none; the answer counts during the test. Conditions: `sample` and
    `test`, the numbers of the directions shown.
    """
    owner = "delayed_match_to_sample"
    units, directions = count(owner, "units", units), count(owner, "directions", directions, 2)
    periods = Periods(owner, dt, {"fixation": fixation, "sample": sample, "delay": delay, "test": test})
    match_key, sample_key, other_key = jr.split(key, 3)
    match = jr.bernoulli(match_key, probability(owner, "match_probability", match_probability))
    first = jr.randint(sample_key, (), 0, directions)
    other = (first + jr.randint(other_key, (), 1, directions)) % directions
    second = jnp.where(match, first, other)
    shown = jnp.stack([first, second]).astype(float) * (2.0 * jnp.pi / directions)
    preferred = jnp.arange(units).astype(float) * (2.0 * jnp.pi / units)
    tuned = population(shown, preferred, von_mises(kappa), height=height)
    rates = periods.on("sample")[:, None] * tuned[:1] + periods.on("test")[:, None] * tuned[1:]
    conditions = {"sample": first, "test": second}
    return Trial(as_parameter(background) + rates, match.astype(jnp.int32), periods.during("test"), conditions)
