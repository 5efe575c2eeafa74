"""Walks along the synapses of active rows in pure JAX, and the event-driven product made of one."""

import jax.numpy as jnp
from jax import lax

from ._columns import turned
from ._walk import walk_active


_ROWS = 256  # active rows looked at together by the event-driven product
_CHUNK = 4096  # synapses handled at a time
_SHORT = 48  # synapses; rows with fewer of them on average are cut into shorter pieces


def add_events(out, weight, x, active, indices, bounds, offset):
    """`out` plus the product, with a cost per event.

    **Arguments:**

    - `weight`, `indices`: one number per synapse (`weight` or one in all).
    - `bounds`: as in `walk_synapses`.
    - The others: as in the public functions.
    """

    def add(out, value, synapse, valid):
        own = (weight if weight.ndim == 0 else take(weight, synapse)).astype(out.dtype)
        added = jnp.where(valid, value[:, None] * own, 0)
        columns = turned(take(indices, synapse), offset, out.size)
        columns, added = lax.optimization_barrier((columns, added))
        return out.at[columns].add(added, mode="promise_in_bounds")

    return walk_synapses(x, active, indices.size, bounds, out, add)


def walk_synapses(x, active, synapses, bounds, carry, use, most=_CHUNK):
    """`carry = use(carry, value, synapse, valid)` until all synapses were visited that are in rows at which `x` is not zero.

    Walks over the active rows, cut into pieces of a fixed length, a chunk of them at a time: no event can be lost. The
    barriers keep XLA from computing again for every synapse what is the same for a piece, or for both its uses.

    **Arguments:**

    - `x`: one number per row, at least one.
    - `active`: as in `walk_active`.
    - `synapses`: how many there are in all rows, at least one.
    - `bounds`: from positions of rows to those of the first synapse of each and of the one after its last.
    - `use`: called with the values of `x` `[pieces]`, positions of synapses `[pieces, piece]`, and which of them count;
        the positions of others are 0.
    - `most`: synapses handled at a time.
    """
    piece = 8 if synapses < _SHORT * x.size else 16
    chunk = max(1, min(most, synapses) // piece)

    def use_rows(carry, rows, value):
        begin, end = bounds(rows)
        end = jnp.where(value == 0, begin, end)
        pieces = (end - begin + (piece - 1)) // piece
        last = jnp.cumsum(pieces, dtype=begin.dtype)
        shift = begin - piece * (last - pieces)
        end, last, shift, value = lax.optimization_barrier((end, last, shift, value))

        def use_chunk(state):
            start, carry = state
            # Counted here and not outside, where they would be vectors to be read.
            number = start + jnp.arange(chunk, dtype=begin.dtype)
            row = jnp.minimum(jnp.searchsorted(last, number, side="right"), last.size - 1)
            row = lax.optimization_barrier(row)
            first, until, own_value = lax.optimization_barrier(
                (shift[row] + piece * number, jnp.where(number < last[-1], end[row], 0), value[row])
            )
            synapse = first[:, None] + jnp.arange(piece, dtype=begin.dtype)[None]
            valid = synapse < until[:, None]
            return start + chunk, use(carry, own_value, jnp.where(valid, synapse, 0), valid)

        start = last[-1] - last[-1]
        return lax.while_loop(lambda state: state[0] < last[-1], use_chunk, (start, carry))[1]

    return walk_active(x, active, min(_ROWS, x.size), carry, use_rows)


def take(array, places):
    return array.at[places].get(mode="promise_in_bounds")
