"""Philox4x32-10 in pure JAX.

J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: Parallel random numbers: as easy as 1, 2, 3. SC'11 (2011). Tested
against the known answers that come with the authors' library Random123.
"""

import functools

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, UInt32


MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
INCREMENTS = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10


def philox(
    counter: tuple[UInt32[Array, "..."], ...], key: tuple[UInt32[Array, "..."], ...]
) -> tuple[UInt32[Array, "..."], ...]:
    """The four words of a block.

    **Arguments:**

    - `counter`: four words, arrays of one shape.
    - `key`: two words, of that shape or scalars.
    """
    m0, m1 = (jnp.full_like(counter[0], m) for m in MULTIPLIERS)
    key0, key1 = (jnp.broadcast_to(k, counter[0].shape) for k in key)

    def one(_, state):
        c0, c1, c2, c3, k0, k1 = state
        high0, low0 = lax.mulhi(m0, c0), m0 * c0
        high1, low1 = lax.mulhi(m1, c2), m1 * c2
        after = k0 + jnp.uint32(INCREMENTS[0]), k1 + jnp.uint32(INCREMENTS[1])
        return high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0, *after

    # A loop compiles several times faster than ten rounds in a row. What it carries must not differ in type from round to
    # round inside of `jax.shard_map`, so all of it is made to depend on all of it.
    words = *counter, key0, key1
    zero = functools.reduce(jnp.bitwise_or, words) & jnp.uint32(0)
    return lax.fori_loop(0, ROUNDS, one, tuple(word | zero for word in words))[:4]


def words(
    seed: UInt32[Array, "2"], rows: UInt32[Array, " rows"], stream: int, first: UInt32[Array, ""], count: int
) -> UInt32[Array, "rows count"]:
    """The words `first ... first + count - 1` of a stream of each row; both must be multiples of 4."""
    shape = rows.shape[0], count // 4
    blocks = first // jnp.uint32(4) + jnp.arange(shape[1], dtype=jnp.uint32)
    counter = (
        jnp.broadcast_to(blocks[None, :], shape),
        jnp.broadcast_to(rows[:, None], shape),
        jnp.full(shape, stream, jnp.uint32),
        jnp.zeros(shape, jnp.uint32),
    )
    return jnp.stack(philox(counter, (seed[0], seed[1])), axis=-1).reshape(shape[0], count)
