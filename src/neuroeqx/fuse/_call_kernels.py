"""Kernels that fused programs call with addresses and sizes. Imports numba: imported when a program is compiled."""

import numpy as np
from numba import carray, types
from numba.extending import overload

from ..ops._active import LIST, next_set, nonzero_words, stack_list, write_active
from ..ops._ffi import at_address, kernel
from ..ops._rows import add_events, add_list
from ..ops.events._kernels import append_events


_MOST = np.iinfo(np.int32).max


def _array(address, size, dtype):
    """The numbers at an address, or `None` where `dtype` is."""
    raise NotImplementedError


@overload(_array)
def _view(address, size, dtype):
    if isinstance(dtype, types.NoneType):
        return lambda address, size, dtype: None
    return lambda address, size, dtype: carray(at_address(address), size, dtype)


def _rows(rows, n_pre, dtype):
    """Row pointers at an address, or the number of synapses that every row has where `dtype` is `None`."""
    raise NotImplementedError


@overload(_rows)
def _read_rows(rows, n_pre, dtype):
    if isinstance(dtype, types.NoneType):
        return lambda rows, n_pre, dtype: np.uint64(rows)
    return lambda rows, n_pre, dtype: carray(at_address(rows), n_pre + 1, dtype)


def _turn(offset, size, dtype):
    """The offset within a ring, or `None` where `dtype` is."""
    raise NotImplementedError


@overload(_turn)
def _read_turn(offset, size, dtype):
    if isinstance(dtype, types.NoneType):
        return lambda offset, size, dtype: None
    return lambda offset, size, dtype: np.uint64(np.uint32(offset)) % np.uint64(size)


def _along(target, own, shared, columns, pointers, spikes, ids, count, turn, listed):
    """The product along the active rows: found in `spikes`, listed at an address, or the bits that are set there."""
    raise NotImplementedError


@overload(_along)
def _walk(target, own, shared, columns, pointers, spikes, ids, count, turn, listed):
    if isinstance(listed, types.NoneType):
        return lambda target, own, shared, columns, pointers, spikes, ids, count, turn, listed: add_events(
            target, own, shared, columns, pointers, spikes, None, None, 0, turn
        )
    if listed.instance_type == types.uint32:
        return lambda target, own, shared, columns, pointers, spikes, ids, count, turn, listed: add_events(
            target, own, shared, columns, pointers, spikes, _array(ids, spikes.shape[0], np.uint32),
            _array(count, 1, np.uint32), 0, turn,
        )  # fmt: skip
    return lambda target, own, shared, columns, pointers, spikes, ids, count, turn, listed: _add_set(
        target, own, shared, columns, pointers, spikes, ids, count, turn
    )


@kernel
def _add_set(target, own, shared, columns, pointers, spikes, words, first, turn):
    active, i, n_pre = carray(stack_list(), LIST, np.uint32), 0, spikes.shape[0]
    bits = carray(at_address(words), (first + n_pre) // 64 + 1, np.uint64)
    while i < n_pre:
        count, i = next_set(bits, first, i, n_pre, active)
        add_list(target, own, shared, columns, pointers, spikes, active, count, turn)


@kernel
def deliver(
    out,
    n_post,
    weight,
    shared,
    indices,
    synapses,
    rows,
    x,
    n_pre,
    ids,
    count,
    offset,
    real,
    weights,
    pointer,
    listed,
    ring,
):
    """`out += x @ W` along the active rows of `x`.

    They are searched for, or listed (`listed` is `uint32`: at `ids`, as many as `count` points to), or (`uint64`) the bits
    that are set in the words at `ids`, from bit `count` on.
    """
    target, spikes = _array(out, n_post, real), _array(x, n_pre, real)
    own = _array(weight, 1 if shared else synapses, weights)
    columns = _array(indices, synapses, np.uint32)
    pointers, turn = _rows(rows, n_pre, pointer), _turn(offset, n_post, ring)
    _along(target, own, shared != 0, columns, pointers, spikes, ids, count, turn, listed)


@kernel
def words(x, size, bits, real):
    """Writes which entries of `x` are not zero, 64 to a word."""
    nonzero_words(_array(x, size, real), carray(at_address(bits), size // 64 + 1, np.uint64))


@kernel
def append_listed(buffer, size, count, words, n, step, first):
    """As `append`, for bits that are set."""
    rows = _array(buffer, size, np.int32)
    bits = carray(at_address(words), (first + n) // 64 + 1, np.uint64)
    active, i, room = carray(stack_list(), LIST, np.uint32), 0, size // 2
    while i < n:
        found, i = next_set(bits, first, i, n, active)
        for e in range(min(found, room - count)):
            rows[2 * (count + e)] = step
            rows[2 * (count + e) + 1] = active[e]
        count = min(count + found, _MOST)
    return np.int64(count)


@kernel
def compact(x, size, ids, real):
    """Lists the places where `x` is not zero, and returns how many there are."""
    return np.int64(write_active(_array(x, size, real), _array(ids, size, np.int32)))


@kernel
def append(buffer, size, count, x, n, step, real):
    """Appends the places where `x` is not zero to a list of (step, place), and returns how long it would be."""
    return np.int64(append_events(_array(buffer, size, np.int32), count, _array(x, n, real), np.int32(step)))
