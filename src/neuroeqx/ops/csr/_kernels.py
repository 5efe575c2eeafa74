"""Native kernels of the CSR products. Imports numba: only `_cpu.py` imports this, and only when lowering.

Columns and row pointers are viewed as unsigned, so that no index is tested for being negative. A batch is handled in
packs of as many members as a vector register has lanes. Members with few non-zero entries are handled one by one, along
their active rows; a dense pack is transposed to a vector of lanes per neuron, and every synapse then handles a vector.
"""

import numpy as np
from numba import carray

from .._active import any_active, LIST, next_active, stack_list
from .._ffi import (
    argument,
    argument_dim,
    argument_rank,
    is_query,
    kernel,
    prefetch,
    reordering_kernel,
    result,
    result_rank,
)
from .._lanes import fill, gather_lanes, load, multiply_add, scatter_lanes, store, total, width


_UNSIGNED = {np.int32: np.uint32, np.int64: np.uint64}
_AHEAD = 6  # active rows between the one being handled and the one being fetched
_FETCHED = 256  # at most this many synapses of a row are fetched: the processor follows longer rows by itself
_PACKED = 2  # mean number of active members in a pack from which lanes are faster than one member after the other


@kernel
def _row(indptr, row):
    return np.uint64(indptr[row]), np.uint64(indptr[row + 1])


@kernel
def _fetch(values, begin, end):
    end = min(end, begin + np.uint64(_FETCHED))
    for k in range(begin, end, np.uint64(64 // values.itemsize)):
        prefetch(values, k)


@kernel
def _member(batch, size, member):
    return batch[member * size : (member + 1) * size]


@kernel
def _is_dense(x, size, first, count):
    active = 0
    for i in range(first * size, (first + count) * size):
        active += x[i] != 0
    return active > _PACKED * size


# out += x @ W


@kernel
def _add_row(out, weight, shared, indices, begin, end, value):
    if shared:
        value = value * weight[0]
        for k in range(begin, end):
            out[indices[k]] += value
    else:
        for k in range(begin, end):
            out[indices[k]] += value * weight[k]


@kernel
def _add_events(out, weight, shared, indices, indptr, x):
    active = carray(stack_list(), LIST, np.uint32)
    i, stop = 0, x.shape[0]
    while i < stop:
        count, i = next_active(x, i, stop, active)
        for a in range(-_AHEAD, count):
            if a + _AHEAD < count:
                begin, end = _row(indptr, active[np.uint64(a + _AHEAD)])
                _fetch(indices, begin, end)
                if not shared:
                    _fetch(weight, begin, end)
            if a >= 0:
                row = active[np.uint64(a)]
                begin, end = _row(indptr, row)
                _add_row(out, weight, shared, indices, begin, end, x[row])


@kernel
def _add_lanes(out, weight, shared, indices, indptr, x, lanes):
    zero = fill(weight.dtype.type(0))
    for row in range(indptr.shape[0] - 1):
        if any_active(x, row * lanes, (row + 1) * lanes):
            begin, end = _row(indptr, row)
            value = load(x, row * lanes)
            if shared:
                value = multiply_add(value, fill(weight[0]), zero)
                for k in range(begin, end):
                    j = indices[k] * lanes
                    store(out, j, multiply_add(value, fill(weight.dtype.type(1)), load(out, j)))
            else:
                for k in range(begin, end):
                    j = indices[k] * lanes
                    store(out, j, multiply_add(value, fill(weight[k]), load(out, j)))


@kernel
def _add_batch(out, weight, shared, indices, indptr, x, members, lanes, packed_out, packed_x):
    n_pre, n_post = indptr.shape[0] - 1, out.shape[0] // members
    for first in range(0, members, lanes):
        count = min(lanes, members - first)
        if _is_dense(x, n_pre, first, count):
            gather_lanes(x, n_pre, first, count, lanes, packed_x)
            gather_lanes(out, n_post, first, count, lanes, packed_out)
            _add_lanes(packed_out, weight, shared, indices, indptr, packed_x, lanes)
            scatter_lanes(packed_out, n_post, first, count, lanes, out)
        else:
            for m in range(first, first + count):
                _add_events(_member(out, n_post, m), weight, shared, indices, indptr, _member(x, n_pre, m))


def add_matvec(stamp, real, index):
    """Operands out, weight, indices, indptr, x; result out, in the place of the operand."""
    pointer = _UNSIGNED[index]

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        weight, shared = argument(frame, 1, real), argument_rank(frame, 1) == 0
        indices, indptr = argument(frame, 2, np.uint32), argument(frame, 3, pointer)
        _add_events(result(frame, 0, real), weight, shared, indices, indptr, argument(frame, 4, real))
        return 0

    return handler


def add_matvec_batch(stamp, real, index):
    """As `add_matvec`, with a leading axis on out and x, and room for a pack of out and of x as further results."""
    pointer = _UNSIGNED[index]
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        weight, shared = argument(frame, 1, real), argument_rank(frame, 1) == 0
        indices, indptr = argument(frame, 2, np.uint32), argument(frame, 3, pointer)
        out, x, members = result(frame, 0, real), argument(frame, 4, real), argument_dim(frame, 4, 0)
        packed_out, packed_x = result(frame, 1, real), result(frame, 2, real)
        _add_batch(out, weight, shared, indices, indptr, x, members, lanes, packed_out, packed_x)
        return 0

    return handler


# W @ g


@reordering_kernel
def _gather_rows(out, weight, shared, indices, indptr, g):
    for row in range(indptr.shape[0] - 1):
        begin, end = _row(indptr, row)
        value = weight.dtype.type(0)
        if shared:
            for k in range(begin, end):
                value += g[indices[k]]
            value *= weight[0]
        else:
            for k in range(begin, end):
                value += weight[k] * g[indices[k]]
        out[row] = value


@kernel
def _gather_lanes(out, weight, shared, indices, indptr, g, lanes):
    zero, one = fill(weight.dtype.type(0)), fill(weight.dtype.type(1))
    for row in range(indptr.shape[0] - 1):
        begin, end = _row(indptr, row)
        value = zero
        if shared:
            for k in range(begin, end):
                value = multiply_add(load(g, indices[k] * lanes), one, value)
            value = multiply_add(value, fill(weight[0]), zero)
        else:
            for k in range(begin, end):
                value = multiply_add(load(g, indices[k] * lanes), fill(weight[k]), value)
        store(out, row * lanes, value)


@kernel
def _gather_batch(out, weight, shared, indices, indptr, g, members, lanes, packed_out, packed_g):
    n_pre, n_post = indptr.shape[0] - 1, g.shape[0] // members
    for first in range(0, members, lanes):
        count = min(lanes, members - first)
        if count > _PACKED:
            gather_lanes(g, n_post, first, count, lanes, packed_g)
            _gather_lanes(packed_out, weight, shared, indices, indptr, packed_g, lanes)
            scatter_lanes(packed_out, n_pre, first, count, lanes, out)
        else:
            for m in range(first, first + count):
                _gather_rows(_member(out, n_pre, m), weight, shared, indices, indptr, _member(g, n_post, m))


def rmatvec(stamp, real, index):
    """Operands weight, indices, indptr, g; result x."""
    pointer = _UNSIGNED[index]

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        weight, shared = argument(frame, 0, real), argument_rank(frame, 0) == 0
        indices, indptr = argument(frame, 1, np.uint32), argument(frame, 2, pointer)
        _gather_rows(result(frame, 0, real), weight, shared, indices, indptr, argument(frame, 3, real))
        return 0

    return handler


def rmatvec_batch(stamp, real, index):
    """As `rmatvec`, with a leading axis on g and x, and room for a pack of x and of g as further results."""
    pointer = _UNSIGNED[index]
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        weight, shared = argument(frame, 0, real), argument_rank(frame, 0) == 0
        indices, indptr = argument(frame, 1, np.uint32), argument(frame, 2, pointer)
        out, g, members = result(frame, 0, real), argument(frame, 3, real), argument_dim(frame, 3, 0)
        packed_out, packed_g = result(frame, 1, real), result(frame, 2, real)
        _gather_batch(out, weight, shared, indices, indptr, g, members, lanes, packed_out, packed_g)
        return 0

    return handler


# dw[k] = sum over the batch of x[row of k] * g[column of k]


@reordering_kernel
def _outer_row(dw, shared, indices, begin, end, value, g):
    """Adds a row to `dw`, or returns its part of the one number that `dw` is."""
    part = value * 0
    if shared:
        for k in range(begin, end):
            part += g[indices[k]]
        return part * value
    for k in range(begin, end):
        dw[k] += value * g[indices[k]]
    return part


@kernel
def _outer_events(dw, shared, indices, indptr, x, g):
    active = carray(stack_list(), LIST, np.uint32)
    i, stop, whole = 0, x.shape[0], 0.0
    while i < stop:
        count, i = next_active(x, i, stop, active)
        for a in range(-_AHEAD, count):
            if a + _AHEAD < count:
                begin, end = _row(indptr, active[np.uint64(a + _AHEAD)])
                _fetch(indices, begin, end)
            if a >= 0:
                row = active[np.uint64(a)]
                begin, end = _row(indptr, row)
                whole += _outer_row(dw, shared, indices, begin, end, x[row], g)
    return whole


@kernel
def _outer_lanes(dw, shared, indices, indptr, x, g, lanes):
    zero, one, whole = fill(dw.dtype.type(0)), fill(dw.dtype.type(1)), 0.0
    for row in range(indptr.shape[0] - 1):
        if any_active(x, row * lanes, (row + 1) * lanes):
            begin, end = _row(indptr, row)
            value = load(x, row * lanes)
            if shared:
                part = zero
                for k in range(begin, end):
                    part = multiply_add(load(g, indices[k] * lanes), one, part)
                whole += total(multiply_add(part, value, zero))
            else:
                for k in range(begin, end):
                    dw[k] += total(multiply_add(load(g, indices[k] * lanes), value, zero))
    return whole


@kernel
def _outer_batch(dw, shared, indices, indptr, x, g, members, lanes, packed_x, packed_g):
    n_pre, n_post, whole = indptr.shape[0] - 1, g.shape[0] // members, 0.0
    for first in range(0, members, lanes):
        count = min(lanes, members - first)
        if _is_dense(x, n_pre, first, count):
            gather_lanes(x, n_pre, first, count, lanes, packed_x)
            gather_lanes(g, n_post, first, count, lanes, packed_g)
            whole += _outer_lanes(dw, shared, indices, indptr, packed_x, packed_g, lanes)
        else:
            for m in range(first, first + count):
                whole += _outer_events(dw, shared, indices, indptr, _member(x, n_pre, m), _member(g, n_post, m))
    return whole


def outer(stamp, real, index):
    """Operands indices, indptr, x, g; result dw, one number where it has rank 0."""
    pointer = _UNSIGNED[index]

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        dw, shared = result(frame, 0, real), result_rank(frame, 0) == 0
        indices, indptr = argument(frame, 0, np.uint32), argument(frame, 1, pointer)
        x, g = argument(frame, 2, real), argument(frame, 3, real)
        dw[:] = 0
        whole = _outer_events(dw, shared, indices, indptr, x, g)
        if shared:
            dw[0] = whole
        return 0

    return handler


def outer_batch(stamp, real, index):
    """As `outer`, with a leading axis on x and g, and room for a pack of x and of g as further results."""
    pointer = _UNSIGNED[index]
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        dw, shared = result(frame, 0, real), result_rank(frame, 0) == 0
        indices, indptr = argument(frame, 0, np.uint32), argument(frame, 1, pointer)
        x, g, members = argument(frame, 2, real), argument(frame, 3, real), argument_dim(frame, 2, 0)
        packed_x, packed_g = result(frame, 1, real), result(frame, 2, real)
        dw[:] = 0
        whole = _outer_batch(dw, shared, indices, indptr, x, g, members, lanes, packed_x, packed_g)
        if shared:
            dw[0] = whole
        return 0

    return handler
