"""The event-driven product with stored rows in pure JAX, shared by the families that have them."""

import jax.numpy as jnp
from jax import lax

from ._columns import turned
from ._walk import walk_active


_ROWS = 256  # active rows looked at together by the event-driven product
_CHUNK = 4096  # synapses handled at a time
_SHORT = 48  # synapses; rows with fewer of them on average are cut into shorter pieces


def add_events(out, weight, x, active, indices, bounds, offset):
    """`out` plus the product, with a cost per event.

    Walks over the active rows, cut into pieces of a fixed length, a chunk of them at a time: no event can be lost. The
    barriers keep XLA from computing again for every synapse what is the same for a piece, or for both its uses.

    **Arguments:**

    - `weight`, `indices`: one number per synapse (`weight` or one in all).
    - `bounds`: from positions of rows to those of the first synapse of each and of the one after its last.
    - The others: as in the public functions.
    """
    piece = 8 if indices.size < _SHORT * x.size else 16
    chunk = max(1, min(_CHUNK, indices.size) // piece)

    def add_rows(out, rows, value):
        begin, end = bounds(rows)
        end = jnp.where(value == 0, begin, end)
        pieces = (end - begin + (piece - 1)) // piece
        last = jnp.cumsum(pieces, dtype=begin.dtype)
        shift = begin - piece * (last - pieces)
        end, last, shift, value = lax.optimization_barrier((end, last, shift, value))

        def add_chunk(state):
            start, out = state
            # Counted here and not outside, where they would be vectors to be read.
            number = start + jnp.arange(chunk, dtype=begin.dtype)
            row = jnp.minimum(jnp.searchsorted(last, number, side="right"), last.size - 1)
            row = lax.optimization_barrier(row)
            first, until, own_value = lax.optimization_barrier(
                (shift[row] + piece * number, jnp.where(number < last[-1], end[row], 0), value[row])
            )
            synapse = first[:, None] + jnp.arange(piece, dtype=begin.dtype)[None]
            valid = synapse < until[:, None]
            synapse = jnp.where(valid, synapse, 0)
            own = (weight if weight.ndim == 0 else _take(weight, synapse)).astype(out.dtype)
            added = jnp.where(valid, own_value[:, None] * own, 0)
            columns = turned(_take(indices, synapse), offset, out.size)
            columns, added = lax.optimization_barrier((columns, added))
            return start + chunk, out.at[columns].add(added, mode="promise_in_bounds")

        start = last[-1] - last[-1]
        return lax.while_loop(lambda state: state[0] < last[-1], add_chunk, (start, out))[1]

    return walk_active(x, active, min(_ROWS, x.size), out, add_rows)


def _take(array, places):
    return array.at[places].get(mode="promise_in_bounds")
