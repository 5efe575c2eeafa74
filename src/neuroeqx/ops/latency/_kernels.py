"""Native kernels of products with single spikes. Imports llvmlite: only `_cpu.py` imports this, and only when lowering."""

import numpy as np

from .._ffi import argument, argument_dim, failure, is_query, result, result_dim
from .._lanes import fill, load, multiply_add, store, width
from .._threads import in_two, WORTH_TWO
from ..language import kernel, outlined


_mismatch = failure("neuroeqx: the operands of a product with single spikes have shapes that do not belong together")


@kernel
def _add_row(out, to, values, start, size, lanes):
    """`out[to:to + size] += values[start:start + size]`"""
    whole, one = size - size % lanes, fill(out.dtype.type(1))
    for j in range(0, whole, lanes):
        store(out, to + j, multiply_add(load(values, start + j), one, load(out, to + j)))
    for j in range(whole, size):
        out[to + j] += values[start + j]


@kernel
def _section(half, size):
    """A half of a range, or all of it (-1)."""
    middle = (size + 1) // 2
    if half < 0:
        return 0, size
    return (0, middle) if half == 0 else (middle, size)


@outlined
def _add_members(frame, half, real, lanes):
    """The work of `add_rows`, for all members (-1) or for half of them."""
    weight, steps, out = argument(frame, 0, real), argument(frame, 1, np.int32), result(frame, 0, real)
    length, members, size = result_dim(frame, 0, 0), result_dim(frame, 0, 1), result_dim(frame, 0, 2)
    n_pre = argument_dim(frame, 0, 0)
    first, end = _section(half, members)
    for m in range(first, end):
        for t in range(length):
            start = (t * members + m) * size
            out[start : start + size] = 0
        for i in range(n_pre):
            step = np.int64(steps[m * n_pre + i])
            if step >= 0 and step < length:
                _add_row(out, (step * members + m) * size, weight, i * size, size, lanes)


def add_rows(stamp, real):
    """Operands weight [n_pre, n_post], steps [members, n_pre]; result [length, members, n_post]."""
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        members, n_pre = result_dim(frame, 0, 1), argument_dim(frame, 0, 0)
        fits = argument_dim(frame, 1, 0) == members and argument_dim(frame, 1, 1) == n_pre
        if not (fits and argument_dim(frame, 0, 1) == result_dim(frame, 0, 2)):
            return _mismatch(frame)
        # Each spike moves a row, and the whole result is written.
        if members > 1 and (n_pre * members + result_dim(frame, 0, 0) * members) * result_dim(frame, 0, 2) > WORTH_TWO:
            in_two(_add_members, frame, (real,), lanes)
        else:
            _add_members(frame, -1, real, lanes)
        return 0

    return handler


@outlined
def _outer_rows(frame, half, real, lanes):
    """The work of `outer`, for all rows (-1) or for half of them."""
    g, steps, out = argument(frame, 0, real), argument(frame, 1, np.int32), result(frame, 0, real)
    length, members, size = argument_dim(frame, 0, 0), argument_dim(frame, 0, 1), argument_dim(frame, 0, 2)
    n_pre = result_dim(frame, 0, 0)
    first, end = _section(half, n_pre)
    out[first * size : end * size] = 0
    for m in range(members):
        for i in range(first, end):
            step = np.int64(steps[m * n_pre + i])
            if step >= 0 and step < length:
                _add_row(out, i * size, g, (step * members + m) * size, size, lanes)


def outer(stamp, real):
    """Operands g [length, members, n_post], steps [members, n_pre]; result [n_pre, n_post]."""
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        members, n_pre = argument_dim(frame, 0, 1), result_dim(frame, 0, 0)
        fits = argument_dim(frame, 1, 0) == members and argument_dim(frame, 1, 1) == n_pre
        if not (fits and argument_dim(frame, 0, 2) == result_dim(frame, 0, 1)):
            return _mismatch(frame)
        if n_pre * members * result_dim(frame, 0, 1) > WORTH_TWO:
            in_two(_outer_rows, frame, (real,), lanes)
        else:
            _outer_rows(frame, -1, real, lanes)
        return 0

    return handler
