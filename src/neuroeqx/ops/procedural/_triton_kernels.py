# type: ignore  # the language of Triton, which type checkers take for Python
# Pyright cannot know what `triton.jit` and `tl.constexpr` make of a function and its arguments.
"""Triton kernels of matrices that are drawn again at every use. Imports Triton: only `_triton.py` asks for this.

The law is that of `_law.py`, the draws those of `_reference.py`, bit for bit: Philox words by (block, row, stream) and
seed, whatever the sizes of blocks and grids here. A tile of `TILE` rows walks along its draws, `DRAWS` of each row at a
time; four draws share a Philox block. `DIGITS` is 0 where every row has `k` draws, which `chunks` programs can share, else
the number of digits of a gap. `SIDES` describes a grid: sources along x, targets along y and x, radius along y and x; the
kernel is compiled for them, to divide by constants. `WEIGHTS` is 0 (constant), 1 (uniform) or 2 (normal).

Floors: no bytes per synapse beyond those of what it reads or adds to, as tables and parameters stay in caches. A Philox
block takes about 70 integer operations, and 1/4 (2 digits: 1/2) of one is needed per synapse for places, 1/4 each for
weights, acceptance and delays if they are drawn. Rows that are silent cost 4 bytes.
"""

import triton
import triton.language as tl

from .._triton_rows import add_fixed, group_of_rows, length_of_list, owner, split, turn


@triton.jit
def words(seed, rows, first, STREAM: tl.constexpr, COUNT: tl.constexpr):
    """Words `first ... first + COUNT - 1` of a stream of each row; both are multiples of 4."""
    block = first // 4 + tl.arange(0, COUNT // 4)
    none = tl.zeros([rows.shape[0], COUNT // 4], tl.uint32)
    key = (tl.load(seed + 1).to(tl.uint64) << 32) | tl.load(seed).to(tl.uint64)
    counters = none + block.to(tl.uint32)[None, :], none + rows.to(tl.uint32)[:, None]
    a, b, c, d = tl.philox(key, counters[0], counters[1], none + STREAM, none)
    return tl.reshape(tl.join(tl.join(a, c), tl.join(b, d)), [rows.shape[0], COUNT])


@triton.jit
def digit(word, table):
    """A digit by the alias method."""
    bucket = word >> 22
    entry = tl.load(table + bucket)
    return tl.where((word & 0x3FFFFF) < (entry >> 10), bucket, entry & 1023)


@triton.jit
def places(seed, gaps, rows, first, position, width, k, DIGITS: tl.constexpr, DRAWS: tl.constexpr):
    """The places that some draws of each row choose, whether they count, and the next position (laws with gaps)."""
    if DIGITS == 0:
        word = words(seed, rows, first, 0, DRAWS)
        place = tl.umulhi(word, tl.full(word.shape, width, tl.uint32))
        valid = (first + tl.arange(0, DRAWS))[None, :] + tl.zeros(word.shape, tl.int32) < k
    else:
        word = words(seed, rows, first * DIGITS, 0, DRAWS * DIGITS)
        if DIGITS == 1:
            gap = digit(word, gaps)
            last = gap
            advance = gap + (gap != 1023).to(tl.uint32)
        else:
            low, high = tl.split(tl.reshape(word, [rows.shape[0], DRAWS, 2]))
            last = digit(high, gaps + 1024)
            gap = last * 1024 + digit(low, gaps)
            advance = tl.where(last == 1023, tl.full(gap.shape, 1023 * 1024, tl.uint32), gap + 1)
        ends = position[:, None] + tl.cumsum(advance, 1)
        end = tl.full([], width, tl.uint32)
        place = ends - advance + gap
        valid = (last != 1023) & (place < end)
        position = tl.minimum(position + tl.sum(advance, 1), end)
    return place, valid, position


@triton.jit
def along(place, row, centres, post: tl.constexpr, radius: tl.constexpr, PERIODIC: tl.constexpr):
    """On one axis of a grid: the targets `place` of sources `row`, and which of them exist."""
    target = tl.load(centres + row)[:, None] + place - radius
    inside = (target >= 0) & (target < post)
    if PERIODIC:
        target = tl.where(target < 0, target + post, tl.where(target >= post, target - post, target))
        inside = place == place
    return target, inside


@triton.jit
def on_grid(
    seed,
    accept,
    rows,
    first,
    place,
    valid,
    width,
    grid,
    SIDES: tl.constexpr,
    PERIODIC: tl.constexpr,
    DRAWS: tl.constexpr,
):
    """Targets of offsets in the box around each source's centre, and which of them are accepted."""
    pre_x: tl.constexpr = SIDES[0]
    post_x: tl.constexpr = SIDES[2]
    radius_x: tl.constexpr = SIDES[4]
    word = words(seed, rows, first, 2, DRAWS)
    most = tl.load(accept + tl.minimum(place, tl.full([], width, tl.uint32) - 1))
    valid &= (word < most) | (most == 0xFFFFFFFF)
    box: tl.constexpr = 2 * radius_x + 1
    offset = tl.where(valid, place, 0).to(tl.int32)
    y, inside_y = along(offset // box, rows // pre_x, grid[0], SIDES[1], SIDES[3], PERIODIC)
    x, inside_x = along(offset % box, rows % pre_x, grid[1], post_x, radius_x, PERIODIC)
    return y * post_x + x, valid & inside_y & inside_x


@triton.jit
def synapses(
    tables, numbers, grid, rows, first, position, size,
    DIGITS: tl.constexpr, AUTAPSES: tl.constexpr, DELAYED: tl.constexpr, GRID: tl.constexpr, PERIODIC: tl.constexpr,
    SIDES: tl.constexpr, TURNED: tl.constexpr, DRAWS: tl.constexpr,
):  # fmt: skip
    """Some draws of each row: places in a vector of `size`, which of them are synapses, the next positions."""
    seed, gaps, normal, accept, offset = tables
    n_post, width, k, low, span = numbers
    place, valid, position = places(seed, gaps, rows, first, position, width, k, DIGITS, DRAWS)
    if GRID:
        target, valid = on_grid(seed, accept, rows, first, place, valid, width, grid, SIDES, PERIODIC, DRAWS)
    else:
        target = place
        if not AUTAPSES:
            target += (place >= rows.to(tl.uint32)[:, None]).to(tl.uint32)
        target = target.to(tl.int32)
    if DELAYED:
        word = words(seed, rows, first, 3, DRAWS)
        delay = tl.umulhi(word, tl.full(word.shape, span, tl.uint32)).to(tl.int32) + low
        target += (delay - 1) * n_post
    return turn(tl.where(valid, target, 0), offset, size, TURNED), valid, position


@triton.jit
def coefficient(tables, rows, first, real: tl.constexpr, WEIGHTS: tl.constexpr, DRAWS: tl.constexpr):
    """What the second parameter of the weights is multiplied by."""
    seed, gaps, normal, accept, offset = tables
    word = words(seed, rows, first, 1, DRAWS)
    if WEIGHTS == 1:
        result = (word >> 8).to(real) * 5.9604644775390625e-08  # 2**-24
    else:
        u = word & 0x7FFFFFFF
        # The exponent of a float that holds the highest bit of u, and cannot be rounded up to the next one.
        exponent = (u & ~(u >> 1)).to(tl.float32).to(tl.int32, bitcast=True) >> 23
        shift = tl.maximum(exponent - 133, 0).to(tl.uint32)
        entry = normal + 2 * ((shift << 6) + (u >> shift)).to(tl.int32)
        fall = tl.umulhi(tl.load(entry + 1), (u << (31 - shift)) << 1)
        z = (tl.load(entry) - fall).to(tl.int32, bitcast=True)
        result = tl.where((word >> 31) == 1, -z, z).to(real) * 1.4901161193847656e-08  # 2**-26
    return result


@triton.jit
def weight_of(theta, tables, rows, first, real: tl.constexpr, WEIGHTS: tl.constexpr, DRAWS: tl.constexpr):
    """Weights, rounded after the product and after the sum."""
    weight = tl.full([rows.shape[0], DRAWS], 0, real) + tl.load(theta).to(real)
    if WEIGHTS != 0:
        slope = tl.load(theta + 1).to(real)
        if WEIGHTS == 1:
            slope -= tl.load(theta).to(real)
        weight += slope * coefficient(tables, rows, first, real, WEIGHTS, DRAWS)
    return weight


@triton.jit
def tile_of_rows(rows, value, active, t, LOG2: tl.constexpr, TILE: tl.constexpr):
    """The active rows of a group from the t-th one on, their values, and which there are."""
    ranks = tl.cumsum(active.to(tl.int32), 0)
    lane = t + tl.arange(0, TILE)
    place = owner(ranks, lane, LOG2)
    ok = lane < tl.sum(active.to(tl.int32), 0)
    return tl.where(ok, tl.gather(rows, place, 0), 0), tl.where(ok, tl.gather(value, place, 0), 0), ok


@triton.jit
def begin(ok, chunk, width, k, DIGITS: tl.constexpr, DRAWS: tl.constexpr):
    """The first draw, the positions of rows before it, and the position at which a row has ended."""
    end = tl.full([], k if DIGITS == 0 else width, tl.uint32)
    first = chunk * DRAWS
    return first, tl.where(ok, first.to(tl.uint32), end), end


@triton.jit
def advance(first, position, chunks, DIGITS: tl.constexpr, DRAWS: tl.constexpr):
    """The next draw; where rows have as many draws, the position is the next draw, too."""
    if DIGITS == 0:
        position += (chunks * DRAWS + first * 0).to(tl.uint32)
    return first + chunks * DRAWS, position


@triton.jit
def add_matvec(
    start_of_out, theta, x, ids, count, seed, gaps, normal, accept, offset, centres_y, centres_x, exponent,
    n, size, n_post, width, k, low, span, groups, chunks, out,
    LISTED: tl.constexpr, FIXED: tl.constexpr, DIGITS: tl.constexpr, WEIGHTS: tl.constexpr, AUTAPSES: tl.constexpr,
    DELAYED: tl.constexpr, GRID: tl.constexpr, PERIODIC: tl.constexpr, SIDES: tl.constexpr, TURNED: tl.constexpr,
    ROWS: tl.constexpr, LOG2: tl.constexpr, TILE: tl.constexpr, DRAWS: tl.constexpr,
):  # fmt: skip
    """`out[b, j] += x[b, i] * w[i, j]`, in the memory of `start_of_out`.

    Floor: 4 n bytes of x (of the list: 4 per active row); per synapse of an active row its draws, 2 flops (4 with drawn
    weights) and one relaxed reduction. With `FIXED`, `out` holds a 64-bit integer per place.
    """
    tables = (seed, gaps, normal, accept, offset)
    numbers = (n_post, width, k, low, span)
    grid = (centres_y, centres_x)
    chunk, group, member = split(groups, chunks)
    x += member * n
    ids += member * n
    out += member * size * (2 if FIXED else 1)
    stop = length_of_list(count, member, n, LISTED)
    for start in range(group * ROWS, stop, groups * ROWS):
        all_rows, values, active = group_of_rows(x, ids, start, stop, LISTED, ROWS)
        for t in range(0, tl.sum(active.to(tl.int32), 0), TILE):
            rows, value, ok = tile_of_rows(all_rows, values, active, t, LOG2, TILE)
            first, position, end = begin(ok, chunk, width, k, DIGITS, DRAWS)
            while tl.min(position, 0) < end:
                j, valid, position = synapses(
                    tables, numbers, grid, rows, first, position, size,
                    DIGITS, AUTAPSES, DELAYED, GRID, PERIODIC, SIDES, TURNED, DRAWS,
                )  # fmt: skip
                valid &= ok[:, None]
                added = value[:, None] * weight_of(theta, tables, rows, first, value.dtype, WEIGHTS, DRAWS)
                if FIXED:
                    add_fixed(out, j, added, exponent, valid)
                else:
                    tl.atomic_add(out + j, added, mask=valid, sem="relaxed")
                first, position = advance(first, position, chunks, DIGITS, DRAWS)


@triton.jit
def rmatvec(
    theta, g, seed, gaps, normal, accept, offset, centres_y, centres_x,
    n, size, n_post, width, k, low, span, groups, out,
    DIGITS: tl.constexpr, WEIGHTS: tl.constexpr, AUTAPSES: tl.constexpr, DELAYED: tl.constexpr, GRID: tl.constexpr,
    PERIODIC: tl.constexpr, SIDES: tl.constexpr, TURNED: tl.constexpr, TILE: tl.constexpr, DRAWS: tl.constexpr,
):  # fmt: skip
    """`out[b, i] = sum_j w[i, j] * g[b, j]`.

    No atomics: the same bits in every run. Floor: per synapse its draws, the gather of g and 2 flops (4 with drawn
    weights); 4 n bytes of results.
    """
    tables = (seed, gaps, normal, accept, offset)
    numbers = (n_post, width, k, low, span)
    grid = (centres_y, centres_x)
    chunk, group, member = split(groups, 1)
    all_rows = group * TILE + tl.arange(0, TILE)
    ok = all_rows < n
    rows = tl.where(ok, all_rows, 0)
    g += member * size
    total = tl.zeros([TILE, DRAWS], g.dtype.element_ty)
    first, position, end = begin(ok, chunk, width, k, DIGITS, DRAWS)
    while tl.min(position, 0) < end:
        j, valid, position = synapses(
            tables, numbers, grid, rows, first, position, size,
            DIGITS, AUTAPSES, DELAYED, GRID, PERIODIC, SIDES, TURNED, DRAWS,
        )  # fmt: skip
        valid &= ok[:, None]
        value = tl.load(g + j, mask=valid, other=0)
        weight = weight_of(theta, tables, rows, first, g.dtype.element_ty, WEIGHTS, DRAWS)
        total += tl.where(valid, weight * value, 0)
        first, position = advance(first, position, 1, DIGITS, DRAWS)
    tl.store(out + member * n + all_rows, tl.sum(total, 1), mask=ok)


@triton.jit
def outer(
    x, g, ids, count, seed, gaps, normal, accept, offset, centres_y, centres_x,
    n, size, n_post, width, k, low, span, groups, chunks, out,
    LISTED: tl.constexpr, DIGITS: tl.constexpr, WEIGHTS: tl.constexpr, AUTAPSES: tl.constexpr,
    DELAYED: tl.constexpr, GRID: tl.constexpr, PERIODIC: tl.constexpr, SIDES: tl.constexpr, TURNED: tl.constexpr,
    ROWS: tl.constexpr, LOG2: tl.constexpr, TILE: tl.constexpr, DRAWS: tl.constexpr,
):  # fmt: skip
    """The sums of `x[b, i] * g[b, j]` and of that times the coefficient, two numbers per program, to be added up.

    No atomics: the same bits in every run. Floor: 4 n bytes of x (of the list: 4 per active row); per synapse of an active
    row its draws, the gather of g and 2 flops (4 with drawn weights).
    """
    tables = (seed, gaps, normal, accept, offset)
    numbers = (n_post, width, k, low, span)
    grid = (centres_y, centres_x)
    chunk, group, member = split(groups, chunks)
    x += member * n
    ids += member * n
    g += member * size
    total = tl.zeros([TILE, DRAWS], x.dtype.element_ty)
    scaled = tl.zeros([TILE, DRAWS], x.dtype.element_ty)
    stop = length_of_list(count, member, n, LISTED)
    for start in range(group * ROWS, stop, groups * ROWS):
        all_rows, values, active = group_of_rows(x, ids, start, stop, LISTED, ROWS)
        for t in range(0, tl.sum(active.to(tl.int32), 0), TILE):
            rows, value, ok = tile_of_rows(all_rows, values, active, t, LOG2, TILE)
            first, position, end = begin(ok, chunk, width, k, DIGITS, DRAWS)
            while tl.min(position, 0) < end:
                j, valid, position = synapses(
                    tables, numbers, grid, rows, first, position, size,
                    DIGITS, AUTAPSES, DELAYED, GRID, PERIODIC, SIDES, TURNED, DRAWS,
                )  # fmt: skip
                valid &= ok[:, None]
                part = tl.where(valid, value[:, None] * tl.load(g + j, mask=valid, other=0), 0)
                total += part
                if WEIGHTS != 0:
                    scaled += part * coefficient(tables, rows, first, x.dtype.element_ty, WEIGHTS, DRAWS)
                first, position = advance(first, position, chunks, DIGITS, DRAWS)
    tl.store(out + 2 * tl.program_id(0), tl.sum(tl.sum(total, 1), 0))
    tl.store(out + 2 * tl.program_id(0) + 1, tl.sum(tl.sum(scaled, 1), 0))
