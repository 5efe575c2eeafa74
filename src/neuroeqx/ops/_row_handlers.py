"""Handlers of the products of matrices stored by rows. Imports llvmlite: only `_row_calls.py` imports this, when lowering.

Every factory takes the dtypes of vectors (`real`), of weights, of row pointers (`None` where every row has as many
synapses), of the list of active rows (`None` without one) and of the offset of columns (`None` without one). Operands come
in the order of `_trilinear.py`; those that there are not are left out. A batch brings room for two packs as further results.
"""

import numpy as np

from ._ffi import (
    argument,
    argument_dim,
    argument_rank,
    failure,
    is_query,
    result,
    result_dim,
    result_rank,
)
from ._lanes import width
from ._rows import (
    add_batch,
    add_events,
    gather_batch,
    gather_rows,
    outer_batch as outer_of_batch,
    outer_events,
    packs,
)
from ._threads import in_two, WORTH_TWO
from .language import is_array, kernel, outlined


_mismatch = failure("neuroeqx: the operands of a product of a sparse matrix have shapes that do not belong together")


@kernel
def _optional(frame, position, dtype):
    """Operand `position`, or `None` where `dtype` is."""
    return None if dtype is None else argument(frame, position, dtype)


@kernel
def _rows(frame, position, dtype):
    """The pointers at `position`, or the length that all rows of the matrix before it have where `dtype` is `None`."""
    return np.uint64(argument_dim(frame, position - 1, 1)) if dtype is None else argument(frame, position, dtype)


@kernel
def _offset(frame, position, dtype, size):
    """The offset at `position`, within the size of the vector that it turns."""
    return None if dtype is None else np.uint64(argument(frame, position, dtype)[0]) % np.uint64(size)


@kernel
def _fits(rows, indices, n_pre):
    """Whether the matrix has as many rows."""
    if is_array(rows):
        return rows.shape[0] == n_pre + 1
    return np.uint64(indices.shape[0]) == rows * np.uint64(n_pre)


@kernel
def _members(frame, position):
    return argument_dim(frame, position, 0) if argument_rank(frame, position) == 2 else 1


@kernel
def _weight_fits(frame, position, weight, indices):
    return argument_rank(frame, position) == 0 or weight.shape[0] == indices.shape[0]


@kernel
def _has_two_packs(frame, members, lanes):
    """Whether there is more than one pack, and room for two at a time."""
    return members > lanes and result_dim(frame, 1, 1) == 2 * lanes


def _places(first, pointer, ids):
    """Positions of the list, of the indices, of the row pointers and of the offset, from the first one that is free."""
    indices = first + (0 if ids is None else 2)
    rows = indices + 1
    return first, indices, rows, rows + (0 if pointer is None else 1)


_positions = kernel(_places)  # for kernels


def add_matvec(stamp, real, weights, pointer, ids, ring):
    """Operands out, weight, x, ...; result out, in the place of the operand."""
    at_list, at_indices, at_rows, at_offset = _places(3, pointer, ids)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        out, x = result(frame, 0, real), argument(frame, 2, real)
        weight, shared = argument(frame, 1, weights), argument_rank(frame, 1) == 0
        indices, rows = argument(frame, at_indices, np.uint32), _rows(frame, at_rows, pointer)
        offset = _offset(frame, at_offset, ring, out.shape[0])
        listed, count = _optional(frame, at_list, ids), _optional(frame, at_list + 1, ids)
        if not (_fits(rows, indices, x.shape[0]) and _weight_fits(frame, 1, weight, indices)):
            return _mismatch(frame)
        add_events(out, weight, shared, indices, rows, x, listed, count, 0, offset)
        return 0

    return handler


@kernel
def _room(space, half, size):
    """Room for a pack of `size` numbers. Each half of the work has its own."""
    start = max(half, 0) * size
    return space[start : start + size]


@outlined
def _add_packs(frame, half, real, weights, pointer, ids, ring, lanes):
    """The work of `add_matvec_batch`: all of it (-1), or one half of the packs."""
    at_list, at_indices, at_rows, at_offset = _positions(3, pointer, ids)
    out, x, members = result(frame, 0, real), argument(frame, 2, real), _members(frame, 2)
    weight, shared = argument(frame, 1, weights), argument_rank(frame, 1) == 0
    indices, rows = argument(frame, at_indices, np.uint32), _rows(frame, at_rows, pointer)
    offset = _offset(frame, at_offset, ring, out.shape[0] // members)
    listed, counts = _optional(frame, at_list, ids), _optional(frame, at_list + 1, ids)
    packed_out = _room(result(frame, 1, real), half, out.shape[0] // members * lanes)
    packed_x = _room(result(frame, 2, real), half, x.shape[0] // members * lanes)
    span = packs(members, lanes, half)
    add_batch(out, weight, shared, indices, rows, x, listed, counts, offset, members, span, lanes, packed_out, packed_x)


def add_matvec_batch(stamp, real, weights, pointer, ids, ring):
    """As `add_matvec`, with a leading axis on out, x and the list, and room for a pack of out and of x, or for two."""
    _, at_indices, at_rows, _ = _places(3, pointer, ids)
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        x, members, weight = argument(frame, 2, real), _members(frame, 2), argument(frame, 1, weights)
        indices, rows = argument(frame, at_indices, np.uint32), _rows(frame, at_rows, pointer)
        fits = _fits(rows, indices, x.shape[0] // members) and _weight_fits(frame, 1, weight, indices)
        if not fits or members != _members(frame, 0):
            return _mismatch(frame)
        if _has_two_packs(frame, members, lanes) and indices.shape[0] * members >= WORTH_TWO:
            in_two(_add_packs, frame, (real, weights, pointer, ids, ring), lanes)
        else:
            _add_packs(frame, -1, real, weights, pointer, ids, ring, lanes)
        return 0

    return handler


@outlined
def _gather_half(frame, half, real, weights, pointer, ids, ring, lanes):
    """The work of `rmatvec`: all of it (-1), or one half of the rows."""
    _, at_indices, at_rows, at_offset = _positions(2, pointer, ids)
    out, g = result(frame, 0, real), argument(frame, 1, real)
    weight, shared = argument(frame, 0, weights), argument_rank(frame, 0) == 0
    indices, rows = argument(frame, at_indices, np.uint32), _rows(frame, at_rows, pointer)
    offset = _offset(frame, at_offset, ring, g.shape[0])
    n_pre = out.shape[0]
    start, stop = (0, n_pre) if half < 0 else (n_pre * half // 2, n_pre * (half + 1) // 2)
    gather_rows(out, weight, shared, indices, rows, g, offset, start, stop)


def rmatvec(stamp, real, weights, pointer, ids, ring):
    """Operands weight, g, ...; result x."""
    _, at_indices, at_rows, _ = _places(2, pointer, ids)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        out, weight = result(frame, 0, real), argument(frame, 0, weights)
        indices, rows = argument(frame, at_indices, np.uint32), _rows(frame, at_rows, pointer)
        if not (_fits(rows, indices, out.shape[0]) and _weight_fits(frame, 0, weight, indices)):
            return _mismatch(frame)
        if indices.shape[0] >= WORTH_TWO:
            in_two(_gather_half, frame, (real, weights, pointer, ids, ring), 0)
        else:
            _gather_half(frame, -1, real, weights, pointer, ids, ring, 0)
        return 0

    return handler


@outlined
def _gather_packs(frame, half, real, weights, pointer, ids, ring, lanes):
    """The work of `rmatvec_batch`: all of it (-1), or one half of the packs."""
    _, at_indices, at_rows, at_offset = _positions(2, pointer, ids)
    out, g, members = result(frame, 0, real), argument(frame, 1, real), _members(frame, 1)
    weight, shared = argument(frame, 0, weights), argument_rank(frame, 0) == 0
    indices, rows = argument(frame, at_indices, np.uint32), _rows(frame, at_rows, pointer)
    offset = _offset(frame, at_offset, ring, g.shape[0] // members)
    packed_out = _room(result(frame, 1, real), half, out.shape[0] // members * lanes)
    packed_g = _room(result(frame, 2, real), half, g.shape[0] // members * lanes)
    span = packs(members, lanes, half)
    gather_batch(out, weight, shared, indices, rows, g, offset, members, span, lanes, packed_out, packed_g)


def rmatvec_batch(stamp, real, weights, pointer, ids, ring):
    """As `rmatvec`, with a leading axis on g and x, and room for a pack of x and of g, or for two."""
    _, at_indices, at_rows, _ = _places(2, pointer, ids)
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        out, weight, members = result(frame, 0, real), argument(frame, 0, weights), _members(frame, 1)
        indices, rows = argument(frame, at_indices, np.uint32), _rows(frame, at_rows, pointer)
        if not (_fits(rows, indices, out.shape[0] // members) and _weight_fits(frame, 0, weight, indices)):
            return _mismatch(frame)
        if _has_two_packs(frame, members, lanes) and indices.shape[0] * members >= WORTH_TWO:
            in_two(_gather_packs, frame, (real, weights, pointer, ids, ring), lanes)
        else:
            _gather_packs(frame, -1, real, weights, pointer, ids, ring, lanes)
        return 0

    return handler


def outer(stamp, real, weights, pointer, ids, ring):
    """Operands x, g, ...; result dw, one number where it has rank 0."""
    at_list, at_indices, at_rows, at_offset = _places(2, pointer, ids)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        dw, shared = result(frame, 0, weights), result_rank(frame, 0) == 0
        x, g = argument(frame, 0, real), argument(frame, 1, real)
        indices, rows = argument(frame, at_indices, np.uint32), _rows(frame, at_rows, pointer)
        offset = _offset(frame, at_offset, ring, g.shape[0])
        listed, count = _optional(frame, at_list, ids), _optional(frame, at_list + 1, ids)
        if not (_fits(rows, indices, x.shape[0]) and (shared or dw.shape[0] == indices.shape[0])):
            return _mismatch(frame)
        dw[:] = 0
        whole = outer_events(dw, shared, indices, rows, x, g, listed, count, 0, None, offset)
        if shared:
            dw[0] = whole
        return 0

    return handler


def add_outer(stamp, real, pointer, ids, order):
    """Operands weight, x, g, list, indices, row pointers, order; result weight, in the place of the operand."""
    at_list, at_indices, at_rows, at_order = _places(3, pointer, ids)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        weight, x, g = result(frame, 0, real), argument(frame, 1, real), argument(frame, 2, real)
        indices, rows = argument(frame, at_indices, np.uint32), _rows(frame, at_rows, pointer)
        listed, count = _optional(frame, at_list, ids), _optional(frame, at_list + 1, ids)
        places = _optional(frame, at_order, order)
        if not (_fits(rows, indices, x.shape[0]) and weight.shape[0] == indices.shape[0]):
            return _mismatch(frame)
        outer_events(weight, False, indices, rows, x, g, listed, count, 0, places, None)
        return 0

    return handler


def outer_batch(stamp, real, weights, pointer, ids, ring):
    """As `outer`, with a leading axis on x, g and the list, and room for a pack of x and of g."""
    at_list, at_indices, at_rows, at_offset = _places(2, pointer, ids)
    lanes = width(real)

    def handler(frame):
        if is_query(frame, stamp):
            return 0
        dw, shared = result(frame, 0, weights), result_rank(frame, 0) == 0
        x, g, members = argument(frame, 0, real), argument(frame, 1, real), _members(frame, 0)
        indices, rows = argument(frame, at_indices, np.uint32), _rows(frame, at_rows, pointer)
        offset = _offset(frame, at_offset, ring, g.shape[0] // members)
        listed, counts = _optional(frame, at_list, ids), _optional(frame, at_list + 1, ids)
        packed_x = _room(result(frame, 1, real), 0, x.shape[0] // members * lanes)
        packed_g = _room(result(frame, 2, real), 0, g.shape[0] // members * lanes)
        fits = _fits(rows, indices, x.shape[0] // members) and (shared or dw.shape[0] == indices.shape[0])
        if not fits or members != _members(frame, 1):
            return _mismatch(frame)
        dw[:] = 0
        whole = outer_of_batch(
            dw, shared, indices, rows, x, g, listed, counts, offset, members, lanes, packed_x, packed_g
        )
        if shared:
            dw[0] = whole
        return 0

    return handler
