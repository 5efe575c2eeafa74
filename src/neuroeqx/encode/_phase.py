"""The bits of a value as spikes at the phases of a cycle."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._fields import as_parameter
from ._given import check_steps


def weighted_phase(values: Any, *, steps: int, bits: int = 8) -> Float[Array, "steps *shape"]:
    """The bits of a value as spikes at the phases of a cycle, the highest bit first (Kim et al. 2018).

    A value from 0 to 1 is the nearest of `2^bits` levels, so that the 256 levels of a pixel, divided by 255, are exact. Spikes
    count by their phase: the sum of `spikes * phase_weights` over a whole cycle is the level. There are no derivatives.

    **Arguments:**

    - `values`: from 0 to 1; others are cut to that, `[...]`.
    - `steps`: the number of steps; cycles of `bits` steps follow each other.
    - `bits`: from 1 to 24.
    """
    _check("weighted_phase", steps, bits)
    values = as_parameter(values)
    level = jax.lax.stop_gradient(jnp.round(jnp.clip(values, 0.0, 1.0) * (2.0**bits - 1.0))).astype(jnp.int32)
    shift = (bits - 1 - jnp.arange(steps, dtype=jnp.int32) % bits).reshape(-1, *(1 for _ in level.shape))
    return (jnp.right_shift(level[None], shift) & 1).astype(values.dtype)


def phase_weights(*, steps: int, bits: int = 8) -> Float[Array, " steps"]:
    """What a spike of each step counts, `2^(bits - 1 - phase) / (2^bits - 1)`. Arguments as for `weighted_phase`.

    (Kim et al. write `2^-(1 + phase)`, which is less by the factor `1 - 2^-bits`: all bits together are then no 1.)
    """
    _check("phase_weights", steps, bits)
    phase = np.arange(steps) % bits
    return jnp.asarray(2.0 ** (bits - 1 - phase) / (2.0**bits - 1.0), float)


def _check(owner: str, steps: int, bits: int) -> None:
    check_steps(owner, steps)
    if isinstance(bits, bool) or not isinstance(bits, int) or not 1 <= bits <= 24:
        raise ValueError(f"{owner}: `bits` must be a whole number from 1 to 24, got {bits!r}.")
