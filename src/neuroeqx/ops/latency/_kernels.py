"""Native kernels of products with single spikes. Imports llvmlite: only `_cpu.py` imports this, and only when lowering.

Time is the outer loop of both products, so that the large array is written, or read, from its beginning to its end; a row of it
is a sum in registers, or is read into them once for all of its spikes.
"""

import numpy as np
from llvmlite import ir

from .._ffi import argument, argument_dim, failure, is_query, result, result_dim
from .._lanes import fill, load, multiply_add, store, width
from .._threads import in_two, WORTH_TWO
from ..language import intrinsic, kernel, outlined, Value, word


_mismatch = failure("neuroeqx: the operands of a product with single spikes have shapes that do not belong together")


@kernel
def _sort_member(steps, ids, bounds):
    """The sources by their steps, and where each step begins among them; what follows the last says nothing."""
    length = bounds.shape[0] - 1
    bounds[0 : length + 1] = 0
    ids[0 : ids.shape[0]] = 0
    for i in range(steps.shape[0]):
        step = np.int64(steps[i])
        if step >= 0 and step < length:
            bounds[step + 1] += 1
    for t in range(length):
        bounds[t + 1] += bounds[t]
    for i in range(steps.shape[0]):
        step = np.int64(steps[i])
        if step >= 0 and step < length:
            ids[np.int64(bounds[step])] = i
            bounds[step] += 1
    # Every step now says where it ends.
    t = length
    while t > 0:
        bounds[t] = bounds[t - 1]
        t -= 1
    bounds[0] = 0


def sort(stamp):
    """Operand steps [members, n_pre]; results ids, of its shape, and bounds [members, length + 1]."""

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        steps, ids, bounds = argument(frame, 0, np.int32), result(frame, 0, np.int32), result(frame, 1, np.int32)
        members, n_pre, length = argument_dim(frame, 0, 0), argument_dim(frame, 0, 1), result_dim(frame, 1, 1)
        if result_dim(frame, 1, 0) != members or ids.shape[0] != steps.shape[0]:
            return _mismatch(frame)
        for m in range(members):
            own = m * n_pre
            _sort_member(steps[own : own + n_pre], ids[own : own + n_pre], bounds[m * length : (m + 1) * length])
        return 0

    return handler


@kernel
def _section(half, size):
    """A half of a range, or all of it (-1)."""
    middle = (size + 1) // 2
    if half < 0:
        return 0, size
    return (0, middle) if half == 0 else (middle, size)


@intrinsic
def _last(writer, lanes, count):
    """The last `count` lanes, zero in the others."""
    builder, [vector] = writer.builder, lanes.type.parts
    number, zeros = ir.IntType(64), [0] * vector.count
    kind = ir.VectorType(number, vector.count)
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), word(builder, count), ir.IntType(32)(0))
    every = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), zeros)
    filled = builder.shuffle_vector(single, ir.Constant(kind, ir.Undefined), every)
    kept = builder.icmp_signed("<=", ir.Constant(kind, list(range(vector.count, 0, -1))), filled)
    return Value(lanes.type, (builder.select(kept, lanes.parts[0], ir.Constant(vector, None)),))


@kernel
def _sum_rows(out, to, weight, ids, begin, end, size, lanes):
    """`out[to:to + size]` becomes the sum of the rows of `weight` that are listed from `begin` to `end`."""
    real = out.dtype.type
    zero, one = fill(real(0)), fill(real(1))
    j = 0
    while j + 4 * lanes <= size:
        p, q, r, s = zero, zero, zero, zero
        for e in range(begin, end):
            at = np.int64(ids[e]) * size + j
            p = multiply_add(load(weight, at), one, p)
            q = multiply_add(load(weight, at + lanes), one, q)
            r = multiply_add(load(weight, at + 2 * lanes), one, r)
            s = multiply_add(load(weight, at + 3 * lanes), one, s)
        store(out, to + j, p)
        store(out, to + j + lanes, q)
        store(out, to + j + 2 * lanes, r)
        store(out, to + j + 3 * lanes, s)
        j += 4 * lanes
    while j < size:
        if size >= lanes:
            k = min(j, size - lanes)  # the last vector computes a part of the one before again
            p = zero
            for e in range(begin, end):
                p = multiply_add(load(weight, np.int64(ids[e]) * size + k), one, p)
            store(out, to + k, p)
            j += lanes
        else:
            value = real(0)
            for e in range(begin, end):
                value += weight[np.int64(ids[e]) * size + j]
            out[to + j] = value
            j += 1


@outlined
def _add_members(frame, half, real, lanes):
    """The work of `add_rows`, for all members (-1) or for half of them."""
    weight, out = argument(frame, 0, real), result(frame, 0, real)
    ids, bounds = argument(frame, 1, np.int32), argument(frame, 2, np.int32)
    length, members, size = result_dim(frame, 0, 0), result_dim(frame, 0, 1), result_dim(frame, 0, 2)
    n_pre = argument_dim(frame, 0, 0)
    first, last = _section(half, members)
    for t in range(length):
        for m in range(first, last):
            at = m * (length + 1) + t
            begin, end = np.int64(bounds[at]) + m * n_pre, np.int64(bounds[at + 1]) + m * n_pre
            _sum_rows(out, (t * members + m) * size, weight, ids, begin, end, size, lanes)


@kernel
def _fit(frame, members, length):
    """Whether the lists are those of so many members and steps."""
    same = argument_dim(frame, 1, 0) == members and argument_dim(frame, 2, 0) == members
    return same and argument_dim(frame, 2, 1) == length + 1


def add_rows(stamp, real):
    """Operands weight [n_pre, n_post], ids [members, n_pre], bounds [members, length + 1]; result [length, members, n_post]."""
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        length, members, size = result_dim(frame, 0, 0), result_dim(frame, 0, 1), result_dim(frame, 0, 2)
        n_pre = argument_dim(frame, 0, 0)
        if not (
            _fit(frame, members, length) and argument_dim(frame, 0, 1) == size and argument_dim(frame, 1, 1) == n_pre
        ):
            return _mismatch(frame)
        # Each spike moves a row, and the whole result is written.
        if members > 1 and (n_pre + length) * members * size > WORTH_TWO:
            in_two(_add_members, frame, (real,), lanes)
        else:
            _add_members(frame, -1, real, lanes)
        return 0

    return handler


@kernel
def _spread_row(out, g, start, ids, begin, end, first, last, size, lanes):
    """Adds `g[start:start + size]` to the rows of `out` that are listed from `begin` to `end` and lie in `[first, last)`."""
    one = fill(out.dtype.type(1))
    j = 0
    while j + 4 * lanes <= size:
        p, q, r, s = (
            load(g, start + j),
            load(g, start + j + lanes),
            load(g, start + j + 2 * lanes),
            load(g, start + j + 3 * lanes),
        )
        for e in range(begin, end):
            row = np.int64(ids[e])
            if row >= first and row < last:
                at = row * size + j
                store(out, at, multiply_add(load(out, at), one, p))
                store(out, at + lanes, multiply_add(load(out, at + lanes), one, q))
                store(out, at + 2 * lanes, multiply_add(load(out, at + 2 * lanes), one, r))
                store(out, at + 3 * lanes, multiply_add(load(out, at + 3 * lanes), one, s))
        j += 4 * lanes
    while j < size:
        if size >= lanes:
            k = min(j, size - lanes)
            p = _last(load(g, start + k), size - j) if k < j else load(g, start + k)
            for e in range(begin, end):
                row = np.int64(ids[e])
                if row >= first and row < last:
                    store(out, row * size + k, multiply_add(load(out, row * size + k), one, p))
            j += lanes
        else:
            value = g[start + j]
            for e in range(begin, end):
                row = np.int64(ids[e])
                if row >= first and row < last:
                    out[row * size + j] += value
            j += 1


@outlined
def _outer_rows(frame, half, real, lanes):
    """The work of `outer`, for all rows (-1) or for half of them."""
    g, out = argument(frame, 0, real), result(frame, 0, real)
    ids, bounds = argument(frame, 1, np.int32), argument(frame, 2, np.int32)
    length, members, size = argument_dim(frame, 0, 0), argument_dim(frame, 0, 1), argument_dim(frame, 0, 2)
    n_pre = result_dim(frame, 0, 0)
    first, last = _section(half, n_pre)
    out[first * size : last * size] = 0
    for t in range(length):
        for m in range(members):
            at = m * (length + 1) + t
            begin, end = np.int64(bounds[at]) + m * n_pre, np.int64(bounds[at + 1]) + m * n_pre
            if begin < end:
                _spread_row(out, g, (t * members + m) * size, ids, begin, end, first, last, size, lanes)


def outer(stamp, real):
    """Operands g [length, members, n_post], ids [members, n_pre], bounds [members, length + 1]; result [n_pre, n_post]."""
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        length, members, size = argument_dim(frame, 0, 0), argument_dim(frame, 0, 1), argument_dim(frame, 0, 2)
        n_pre = result_dim(frame, 0, 0)
        if not (
            _fit(frame, members, length) and result_dim(frame, 0, 1) == size and argument_dim(frame, 1, 1) == n_pre
        ):
            return _mismatch(frame)
        if n_pre * members * size > WORTH_TWO:
            in_two(_outer_rows, frame, (real,), lanes)
        else:
            _outer_rows(frame, -1, real, lanes)
        return 0

    return handler
