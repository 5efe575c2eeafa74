# type: ignore  # the language of Triton, which type checkers take for Python
# Pyright cannot know what `triton.jit` and `tl.constexpr` make of a function and its arguments.
"""Triton kernels of lists of events. Imports Triton: only `_triton.py` asks for this.

Lists are in ascending order, as on CPU. That takes two passes over `x`: `count_blocks`, and then every program adds up
what the blocks before its own have found. Where one program is enough for a vector, the first pass is left out.
"""

import triton
import triton.language as tl


@triton.jit
def fired(x, n, blocks, BLOCK: tl.constexpr):
    """The positions that this program looks at, whether they are active (1 or 0), its block and its member."""
    block = tl.program_id(0) % blocks
    member = (tl.program_id(0) // blocks).to(tl.int64)
    i = block * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + member * n + i, mask=i < n, other=0)
    return i, ((i < n) & (value != 0)).to(tl.int32), block, member


@triton.jit
def count_before(counts, member, block, blocks, ONE: tl.constexpr, LANES: tl.constexpr):
    """How many events the blocks before this one have, and how many all have (0 if there is `ONE` block)."""
    before = tl.zeros([LANES], tl.int32)
    every = tl.zeros([LANES], tl.int32)
    if not ONE:
        for start in range(0, blocks, LANES):
            b = start + tl.arange(0, LANES)
            found = tl.load(counts + member * blocks + b, mask=b < blocks, other=0)
            before += tl.where(b < block, found, 0)
            every += found
    return tl.sum(before, 0), tl.sum(every, 0)


@triton.jit
def count_blocks(x, n, blocks, counts, BLOCK: tl.constexpr):
    """`counts[member, block]`: how many entries of each block are active. Floor: 4 n bytes."""
    i, active, block, member = fired(x, n, blocks, BLOCK)
    tl.store(counts + tl.program_id(0), tl.sum(active, 0))


@triton.jit
def compact(x, counts, n, blocks, ids, count, ONE: tl.constexpr, BLOCK: tl.constexpr, LANES: tl.constexpr):
    """The list of active positions; places beyond its end hold 0. Floor: 8 n bytes."""
    i, active, block, member = fired(x, n, blocks, BLOCK)
    before, every = count_before(counts, member, block, blocks, ONE, LANES)
    if ONE:
        every = tl.sum(active, 0)
    place = before + tl.cumsum(active, 0) - active
    ids += member * n
    tl.store(ids + place, i, mask=active != 0)
    tl.store(ids + i, i * 0, mask=(i < n) & (i >= every))
    if block == 0:
        tl.store(count + member, every)


@triton.jit
def append(
    start_of_buffer, count, x, step, counts, n, blocks, capacity, buffer, new_count,
    ONE: tl.constexpr, BLOCK: tl.constexpr, LANES: tl.constexpr,
):  # fmt: skip
    """Writes `(step, i)` behind the events that are there, as far as there is room; counts them all.

    Floor: 4 n bytes, and 8 per event.
    """
    i, active, block, member = fired(x, n, blocks, BLOCK)
    before, every = count_before(counts, member, block, blocks, ONE, LANES)
    if ONE:
        every = tl.sum(active, 0)
    old = tl.load(count + member)
    order = before + tl.cumsum(active, 0) - active
    stored = (active != 0) & (order < capacity - old)  # not `old + order`, which could overflow
    event = buffer + 2 * (member * capacity + old + order)
    tl.store(event, tl.load(step + member) + i * 0, mask=stored)
    tl.store(event + 1, i, mask=stored)
    if block == 0:
        most = 2147483647  # the count stays there instead of turning negative
        tl.store(new_count + member, tl.where(every > most - old, most, old + every))
