"""Accumulation of cues along a corridor."""

from typing import Any

import jax.numpy as jnp
import jax.random as jr

from .._types import Key
from ._choices import count, probability
from ._periods import steps_of
from ._trial import Trial


def evidence_accumulation(
    key: Key,
    *,
    dt: float,
    cues: int = 7,
    cue: float = 100.0,
    gap: float = 50.0,
    delay: float | tuple[float, float] = (500.0, 1500.0),
    recall: float = 150.0,
    units: int = 10,
    rate: Any = 40.0,
    background: Any = 10.0,
    bias: Any = 0.7,
) -> Trial:
    """On which side of a corridor were there more cues? (Morcos & Harvey 2016, as in Bellec et al. 2020.)

    Cues come one after the other, a gap before each; each is on the trial's side with probability `bias`, that side being left
    or right with equal probability. After a delay the recall signal asks for the side that had more of them.

    The inputs are four groups: cues on the left, cues on the right, the recall signal, and background throughout.

    **Arguments:**

    - `dt`, `cue`, `gap`, `recall`: ms.
    - `cues`: how many, an odd number.
    - `delay`: ms; or the shortest and the longest, between which every number of steps is as likely. Trials are as long as
        those with the longest one; after the recall nothing comes but background.
    - `units`: the number of inputs of each group.
    - `rate`: of the first three groups when on, Hz.
    - `background`: of the fourth, Hz.
    - `bias`: from 0 to 1. The fewer cues there are on the other side, the easier.

    **Returns:** a trial of rates; target 0 for left, 1 for right; the answer counts during the recall. Conditions: `cues`, the
    side of each, `[cues]`, and `delay`, ms.
    """
    owner = "evidence_accumulation"
    cues, units = count(owner, "cues", cues), count(owner, "units", units)
    if cues % 2 == 0:
        raise ValueError(f"{owner}: `cues` must be odd, for otherwise there may be no answer, got {cues}.")
    low, high = delay if isinstance(delay, tuple) else (delay, delay)
    shortest, longest = (steps_of(owner, "delay", x, dt) for x in (low, high))
    if shortest > longest:
        raise ValueError(f"{owner}: `delay` must be the shortest and the longest, got {delay}.")
    on, off = steps_of(owner, "cue", cue, dt), steps_of(owner, "gap", gap, dt)
    asked = steps_of(owner, "recall", recall, dt)
    if asked == 0 or on == 0:
        raise ValueError(f"{owner}: `cue` and `recall` must last a step at least, got {cue:g} and {recall:g} ms.")

    side_key, cue_key, delay_key = jr.split(key, 3)
    side = jr.bernoulli(side_key)
    same = jr.bernoulli(cue_key, probability(owner, "bias", bias), (cues,))
    sides = jnp.where(side, same, ~same)  # True: right
    waited = jr.randint(delay_key, (), shortest, longest + 1)

    now = jnp.arange(cues * (off + on) + longest + asked)
    which = now // (off + on)
    shown = (which < cues) & (now % (off + on) >= off)
    right = sides[jnp.minimum(which, cues - 1)]
    start = cues * (off + on) + waited
    mask = (now >= start) & (now < start + asked)
    groups = jnp.stack([shown & ~right, shown & right, mask], 1).astype(float) * rate
    rates = jnp.concatenate([groups, jnp.full((now.size, 1), background, float)], 1)
    target = (sides.sum() * 2 > cues).astype(jnp.int32)
    conditions = {"cues": sides.astype(jnp.int32), "delay": waited.astype(float) * dt}
    return Trial(jnp.repeat(rates, units, axis=1), target, mask, conditions)
