"""Kernels for matrices stored by rows, in the language of kernels: walks along active rows, gathers along all rows.

Rows are given by pointers into the synapses (`indptr`, of unsigned integers: no index is then tested for being negative)
or, where every row has as many, by that number. Columns are turned by an `offset` within the vector they point into, or
not at all where it is `None`. Weights are one, or one per synapse, possibly the upper halves of float32 (bfloat16).

A batch is handled in packs of as many members as a vector register has lanes. Members with few non-zero entries are
handled one by one, along their active rows; a dense pack is transposed to a vector of lanes per neuron, and every synapse
then handles a vector.
"""

import numpy as np
from llvmlite import ir

from ._active import any_active, next_active, stack_list
from ._lanes import fill, gather_lanes, load, multiply_add, scatter_lanes, store, total
from ._pick import LANES, MOST, pick
from .language import intrinsic, is_array, kernel, reordering_kernel, Scalar, static, Value


_AHEAD = 4  # active rows between the one being handled and the one being fetched
_FETCHED = 128  # at most this many synapses of a row are fetched: the processor follows longer rows by itself
_PACKED = 2  # mean number of active members in a pack from which lanes are faster than one member after the other


@kernel
def bounds(rows, row):
    """The first synapse of a row, and the first one after it."""
    own, following = np.uint64(row), np.uint64(row) + np.uint64(1)
    if is_array(rows):
        return np.uint64(rows[own]), np.uint64(rows[following])
    return own * rows, following * rows


@intrinsic
def _upper_half(writer, half):
    """The float32 whose upper 16 bits these are."""
    builder, number = writer.builder, ir.IntType(32)
    wide = builder.shl(builder.zext(half.parts[0], number), number(16))
    return Value(Scalar("f", 32), (builder.bitcast(wide, ir.FloatType()),))


@kernel
def weight_at(weight, k):
    """The weight of synapse k."""
    return _upper_half(weight[k]) if weight.itemsize == 2 else weight[k]


@intrinsic
def _prefetch(writer, array, position):
    """Asks for the cache line of `array[position]`, which may lie past the end."""
    builder, byte, number = writer.builder, ir.IntType(8).as_pointer(), ir.IntType(32)
    pointer = builder.bitcast(writer.pointer(array, position, inbounds=False), byte)
    kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    read, keep, data_cache = number(0), number(3), number(1)
    builder.call(writer.declared("llvm.prefetch.p0", kind), [pointer, read, keep, data_cache])
    return static(None)


@kernel
def _turned(j, size):
    return j - size if j >= size else j


@kernel
def column(indices, k, offset, size):
    """The place in a vector of `size` that synapse k points to."""
    return np.uint64(indices[k]) if offset is None else _turned(np.uint64(indices[k]) + offset, size)


@kernel
def _fetch(values, begin, end):
    end = min(end, begin + np.uint64(_FETCHED))
    k = begin
    while k < end:  # not a range with a step, whose length takes a division
        _prefetch(values, k)
        k += np.uint64(64 // values.itemsize)


@kernel
def member(batch, size, member):
    """One vector of a batch."""
    return batch[member * size : (member + 1) * size]


@kernel
def _is_dense(x, size, first, count):
    active = 0
    for i in range(first * size, (first + count) * size):
        active += x[i] != 0
    return active > _PACKED * size


# out += x @ W


@kernel
def _add_row(out, weight, shared, indices, begin, end, value, offset):
    size = np.uint64(out.shape[0])
    if shared:
        value = value * weight_at(weight, 0)
        for k in range(begin, end):
            out[column(indices, k, offset, size)] += value
    else:
        for k in range(begin, end):
            out[column(indices, k, offset, size)] += value * weight_at(weight, k)


@kernel
def _add_row_within(out, section, weight, shared, indices, begin, end, value):
    """Adds what a row has for the targets of a section, without a branch for each synapse."""
    places = stack_list()
    synapses = stack_list()
    if shared:
        value = value * weight_at(weight, 0)
    k = begin
    while k < end:
        count = np.uint64(0)
        if shared:
            while k < end and count <= np.uint64(MOST):
                count = pick(indices, k, end, section[0], section[1], places, None, count)
                k += np.uint64(LANES)
            for n in range(count):
                out[np.uint64(places[n])] += value
        else:
            while k < end and count <= np.uint64(MOST):
                count = pick(indices, k, end, section[0], section[1], places, synapses, count)
                k += np.uint64(LANES)
            for n in range(count):
                out[np.uint64(places[n])] += value * weight_at(weight, np.uint64(synapses[n]))


@kernel
def add_list(out, section, weight, shared, indices, rows, x, ones, active, count, offset):
    """Along listed rows; to the targets of a section, the first of them and their number, unless it is `None`.

    If the active entries of `x` are known to be `ones` they are not read: another thread may have just written them.
    """
    for a in range(-_AHEAD, count):
        if a + _AHEAD < count:
            begin, end = bounds(rows, active[np.uint64(a + _AHEAD)])
            _fetch(indices, begin, end)
            if not shared:
                _fetch(weight, begin, end)
        if a >= 0:
            row = active[np.uint64(a)]
            begin, end = bounds(rows, row)
            value = x.dtype.type(1) if ones else x[np.uint64(row)]
            if section is None:
                _add_row(out, weight, shared, indices, begin, end, value, offset)
            else:
                _add_row_within(out, section, weight, shared, indices, begin, end, value)


@kernel
def add_events(out, weight, shared, indices, rows, x, ids, counts, m, offset):
    """Along the rows at which `x` is not zero: those listed for member `m`, or those found where there is no list."""
    n_pre = x.shape[0]
    if counts is None:
        active = stack_list()
        i = 0
        while i < n_pre:
            count, i = next_active(x, i, n_pre, active)
            add_list(out, None, weight, shared, indices, rows, x, False, active, count, offset)
    else:
        count = min(np.int64(counts[m]), n_pre)
        add_list(out, None, weight, shared, indices, rows, x, False, member(ids, n_pre, m), count, offset)


@kernel
def _add_lanes(out, weight, shared, indices, rows, x, lanes, offset):
    real, size = out.dtype.type, np.uint64(out.shape[0] // lanes)
    zero, one = fill(real(0)), fill(real(1))
    for row in range(x.shape[0] // lanes):
        if any_active(x, row * lanes, (row + 1) * lanes):
            begin, end = bounds(rows, row)
            value = load(x, row * lanes)
            if shared:
                value = multiply_add(value, fill(real(weight_at(weight, 0))), zero)
                for k in range(begin, end):
                    j = np.int64(column(indices, k, offset, size)) * lanes
                    store(out, j, multiply_add(value, one, load(out, j)))
            else:
                for k in range(begin, end):
                    j = np.int64(column(indices, k, offset, size)) * lanes
                    store(out, j, multiply_add(value, fill(real(weight_at(weight, k))), load(out, j)))


@kernel
def packs(members, lanes, half):
    """The first member of a half of the packs, and the end of the half. There is one half, -1, of all."""
    whole = (members + lanes - 1) // lanes
    if half < 0:
        return 0, members
    return (0, (whole + 1) // 2 * lanes) if half == 0 else ((whole + 1) // 2 * lanes, members)


@kernel
def add_batch(out, weight, shared, indices, rows, x, ids, counts, offset, members, span, lanes, packed_out, packed_x):
    """`ids` and `counts`, if not `None`, are the lists of active rows of all members; `span` are the members to handle."""
    n_pre, n_post = x.shape[0] // members, out.shape[0] // members
    for first in range(span[0], span[1], lanes):
        count = min(lanes, members - first)
        if _is_dense(x, n_pre, first, count):
            gather_lanes(x, n_pre, first, count, lanes, packed_x)
            gather_lanes(out, n_post, first, count, lanes, packed_out)
            _add_lanes(packed_out, weight, shared, indices, rows, packed_x, lanes, offset)
            scatter_lanes(packed_out, n_post, first, count, lanes, out)
        else:
            for m in range(first, first + count):
                own, spikes = member(out, n_post, m), member(x, n_pre, m)
                add_events(own, weight, shared, indices, rows, spikes, ids, counts, m, offset)


# W @ g


@reordering_kernel
def gather_rows(out, weight, shared, indices, rows, g, offset, start, stop):
    """Rows `start` to `stop - 1`."""
    real, size = out.dtype.type, np.uint64(g.shape[0])
    for row in range(start, stop):
        begin, end = bounds(rows, row)
        value = real(0)
        if shared:
            for k in range(begin, end):
                value += g[column(indices, k, offset, size)]
            value *= weight_at(weight, 0)
        else:
            for k in range(begin, end):
                value += weight_at(weight, k) * g[column(indices, k, offset, size)]
        out[row] = value


@kernel
def _gather_lanes(out, weight, shared, indices, rows, g, lanes, offset):
    real, size = out.dtype.type, np.uint64(g.shape[0] // lanes)
    zero, one = fill(real(0)), fill(real(1))
    for row in range(out.shape[0] // lanes):
        begin, end = bounds(rows, row)
        value = zero
        if shared:
            for k in range(begin, end):
                value = multiply_add(load(g, np.int64(column(indices, k, offset, size)) * lanes), one, value)
            value = multiply_add(value, fill(real(weight_at(weight, 0))), zero)
        else:
            for k in range(begin, end):
                j = np.int64(column(indices, k, offset, size)) * lanes
                value = multiply_add(load(g, j), fill(real(weight_at(weight, k))), value)
        store(out, row * lanes, value)


@kernel
def gather_batch(out, weight, shared, indices, rows, g, offset, members, span, lanes, packed_out, packed_g):
    n_pre, n_post = out.shape[0] // members, g.shape[0] // members
    for first in range(span[0], span[1], lanes):
        count = min(lanes, members - first)
        if count > _PACKED:
            gather_lanes(g, n_post, first, count, lanes, packed_g)
            _gather_lanes(packed_out, weight, shared, indices, rows, packed_g, lanes, offset)
            scatter_lanes(packed_out, n_pre, first, count, lanes, out)
        else:
            for m in range(first, first + count):
                own, values = member(out, n_pre, m), member(g, n_post, m)
                gather_rows(own, weight, shared, indices, rows, values, offset, 0, n_pre)


# dw[k] += x[row of k] * g[column of k]


@kernel
def place(order, k):
    """The place of the weight of synapse k."""
    return np.uint64(k) if order is None else np.uint64(order[k])


@reordering_kernel
def _outer_row(dw, shared, indices, begin, end, value, g, order, offset):
    """Adds a row to `dw`, or returns its part of the one number that `dw` is."""
    part, size = value * 0, np.uint64(g.shape[0])
    if shared:
        for k in range(begin, end):
            part += g[column(indices, k, offset, size)]
        return part * value
    for k in range(begin, end):
        dw[place(order, k)] += value * g[column(indices, k, offset, size)]
    return part


@kernel
def _outer_list(dw, shared, indices, rows, x, g, active, count, order, offset):
    whole = 0.0
    for a in range(-_AHEAD, count):
        if a + _AHEAD < count:
            begin, end = bounds(rows, active[np.uint64(a + _AHEAD)])
            _fetch(indices, begin, end)
        if a >= 0:
            row = active[np.uint64(a)]
            begin, end = bounds(rows, row)
            whole += _outer_row(dw, shared, indices, begin, end, x[np.uint64(row)], g, order, offset)
    return whole


@kernel
def outer_events(dw, shared, indices, rows, x, g, ids, counts, m, order, offset):
    """Along the rows at which `x` is not zero, as in `add_events`. Returns the sum where `dw` is one number."""
    n_pre, whole = x.shape[0], 0.0
    if counts is None:
        active = stack_list()
        i = 0
        while i < n_pre:
            count, i = next_active(x, i, n_pre, active)
            whole += _outer_list(dw, shared, indices, rows, x, g, active, count, order, offset)
    else:
        count = min(np.int64(counts[m]), n_pre)
        whole += _outer_list(dw, shared, indices, rows, x, g, member(ids, n_pre, m), count, order, offset)
    return whole


@kernel
def _outer_lanes(dw, shared, indices, rows, x, g, lanes, offset):
    size = np.uint64(g.shape[0] // lanes)
    zero, one, whole = fill(dw.dtype.type(0)), fill(dw.dtype.type(1)), 0.0
    for row in range(x.shape[0] // lanes):
        if any_active(x, row * lanes, (row + 1) * lanes):
            begin, end = bounds(rows, row)
            value = load(x, row * lanes)
            if shared:
                part = zero
                for k in range(begin, end):
                    part = multiply_add(load(g, np.int64(column(indices, k, offset, size)) * lanes), one, part)
                whole += total(multiply_add(part, value, zero))
            else:
                for k in range(begin, end):
                    dw[k] += total(
                        multiply_add(load(g, np.int64(column(indices, k, offset, size)) * lanes), value, zero)
                    )
    return whole


@kernel
def outer_batch(dw, shared, indices, rows, x, g, ids, counts, offset, members, lanes, packed_x, packed_g):
    n_pre, n_post, whole = x.shape[0] // members, g.shape[0] // members, 0.0
    for first in range(0, members, lanes):
        count = min(lanes, members - first)
        if _is_dense(x, n_pre, first, count):
            gather_lanes(x, n_pre, first, count, lanes, packed_x)
            gather_lanes(g, n_post, first, count, lanes, packed_g)
            whole += _outer_lanes(dw, shared, indices, rows, packed_x, packed_g, lanes, offset)
        else:
            for m in range(first, first + count):
                spikes, values = member(x, n_pre, m), member(g, n_post, m)
                whole += outer_events(dw, shared, indices, rows, spikes, values, ids, counts, m, None, offset)
    return whole
