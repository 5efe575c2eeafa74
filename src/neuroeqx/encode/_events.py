"""Lists of spikes."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Int

from ._given import check_steps


class Events(eqx.Module):
    """Spikes in the order of time: the step and the unit of each, `[size]`, and how many there are.

    After the last spike, steps are the number of steps and units the number of units, which are out of range.
    """

    steps: Int[Array, " size"]
    units: Int[Array, " size"]
    count: Int[Array, ""]


def events(spikes: Any, size: int) -> Events:
    """The spikes of an array over time as a list.

    **Arguments:**

    - `spikes`: `[steps, units]`; what is not 0 is a spike.
    - `size`: room for so many spikes. More are an error at run time.
    """
    check_steps("events", size)
    spikes = jnp.asarray(spikes)
    if spikes.ndim != 2:
        raise ValueError(f"events: `spikes` must be [steps, units], got shape {spikes.shape}; reshape it, or use vmap.")
    present = spikes != 0
    count = present.sum(dtype=jnp.int32)
    count = eqx.error_if(count, count > size, f"events: there are more than `size` = {size} spikes.")
    steps, units = jnp.nonzero(present, size=size, fill_value=spikes.shape)
    return Events(steps.astype(jnp.int32), units.astype(jnp.int32), count)
