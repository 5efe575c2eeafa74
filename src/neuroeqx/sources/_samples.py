"""An input given as an array over time."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Num


class Samples(eqx.Module):
    """An input given as an array over time: its i-th entry is held over the i-th step of the run.

    A plain array as an input is constant in time; this wrapper says that the leading axis is time, which a shape alone
    cannot say.

    **Arguments:**

    - `values`: `[steps, ...]`, the trailing axes broadcasting against what is driven. There must be exactly as many
        entries as steps. Gradients pass.
    """

    values: Num[Array, "steps ..."]

    def __init__(self, values: Any):
        values = jnp.asarray(values)
        if values.ndim == 0:
            raise ValueError("Samples: `values` needs a leading time axis, got a single number.")
        self.values = values
