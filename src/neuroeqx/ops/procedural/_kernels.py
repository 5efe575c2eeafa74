"""Handlers of the procedural products. Imports llvmlite: only `_cpu.py` imports this, when lowering.

Operands and results are those of `_cpu.py`. Every row that any member of a batch needs is drawn once, for up to 64
members at a time.
"""

import numpy as np

from .._active import LIST, next_active, stack_list
from .._ffi import argument, argument_dim, argument_rank, failure, is_query, result
from .._threads import in_two
from ..language import kernel, outlined, reordering_kernel
from ._draws import (
    base_and_slope,
    coefficients,
    DRAWS,
    make_weights,
    more,
    next_columns,
    plain,
)
from ._vectors import stack


_mismatch = failure("neuroeqx: the operands of a procedural product have shapes that do not belong together")

_ROWS_WORTH_TWO = 2048  # rows from which another thread is asked
_GROUP = 64  # members of a batch for which a row is drawn together


@kernel
def scratch_views(space, real):
    """Views of scratch space: words, steps, columns, slots (both with room past the end), members, values, flags, totals."""
    words, steps, columns, slots = space[:128], space[128:256], space[256:384], space[384:512]
    members, flags = space[512:576], space[576:640]
    return words, steps, columns, slots, members, space[640:768].view(real), flags, space[768:772].view(np.float64)


# out += x @ W


@kernel
def _add_all(out, start, columns, count, value):
    for j in range(count):
        out[start + np.uint64(columns[j])] += value


@kernel
def _add_each(out, start, columns, count, value, weights):
    for j in range(count):
        out[start + np.uint64(columns[j])] += value * weights[j]


@kernel
def add_row(out, theta, x, n, law, tables, offset, row, active, scratch):
    """Adds a row to the members that are listed in the scratch space, the first `active` ones."""
    n_pre, size = n
    words, steps, columns, slots, members, values, _, _ = scratch
    base, slope = base_and_slope(law, theta)
    first, position = np.int64(0), np.int64(0)
    while more(law, first, position):
        count, position = next_columns(law, tables, offset, size, row, first, position, words, steps, columns, slots)
        if not plain(law):
            coefficients(law, tables, row, first, words, slots, count, values)
            make_weights(values, count, base, slope)
        for a in range(active):
            m = np.uint64(members[a])
            value, start = x[m * np.uint64(n_pre) + np.uint64(row)], m * np.uint64(size)
            if plain(law):
                _add_all(out, start, columns, count, value * base)
            else:
                _add_each(out, start, columns, count, value, values)
        first += DRAWS


@kernel
def _flag(x, n_pre, first, last, i, flags):
    """Which of the 64 rows from `i` on any of the members needs."""
    flags[:] = 0
    length = min(64, n_pre - i)
    for m in range(first, last):
        start = m * n_pre + i
        for r in range(length):
            flags[r] |= np.uint32(x[start + r] != 0)


@kernel
def _next_rows(x, n_pre, first, last, ids, count, i, rows, flags):
    """Lists up to 256 rows that any of the members `first ... last - 1` needs. Returns how many, and where to go on."""
    if count >= 0:
        found = min(LIST, min(count, n_pre) - i)
        for a in range(found):
            rows[a] = ids[i + a]
        return found, i + found if found + i < count else n_pre
    if last == first + 1:
        return next_active(x[first * n_pre : last * n_pre], i, n_pre, rows)
    found = np.int64(0)
    while i < n_pre and found <= LIST - 64:
        _flag(x, n_pre, first, last, i, flags)
        for r in range(64):
            rows[found] = i + r  # overwritten by the next one, unless it is needed
            found += np.int64(flags[r])
            if found == LIST:
                break
        i += 64
    return found, i


@kernel
def _list_members(x, n_pre, first, last, row, members):
    count = 0
    for m in range(first, last):
        members[count] = np.uint32(m)
        count += x[m * n_pre + row] != 0
    return count


@kernel
def add_rows(out, theta, x, n, law, tables, offset, ids, count, batch, scratch):
    rows, n_pre = stack_list(), n[0]
    for first in range(0, batch, _GROUP):
        last, i = min(first + _GROUP, batch), np.int64(0)
        while i < n_pre:
            found, i = _next_rows(x, n_pre, first, last, ids, count, i, rows, scratch[6])
            for a in range(found):
                row = np.int64(rows[a])
                active = _list_members(x, n_pre, first, last, row, scratch[4])
                add_row(out, theta, x, n, law, tables, offset, row, active, scratch)


# W @ g


@reordering_kernel
def _sum_all(g, start, columns, count):
    total = g.dtype.type(0)
    for j in range(count):
        total += g[start + np.uint64(columns[j])]
    return total


@reordering_kernel
def _sum_each(g, start, columns, count, weights):
    total = g.dtype.type(0)
    for j in range(count):
        total += g[start + np.uint64(columns[j])] * weights[j]
    return total


@kernel
def _gather(out, theta, g, n, law, tables, offset, batch, scratch, span):
    """Rows `span[0]` to `span[1] - 1`."""
    n_pre, size = n
    words, steps, columns, slots, _, values, _, _ = scratch
    base, slope = base_and_slope(law, theta)
    for row in range(span[0], span[1]):
        for m in range(batch):
            out[m * n_pre + row] = 0
        first, position = np.int64(0), np.int64(0)
        while more(law, first, position):
            count, position = next_columns(
                law, tables, offset, size, row, first, position, words, steps, columns, slots
            )
            if not plain(law):
                coefficients(law, tables, row, first, words, slots, count, values)
                make_weights(values, count, base, slope)
            for m in range(batch):
                start = np.uint64(m) * np.uint64(size)
                if plain(law):
                    out[m * n_pre + row] += base * _sum_all(g, start, columns, count)
                else:
                    out[m * n_pre + row] += _sum_each(g, start, columns, count, values)
            first += DRAWS


# dtheta


@kernel
def _outer_row(x, g, n, law, tables, offset, row, active, scratch, totals):
    """Adds the part of a row to `totals`: the sums of x g and of x g times the coefficient."""
    n_pre, size = n
    words, steps, columns, slots, members, values, _, _ = scratch
    first, position = np.int64(0), np.int64(0)
    while more(law, first, position):
        count, position = next_columns(law, tables, offset, size, row, first, position, words, steps, columns, slots)
        if not plain(law):
            coefficients(law, tables, row, first, words, slots, count, values)
        for a in range(active):
            m = np.uint64(members[a])
            value, start = x[m * np.uint64(n_pre) + np.uint64(row)], m * np.uint64(size)
            totals[0] += np.float64(value * _sum_all(g, start, columns, count))
            if not plain(law):
                totals[1] += np.float64(value * _sum_each(g, start, columns, count, values))
        first += DRAWS


@kernel
def _outer(x, g, n, law, tables, offset, ids, count, batch, scratch):
    rows, n_pre, totals = stack_list(), n[0], scratch[7]
    totals[:] = 0
    for first in range(0, batch, _GROUP):
        last, i = min(first + _GROUP, batch), np.int64(0)
        while i < n_pre:
            found, i = _next_rows(x, n_pre, first, last, ids, count, i, rows, scratch[6])
            for a in range(found):
                row = np.int64(rows[a])
                active = _list_members(x, n_pre, first, last, row, scratch[4])
                _outer_row(x, g, n, law, tables, offset, row, active, scratch, totals)


# The handlers.


@kernel
def _structure(frame, position):
    """The numbers of the law, the tables and the offset, from operand `position` on."""
    law, offset = argument(frame, position, np.int32), argument(frame, position + 5, np.uint32)
    return (
        law,
        (
            argument(frame, position + 1, np.uint32),
            argument(frame, position + 2, np.uint32),
            argument(frame, position + 3, np.uint32),
            argument(frame, position + 4, np.uint32),
        ),
        offset,
    )


@kernel
def _members(frame, position):
    return argument_dim(frame, position, 0) if argument_rank(frame, position) == 2 else 1


def add_matvec(stamp, real):
    """Operands out, theta, x, ids, count and those of the structure; result out, in the place of the operand."""

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        out, theta, x = result(frame, 0, real), argument(frame, 1, real), argument(frame, 2, real)
        ids, count, batch = argument(frame, 3, np.uint32), argument(frame, 4, np.int32), _members(frame, 2)
        law, tables, offset = _structure(frame, 5)
        n = x.shape[0] // batch, out.shape[0] // batch
        if batch != _members(frame, 0):
            return _mismatch(frame)
        scratch = scratch_views(stack(), real)
        turn = np.int64(offset[0]) % n[1]
        listed = np.int64(count[0]) if batch == 1 else -1  # a batch looks for itself what all its members need
        add_rows(out, theta, x, n, law, tables, turn, ids, listed, batch, scratch)
        return 0

    return handler


@outlined
def _gather_half(frame, half, real, batch):
    """The work of `rmatvec`: all of it (-1), or one half of the rows."""
    out, theta, g = result(frame, 0, real), argument(frame, 0, real), argument(frame, 1, real)
    law, tables, offset = _structure(frame, 2)
    n = out.shape[0] // batch, g.shape[0] // batch
    span = (0, n[0]) if half < 0 else (n[0] * half // 2, n[0] * (half + 1) // 2)
    scratch = scratch_views(stack(), real)
    _gather(out, theta, g, n, law, tables, np.int64(offset[0]) % n[1], batch, scratch, span)


def rmatvec(stamp, real):
    """Operands theta, g and those of the structure; result x."""

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        batch = _members(frame, 1)
        if result(frame, 0, real).shape[0] // batch >= _ROWS_WORTH_TWO:
            in_two(_gather_half, frame, (real,), batch)
        else:
            _gather_half(frame, -1, real, batch)
        return 0

    return handler


def outer(stamp, real):
    """Operands x, g, ids, count and those of the structure; result two sums."""

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        sums, x, g, batch = (
            result(frame, 0, real),
            argument(frame, 0, real),
            argument(frame, 1, real),
            _members(frame, 0),
        )
        ids, count = argument(frame, 2, np.uint32), argument(frame, 3, np.int32)
        law, tables, offset = _structure(frame, 4)
        n = x.shape[0] // batch, g.shape[0] // batch
        if batch != _members(frame, 1):
            return _mismatch(frame)
        scratch = scratch_views(stack(), real)
        listed = np.int64(count[0]) if batch == 1 else -1
        _outer(x, g, n, law, tables, np.int64(offset[0]) % n[1], ids, listed, batch, scratch)
        totals = scratch[7]
        sums[0], sums[1] = totals[0], totals[1]
        return 0

    return handler
