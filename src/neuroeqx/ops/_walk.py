"""Walks over the active entries of a vector of spikes, in pure JAX."""

import jax.numpy as jnp
from jax import lax


_BITS = 32  # of a word


def _words(x):
    """Which entries are not zero: bit `b` of word `w` is entry `b * words + w`, so that neighbours are looked at together."""
    words = -(-x.size // _BITS)
    fired = jnp.pad(x != 0, (0, words * _BITS - x.size)).reshape(_BITS, words)
    bits = jnp.uint32(1) << jnp.arange(_BITS, dtype=jnp.uint32)
    return jnp.sum(jnp.where(fired, bits[:, None], jnp.uint32(0)), axis=0, dtype=jnp.uint32)


def _ones(word):
    return lax.population_count(word).astype(jnp.int32)


def _place_of(word, rank):
    """The place of the set bit number `rank` of each word: by halves, as there is no instruction for it."""
    place = jnp.zeros_like(rank)
    for half in (16, 8, 4, 2, 1):
        below = _ones(word >> place.astype(jnp.uint32) & jnp.uint32(2**half - 1))
        above = rank >= below
        place, rank = jnp.where(above, place + half, place), jnp.where(above, rank - below, rank)
    return place


def _finder(x):
    """How many entries are active, and a function from their ranks (in an order of its own) to their positions.

    A sum of prefixes over the vector itself would cost more than everything else.
    """
    word = _words(x)
    ends = jnp.cumsum(_ones(word))
    word, ends = lax.optimization_barrier((word, ends))

    def find(ranks):
        index = jnp.minimum(jnp.searchsorted(ends, ranks, side="right"), word.size - 1).astype(jnp.int32)
        index = lax.optimization_barrier(index)
        own = word[index]
        return _place_of(own, ranks - (ends[index] - _ones(own))) * word.size + index

    return ends[-1], find


def walk_active(x, active, size, carry, use):
    """`carry = use(carry, rows, values)` for `size` entries of `x` at a time until all were visited that are not zero.

    **Arguments:**

    - `x`: the entries `[n]`, at least one.
    - `active`: the list of the positions int32 `[n]` and how many there are int32 `[]`, or `None`.
    - `use`: called with int32 `[size]` positions and the values there. Surplus positions are 0 and their values zero.
    """
    if active is None:
        count, find = _finder(x)
    else:
        ids, count = active
        find = lambda ranks: ids.at[ranks].get(mode="clip")

    def some(state):
        start, carry = state
        ranks = start + jnp.arange(size, dtype=jnp.int32)
        # The barrier keeps XLA from searching again for every use of the rows.
        rows = lax.optimization_barrier(jnp.where(ranks < count, find(ranks), 0))
        return start + size, use(carry, rows, jnp.where(ranks < count, x[rows], 0))

    # `count - count`, not a constant, which differs in type inside of `jax.shard_map`.
    return lax.while_loop(lambda state: state[0] < count, some, (count - count, carry))[1]
