"""Changes of what synapses hold, along the rows of active sources or targets."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._primitive import bind
from .._reference_rows import walk_synapses
from ..events import compact
from ._rules import put_p


# Synapses handled at a time: a step with any event costs as much as this many. Matrices that are not much larger are
# better changed as a whole.
CHUNK = 1024


def change_active(
    values: Float[Array, " synapses"],
    x: Float[Array, " rows"],
    bounds: Callable[[Array], tuple[Array, Array]],
    change: Callable[[Any, Any, Any], tuple[Array, Array]],
) -> Float[Array, " synapses"]:
    """The values with those of synapses changed that are in rows at which `x` is not zero.

    At the cost of the active rows, rounded up to a `CHUNK` of synapses; in the memory of `values` where XLA can give it
    away. The walk is pure JAX on every platform, so that the change may be any function; native code writes the results on
    CPU. There is no derivative: callers bring one.

    **Arguments:**

    - `values`: one per synapse.
    - `x`: one number per row.
    - `bounds`: from positions of rows to the position of the first synapse of each and that of the one after its last, in
        the order in which rows are walked along.
    - `change`: from `values`, the entries of `x`, and positions, to the places of these synapses among the values (each
        synapse has one of its own), and their new values; elementwise.
    """
    if 0 in (values.size, x.size):
        return values

    def use(values: Array, entry: Array, synapse: Int[Array, "pieces piece"], valid: Array) -> Array:
        place, new = change(values, entry[:, None], synapse)
        # A position that does not count is sent past the end, where nothing is written.
        places = jnp.where(valid, place, values.size).astype(jnp.uint32)
        return bind(put_p, values, places.reshape(-1), new.reshape(-1), backend=None)

    return walk_synapses(x, compact(x), values.size, bounds, values, use, CHUNK)
