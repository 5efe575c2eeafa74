# type: ignore  # the language of Triton, which type checkers take for Python
# Pyright cannot know what `triton.jit` and `tl.constexpr` make of a function and its arguments.
"""Triton kernels for matrices stored by rows. Imports Triton: only `_triton_row_calls.py` asks for this.

The synapses of row r are `indptr[r]` to `indptr[r + 1]`, or, where every row has as many (constant `CSR` is false, and
`indptr` is not read), `r * k` to `(r + 1) * k`. Columns are turned by `offset` within the vector that they point into if
`TURNED`; there is one weight for all synapses if `SHARED`. With `LISTED` the active rows come from a list of `count`
entries, else `x` is scanned. Synapses are counted in 64 bits if `WIDE`.

A program takes `ROWS` rows of one member of the batch at a time and lays their synapses end to end, so that all of its
`BLOCK` lanes are at work whatever the rows' lengths; the row of a lane is found by bisection among the `ROWS` ends in
registers. `chunks` programs share the synapses of one group of rows, for long rows.

Bytes are those that must move to and from memory with 4-byte values and indices, `events` the synapses of active rows.
"""

import triton
import triton.language as tl


@triton.jit
def turn(column, offset, size, TURNED: tl.constexpr):
    """The place that a column stands for. In unsigned arithmetic the sum of two places cannot overflow."""
    if TURNED:
        around = tl.full([], size, tl.uint32)
        place = column.to(tl.uint32) + tl.load(offset).to(tl.uint32) % around
        column = tl.where(place >= around, place - around, place).to(tl.int32)
    return column


@triton.jit
def owner(ends, place, LOG2: tl.constexpr):
    """The first of 2**LOG2 ascending ends that lies beyond each place: a bisection without branches."""
    low = tl.zeros(place.shape, tl.int32)
    for s in tl.static_range(LOG2):
        half = 1 << (LOG2 - 1 - s)
        low = tl.where(tl.gather(ends, low + (half - 1), 0) <= place, low + half, low)
    return low


@triton.jit
def split(groups, chunks):
    """Which chunk of which group of rows of which member this program takes."""
    pid = tl.program_id(0)
    rest = pid // chunks
    return pid % chunks, rest % groups, (rest // groups).to(tl.int64)


@triton.jit
def extent(indptr, rows, ok, k, CSR: tl.constexpr, WIDE: tl.constexpr):
    """Where the synapses of rows begin, and how many there are: none where not `ok`."""
    if CSR:
        begin = tl.load(indptr + rows, mask=ok, other=0)
        degree = tl.load(indptr + rows + 1, mask=ok, other=0) - begin
    else:
        begin = rows.to(tl.int64) * k if WIDE else rows * k
        degree = tl.where(ok, begin * 0 + k, 0)
    if WIDE:
        begin, degree = begin.to(tl.int64), degree.to(tl.int64)
    return begin, degree


@triton.jit
def group_of_rows(x, ids, start, count, LISTED: tl.constexpr, ROWS: tl.constexpr):
    """`ROWS` rows from place `start` of the list or of `x` on, their values, and which of them are active."""
    place = start + tl.arange(0, ROWS)
    ok = place < count
    rows = tl.load(ids + place, mask=ok, other=0) if LISTED else place
    value = tl.load(x + rows, mask=ok, other=0)
    return rows, value, ok & (value != 0)


@triton.jit
def length_of_list(count, member, n, LISTED: tl.constexpr):
    return tl.minimum(tl.load(count + member), n) if LISTED else n


@triton.jit
def add_fixed(out, place, value, exponent, ok):
    """Adds in units of 2**-exponent. Integers add to the same in any order."""
    unit = ((tl.load(exponent).to(tl.int64) + 1023) << 52).to(tl.float64, bitcast=True)
    scaled = value.to(tl.float64) * unit
    rounded = (scaled + tl.where(scaled < 0, -0.5, 0.5)).to(tl.int64)
    tl.atomic_add(out.to(tl.pointer_type(tl.int64)) + place, rounded, mask=ok, sem="relaxed")


@triton.jit
def add_matvec(
    start_of_out, weight, x, ids, count, indices, indptr, offset, exponent, n, size, k, groups, chunks, out,
    LISTED: tl.constexpr, CSR: tl.constexpr, SHARED: tl.constexpr, TURNED: tl.constexpr, FIXED: tl.constexpr,
    WIDE: tl.constexpr, ROWS: tl.constexpr, LOG2: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """`out[b, j] += x[b, i] * w[i, j]`, in the memory of `start_of_out`.

    Floor: 4 n bytes of x (of the list: 4 per active row), 4 (SHARED) or 8 bytes, 2 flops and one relaxed reduction per
    event. On current GPUs the reductions are expected to be the bound (in L2, tens of 10^9 a second), not the bytes.
    With `FIXED`, `out` holds a 64-bit integer per place, in units of 2**-exponent.
    """
    chunk, group, member = split(groups, chunks)
    x += member * n
    ids += member * n
    out += member * size * (2 if FIXED else 1)  # as 32-bit words
    stop = length_of_list(count, member, n, LISTED)
    for start in range(group * ROWS, stop, groups * ROWS):
        rows, value, active = group_of_rows(x, ids, start, stop, LISTED, ROWS)
        if tl.max(active.to(tl.int32), 0) > 0:
            begin, degree = extent(indptr, rows, active, k, CSR, WIDE)
            if SHARED:
                value *= tl.load(weight).to(value.dtype)
            ends = tl.cumsum(degree, 0)
            total = tl.sum(degree, 0)
            first = begin - (ends - degree)
            for e in range(chunk * BLOCK, total, chunks * BLOCK):
                place = e + tl.arange(0, BLOCK)
                ok = place < total
                row = owner(ends, place, LOG2)
                synapse = tl.gather(first, row, 0) + place
                j = turn(tl.load(indices + synapse, mask=ok, other=0), offset, size, TURNED)
                added = tl.gather(value, row, 0)
                if not SHARED:
                    added *= tl.load(weight + synapse, mask=ok, other=0).to(added.dtype)
                if FIXED:
                    add_fixed(out, j, added, exponent, ok)
                else:
                    tl.atomic_add(out + j, added, mask=ok, sem="relaxed")


@triton.jit
def finish_fixed(start_of_out, total, exponent, bound, n, out, BLOCK: tl.constexpr):
    """`out[i] += total[i] * 2**-exponent`; NaN everywhere if the bound on the sums was not finite.

    Floor: 16 n bytes (8 of them integers), 2 n flops."""
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    ok = i < n
    unit = ((1023 - tl.load(exponent).to(tl.int64)) << 52).to(tl.float64, bitcast=True)
    added = tl.load(total.to(tl.pointer_type(tl.int64)) + i, mask=ok, other=0).to(tl.float64) * unit
    value = tl.load(out + i, mask=ok, other=0)
    most = tl.load(bound).to(tl.float64)
    tl.store(out + i, value + (added + (most - most)).to(value.dtype), mask=ok)


@triton.jit
def rmatvec(
    weight, g, indices, indptr, offset, n, size, k, groups, out,
    CSR: tl.constexpr, SHARED: tl.constexpr, TURNED: tl.constexpr, WIDE: tl.constexpr,
    ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """`out[b, i] = sum_j w[i, j] * g[b, j]`: a tile of `ROWS` rows by `BLOCK` synapses walks along the rows.

    No atomics: the same bits in every run. Floor: per synapse 4 (SHARED) or 8 bytes plus the gather of g (from L2 where it
    fits), 2 flops; 4 n bytes of results.
    """
    chunk, group, member = split(groups, 1)
    rows = group * ROWS + tl.arange(0, ROWS)
    begin, degree = extent(indptr, rows, rows < n, k, CSR, WIDE)
    g += member * size
    total = tl.zeros([ROWS, BLOCK], g.dtype.element_ty)
    longest = tl.max(degree, 0)
    for start in range(0, longest, BLOCK):
        place = start + tl.arange(0, BLOCK)
        ok = place[None, :] < degree[:, None]
        synapse = begin[:, None] + place[None, :]
        j = turn(tl.load(indices + synapse, mask=ok, other=0), offset, size, TURNED)
        value = tl.load(g + j, mask=ok, other=0)
        if not SHARED:
            value *= tl.load(weight + synapse, mask=ok, other=0).to(value.dtype)
        total += value
    result = tl.sum(total, 1)
    if SHARED:
        result *= tl.load(weight).to(result.dtype)
    tl.store(out + member * n + rows, result, mask=rows < n)


@triton.jit
def outer(
    x, g, indices, indptr, offset, n, size, k, groups, chunks, members, out,
    CSR: tl.constexpr, TURNED: tl.constexpr, WIDE: tl.constexpr,
    ROWS: tl.constexpr, LOG2: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """`out[i, j] = sum_b x[b, i] * g[b, j]`, one value per synapse, each written once.

    No atomics, and nothing to clear before: the same bits in every run. Floor: 4 bytes written per synapse, and per event
    4 bytes of index plus the gather of g and 2 flops; rows that are silent in the whole batch cost their zeros only.
    """
    chunk, group, member = split(groups, chunks)
    rows = group * ROWS + tl.arange(0, ROWS)
    begin, degree = extent(indptr, rows, rows < n, k, CSR, WIDE)
    ends = tl.cumsum(degree, 0)
    total = tl.sum(degree, 0)
    first = begin - (ends - degree)
    for e in range(chunk * BLOCK, total, chunks * BLOCK):
        place = e + tl.arange(0, BLOCK)
        ok = place < total
        row = owner(ends, place, LOG2)
        synapse = tl.gather(first, row, 0) + place
        source = group * ROWS + row
        value = tl.zeros([BLOCK], x.dtype.element_ty)
        x_b, g_b = x, g
        for _ in range(members):
            spike = tl.load(x_b + source, mask=ok, other=0)
            active = ok & (spike != 0)
            j = turn(tl.load(indices + synapse, mask=active, other=0), offset, size, TURNED)
            value += tl.where(active, spike * tl.load(g_b + j, mask=active, other=0), 0)
            x_b += n
            g_b += size
        tl.store(out + synapse, value, mask=ok)


@triton.jit
def outer_sum(
    x, g, ids, count, indices, indptr, offset, n, size, k, groups, chunks, out,
    LISTED: tl.constexpr, CSR: tl.constexpr, TURNED: tl.constexpr, WIDE: tl.constexpr,
    ROWS: tl.constexpr, LOG2: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """The sum of `x[b, i] * g[b, j]` over the synapses, one part per program, to be added up by the caller.

    No atomics: the same bits in every run. Floor: 4 n bytes of x (of the list: 4 per active row), 4 bytes plus the gather
    of g and 2 flops per event.
    """
    chunk, group, member = split(groups, chunks)
    x += member * n
    ids += member * n
    g += member * size
    stop = length_of_list(count, member, n, LISTED)
    part = tl.zeros([BLOCK], x.dtype.element_ty)
    for start in range(group * ROWS, stop, groups * ROWS):
        rows, value, active = group_of_rows(x, ids, start, stop, LISTED, ROWS)
        if tl.max(active.to(tl.int32), 0) > 0:
            begin, degree = extent(indptr, rows, active, k, CSR, WIDE)
            ends = tl.cumsum(degree, 0)
            total = tl.sum(degree, 0)
            first = begin - (ends - degree)
            for e in range(chunk * BLOCK, total, chunks * BLOCK):
                place = e + tl.arange(0, BLOCK)
                ok = place < total
                row = owner(ends, place, LOG2)
                synapse = tl.gather(first, row, 0) + place
                j = turn(tl.load(indices + synapse, mask=ok, other=0), offset, size, TURNED)
                part += tl.where(ok, tl.gather(value, row, 0) * tl.load(g + j, mask=ok, other=0), 0)
    tl.store(out + tl.program_id(0), tl.sum(part, 0))


@triton.jit
def add_outer(
    start_of_weight, x, g, ids, count, indices, indptr, offset, order, n, size, k, groups, chunks, weight,
    LISTED: tl.constexpr, CSR: tl.constexpr, TURNED: tl.constexpr, ORDERED: tl.constexpr, WIDE: tl.constexpr,
    ROWS: tl.constexpr, LOG2: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """`w[i, j] += x[i] * g[j]` at the synapses of the active rows, in the memory of `start_of_weight`: plasticity.

    `ORDERED`: the rows are those of the transposed matrix, and `order` says where their synapses are in `weight`: the
    update of the columns whose neuron has fired. Every synapse belongs to one lane of one program: no atomics. Floor:
    4 n bytes of x (of the list: 4 per active row), 12 bytes (ORDERED: 16, of which 8 scattered) plus the gather of g and
    2 flops per event.
    """
    chunk, group, member = split(groups, chunks)
    stop = length_of_list(count, member, n, LISTED)
    for start in range(group * ROWS, stop, groups * ROWS):
        rows, value, active = group_of_rows(x, ids, start, stop, LISTED, ROWS)
        if tl.max(active.to(tl.int32), 0) > 0:
            begin, degree = extent(indptr, rows, active, k, CSR, WIDE)
            ends = tl.cumsum(degree, 0)
            total = tl.sum(degree, 0)
            first = begin - (ends - degree)
            for e in range(chunk * BLOCK, total, chunks * BLOCK):
                place = e + tl.arange(0, BLOCK)
                ok = place < total
                row = owner(ends, place, LOG2)
                synapse = tl.gather(first, row, 0) + place
                j = turn(tl.load(indices + synapse, mask=ok, other=0), offset, size, TURNED)
                added = tl.gather(value, row, 0) * tl.load(g + j, mask=ok, other=0)
                if ORDERED:
                    synapse = tl.load(order + synapse, mask=ok, other=0)
                old = tl.load(weight + synapse, mask=ok, other=0)
                tl.store(weight + synapse, (old.to(added.dtype) + added).to(old.dtype), mask=ok)
