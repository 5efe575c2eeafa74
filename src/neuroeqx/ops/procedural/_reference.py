"""The procedural products in pure JAX: what every other backend must agree with, and what runs elsewhere.

Every product walks the same draws: rows in chunks, and along each chunk of rows a number of draws at a time until the last
of them has ended. Nothing has a capacity. A leading axis of the vectors, if any, is the batch.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._columns import turned
from .._walk import walk_active
from ._law import ACCEPTANCE, DELAYS, Grid, Law, Operands, PLACES, WEIGHTS
from ._philox import words


DRAWS = 64  # of a row at a time
_ROWS = 64  # at a time
_UNIT = 2.0**-26  # of normal deviates


def _unsigned(x):
    return x.astype(jnp.uint32)


def _digits(word, table):
    bucket = word >> jnp.uint32(22)
    entry = table[bucket.astype(jnp.int32)]
    own = (word & jnp.uint32(0x3FFFFF)) < entry >> jnp.uint32(10)
    return jnp.where(own, bucket, entry & jnp.uint32(1023))


def _places(law: Law, tables: Operands, rows, first, position):
    """The places that draws `first ... first + DRAWS - 1` of each row choose, whether they count, and where to go on.

    `position` is the next place that a row may choose, in laws with gaps; a row has ended where it is the width.
    """
    width = jnp.uint32(law.width)
    if law.k is not None:
        word = words(tables.seed, rows, PLACES, first, DRAWS)
        valid = first + jnp.arange(DRAWS, dtype=jnp.uint32) < jnp.uint32(law.k)
        return lax.mulhi(word, jnp.full_like(word, width)), jnp.broadcast_to(valid[None], word.shape), position
    word = words(tables.seed, rows, PLACES, first * jnp.uint32(law.digits), DRAWS * law.digits)
    word = word.reshape(rows.shape[0], DRAWS, law.digits)
    gap, escape = _digits(word[..., 0], tables.gaps[0]), jnp.uint32(1023)
    last = gap
    if law.digits == 2:
        last = _digits(word[..., 1], tables.gaps[1])
        gap, escape = last * jnp.uint32(1024) + gap, jnp.uint32(1023 * 1024)
    advance = jnp.where(last == jnp.uint32(1023), escape, gap + jnp.uint32(1))
    ends = position[:, None] + jnp.cumsum(advance, axis=1, dtype=jnp.uint32)
    place = ends - advance + gap
    valid = (last != jnp.uint32(1023)) & (place < width)
    return place, valid, jnp.minimum(ends[:, -1], width)


def _on_grid(grid: Grid, place, rows):
    """The targets of the offsets `place` of each row, and which of them lie on the grid."""
    targets, inside = jnp.zeros_like(rows.astype(jnp.int32))[:, None], True
    source, offset = rows.astype(jnp.int32), place.astype(jnp.int32)
    sources = source // grid.pre[1], source % grid.pre[1]
    offsets = offset // grid.box[1], offset % grid.box[1]
    for axis in range(2):
        # On the host: the products need not fit into 32 bits.
        centres = (2 * np.arange(grid.pre[axis], dtype=np.int64) + 1) * grid.post[axis] // (2 * grid.pre[axis])
        centre = jnp.asarray(centres.astype(np.int32))[sources[axis]]
        side = grid.post[axis]
        target = centre[:, None] + offsets[axis] - grid.radius[axis]
        if grid.periodic:
            target = jnp.where(target < 0, target + side, jnp.where(target >= side, target - side, target))
        else:
            inside = inside & (target >= 0) & (target < side)
        targets = targets * side + target
    return targets, inside


def synapses(law: Law, tables: Operands, rows, first, position):
    """The synapses of draws `first ... first + DRAWS - 1` of each row.

    **Arguments:**

    - `rows`: uint32 `[rows]`.
    - `first`: uint32, a multiple of `DRAWS`.
    - `position`: uint32 `[rows]`, zero at the first draw, then what this returns.

    **Returns:** columns int32 `[rows, DRAWS]`, which of them are synapses, the next positions.
    """
    place, valid, position = _places(law, tables, rows, first, position)
    if law.grid is None:
        target = place
        if not law.autapses:
            target = place + _unsigned(place >= rows[:, None])
        target = target.astype(jnp.int32)
    else:
        accept = tables.accept[jnp.minimum(place, jnp.uint32(law.width - 1)).astype(jnp.int32)]
        word = words(tables.seed, rows, ACCEPTANCE, first, DRAWS)
        target, inside = _on_grid(law.grid, place, rows)
        valid = valid & inside & ((word < accept) | (accept == jnp.uint32(2**32 - 1)))
    if law.delays is not None:
        low, high = law.delays
        word = words(tables.seed, rows, DELAYS, first, DRAWS)
        delay = lax.mulhi(word, jnp.full_like(word, high - low + 1)).astype(jnp.int32) + low
        target = (delay - 1) * law.n_post + target
    return jnp.where(valid, target, 0), valid, position


def coefficients(law: Law, tables: Operands, rows, first, real):
    """What the second parameter of the weights is multiplied by, for the draws of `synapses`; `None` if there is none."""
    if law.weights == "constant":
        return None
    word = words(tables.seed, rows, WEIGHTS, first, DRAWS)
    if law.weights == "uniform":
        return (word >> jnp.uint32(8)).astype(real) * jnp.asarray(2.0**-24, real)
    u = word & jnp.uint32(0x7FFFFFFF)
    zeros = jnp.minimum(lax.clz(u), jnp.uint32(25))
    shift = jnp.uint32(25) - zeros
    entry = tables.normal[((shift << jnp.uint32(6)) + (u >> shift)).astype(jnp.int32)]
    fall = lax.mulhi(entry[..., 1], u << (zeros + jnp.uint32(6)) << jnp.uint32(1))
    z = lax.bitcast_convert_type(entry[..., 0] - fall, jnp.int32)
    return jnp.where(word >> jnp.uint32(31) == 1, -z, z).astype(real) * jnp.asarray(_UNIT, real)


def weights(law: Law, theta, coefficient, shape):
    """The weights of synapses, rounded after the product and after the sum, as in every other backend."""
    if coefficient is None:
        return jnp.broadcast_to(theta, shape)
    base, product = theta[0], linear_slope(law, theta) * coefficient
    # XLA would contract product and sum to one operation with one rounding, through any barrier. It does not know that one
    # of three consecutive numbers is divisible by 3.
    bits = jnp.dtype(f"uint{8 * base.dtype.itemsize}")
    number = lax.bitcast_convert_type(coefficient, bits) & jnp.asarray(1023, bits)
    zero = lax.rem(number * (number + 1) * (number + 2), jnp.full_like(number, 3))
    return base + lax.bitcast_convert_type(lax.bitcast_convert_type(product, bits) ^ zero, base.dtype)


def linear_slope(law: Law, theta):
    """Weights are `theta[0] + slope * coefficient`."""
    return theta[1] if law.weights == "normal" else theta[1] - theta[0]


def _walk(law: Law, tables: Operands, rows, carry, use):
    """`carry = use(carry, first, columns, valid)` along the rows, some draws at a time."""
    more = lambda first, position: first < law.k if law.k is not None else jnp.any(position < jnp.uint32(law.width))

    def some(state):
        first, position, carry = state
        columns, valid, position = synapses(law, tables, rows, first, position)
        return first + jnp.uint32(DRAWS), position, use(carry, first, columns, valid)

    # `rows - rows`, not a constant, which differs in type inside of `jax.shard_map`.
    start = rows[0] - rows[0], rows - rows, carry
    return lax.while_loop(lambda state: more(*state[:2]), some, start)[2]


def _walk_active(law: Law, tables: Operands, x, active, carry, use):
    """As `_walk` along all rows at which `x` is not zero; `use` also takes the rows and their `x`."""

    def some(carry, row, value):
        row = _unsigned(row) | (tables.seed[0] & jnp.uint32(0))  # for `jax.shard_map` as variable as the seed
        return _walk(law, tables, row, carry, lambda carry, *drawn: use(carry, row, value, *drawn))

    return walk_active(x, active, min(_ROWS, law.n_pre), carry, some)


def add_matvec(out, weight, x, *structure, active, event, law):
    del event  # all rows are walked along if all are active
    if law.empty:
        return out
    tables, theta = law.operands(structure), weight.astype(out.dtype)

    def add(out, x, active):
        def use(out, rows, value, first, columns, valid):
            coefficient = coefficients(law, tables, rows, first, out.dtype)
            added = value[:, None] * weights(law, theta, coefficient, valid.shape)
            added = jnp.where(valid & (value != 0)[:, None], added, 0)
            return out.at[turned(columns, tables.offset, out.size)].add(added)

        return _walk_active(law, tables, x, active, out, use)

    return add(out, x, active) if x.ndim == 1 else jax.vmap(add)(out, x, active)


def rmatvec(weight, g, *structure, n_pre, law):
    if law.empty:
        return jnp.zeros((*g.shape[:-1], n_pre), g.dtype)
    tables, theta = law.operands(structure), weight.astype(g.dtype)
    size = min(_ROWS, n_pre)
    rows = jnp.arange(-(-n_pre // size) * size, dtype=jnp.uint32) | (tables.seed[0] & jnp.uint32(0))

    def gather(g):
        def use(rows, total, first, columns, valid):
            weight = weights(law, theta, coefficients(law, tables, rows, first, g.dtype), valid.shape)
            return total + jnp.sum(jnp.where(valid, weight * g[turned(columns, tables.offset, g.size)], 0), axis=1)

        def some(rows):
            start = jnp.zeros_like(g, shape=rows.shape)
            return _walk(law, tables, rows, start, lambda *state: use(rows, *state))

        return lax.map(some, rows.reshape(-1, size)).reshape(-1)[:n_pre]

    return gather(g) if g.ndim == 1 else jax.vmap(gather)(g)


def outer(x, g, *structure, active, weight_shape, law):
    if law.empty:
        return jnp.zeros(weight_shape, x.dtype)
    tables = law.operands(structure)

    def product(x, g, active):
        def use(totals, rows, value, first, columns, valid):
            added = value[:, None] * g[turned(columns, tables.offset, g.size)]
            added = jnp.where(valid & (value != 0)[:, None], added, 0)
            coefficient = coefficients(law, tables, rows, first, x.dtype)
            parts = [added] if coefficient is None else [added, added * coefficient]
            return totals + jnp.stack([jnp.sum(part) for part in parts])

        start = jnp.zeros_like(x, shape=(1 if law.weights == "constant" else 2,))
        totals = _walk_active(law, tables, x, active, start, use)
        if law.weights == "constant":
            return totals[0]
        return totals - jnp.stack([totals[1], jnp.zeros_like(totals[1])]) if law.weights == "uniform" else totals

    if x.ndim == 1:
        return product(x, g, active)
    return jnp.sum(jax.vmap(product)(x, g, active), axis=0)
