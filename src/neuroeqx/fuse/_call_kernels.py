"""Kernels that fused programs call with addresses and sizes. Imported when a program is compiled."""

import numpy as np

from ..ops._active import first_from, LIST, listed_words, stack_list, write_active
from ..ops._lanes import width
from ..ops._rows import add_events, add_list
from ..ops.dense._kernels import add_events as add_dense_events
from ..ops.events._kernels import append_events
from ..ops.language import array_at, kernel
from ..ops.procedural._kernels import add_row, add_rows, scratch_views
from ..ops.procedural._vectors import stack
from ._plan import Kept


_MOST = np.iinfo(np.int32).max


@kernel
def _rows(rows, n_pre, dtype):
    """Row pointers at an address, or the number of synapses that every row has where `dtype` is `None`."""
    return np.uint64(rows) if dtype is None else array_at(rows, n_pre + 1, dtype)


@kernel
def _turn(offset, size, dtype):
    """The offset within a ring, or `None` where `dtype` is."""
    return None if dtype is None else np.uint64(np.uint32(offset)) % np.uint64(size)


# A list of the places where an array of spikes is not zero: their number; whether all spikes are known to be 1; the places in
# rising order. An array that is only listed is zero everywhere in memory while they are, until it is settled.
_HEAD = 2
_WRITTEN, _LISTED = int(Kept.WRITTEN), int(Kept.LISTED)


@kernel
def _list_at(address, size):
    return array_at(address, size + _HEAD, np.uint32)


@kernel
def _set(values, places, count, number):
    for e in range(np.uint64(count)):
        values[np.uint64(places[e])] = number


@kernel
def list_active(x, size, listed, kept, real):
    """Lists where `x` is not zero."""
    ids, values = _list_at(listed, size), array_at(x, size, real)
    places, ones = ids[_HEAD:], True
    count = write_active(values, places)
    for e in range(np.uint64(count)):
        ones &= values[np.uint64(places[e])] == 1
    if ones and kept == _LISTED:
        _set(values, places, count, 0)
    ids[0], ids[1] = count, ones


@kernel
def clear(x, size, listed, kept, real):
    """An array without spikes, and its list."""
    values = array_at(x, size, real)
    for i in range(size):
        values[i] = 0
    ids = _list_at(listed, size)
    ids[0], ids[1] = 0, True


@kernel
def settle(x, size, listed, real):
    """Writes the ones of an array that was only listed."""
    ids = _list_at(listed, size)
    if ids[1]:
        _set(array_at(x, size, real), ids[_HEAD:], ids[0], 1)


@kernel
def _forget(ids, values, kept):
    """Clears the entries of an array that are listed, unless a loop writes it or they are not in memory."""
    if kept != _WRITTEN and not (kept == _LISTED and ids[1] != 0):
        _set(values, ids[_HEAD:], ids[0], 0)


@kernel
def _note(ids, values, kept, count):
    """What follows a new list."""
    ids[0], ids[1] = count, kept != _WRITTEN
    if kept != _WRITTEN and kept != _LISTED:
        _set(values, ids[_HEAD:], count, 1)


@kernel
def mark(bits, size, listed, x, kept, real):
    """Lists the bits that are set, and keeps `x` as `kept` says (see `Kept`)."""
    ids, values, words = _list_at(listed, size), array_at(x, size, real), size // 64 + 1
    _forget(ids, values, kept)
    count = listed_words(array_at(bits, words, np.uint64), 0, words, ids[_HEAD:])
    _note(ids, values, kept, count)


@kernel
def mark_half(bits, size, first, end, halves):
    """Lists the bits of a half: their number and then their places, from `first` on, or one further in the second half.

    A first half that is empty lists nothing: the second begins in its place.
    """
    ids = array_at(halves, size + 2, np.uint32)
    start, words = first + (first > 0), end // 64 + (end == size)
    if first < end:
        ids[start] = listed_words(array_at(bits, words, np.uint64), first // 64, words, ids[start + 1 :])


@kernel
def _copied(places, count, new):
    """Appends a list of some length to `count` places. Returns how many there are then."""
    for e in range(np.int64(new[0])):
        places[count + e] = new[1 + e]
    return count + np.int64(new[0])


@kernel
def mark_from(halves, middle, size, listed, x, kept, real):
    """As `mark`, from the lists of two halves."""
    ids, values = _list_at(listed, size), array_at(x, size, real)
    new, places = array_at(halves, size + 2, np.uint32), ids[_HEAD:]
    _forget(ids, values, kept)
    count = _copied(places, 0, new)
    if middle > 0:
        count = _copied(places, count, new[middle + 1 :])
    _note(ids, values, kept, count)


@kernel
def part(listed, first, size, start, active):
    """Copies the next places of a list that lie in a section of an array to `active`, counted from its beginning.

    Returns how many there are, and where to go on in the list.
    """
    ids = _list_at(listed, first + size)  # which may be longer
    end, places, count = np.uint64(ids[0]), ids[_HEAD:], 0
    if start < 0:
        start = np.int64(first_from(places, end, np.uint32(first)))
    e = np.uint64(start)
    while e < end and places[e] < first + size and count < active.shape[0]:
        active[count] = places[e] - first
        count += 1
        e += np.uint64(1)
    return count, np.int64(e)


@kernel
def _are_ones(listed):
    """Whether the list at an address, if there is one, says that what is listed is 1."""
    return listed != 0 and array_at(listed, _HEAD, np.uint32)[1] != 0


@kernel
def _along(target, section, own, shared, columns, pointers, spikes, ones, ids, count, turn, listed):
    """The product along the active rows: found in `spikes`, listed at an address, or in the list of a whole array."""
    if listed is None:
        add_events(target, own, shared, columns, pointers, spikes, None, None, 0, turn)
    elif listed is np.uint32:
        active, found = array_at(ids, spikes.shape[0], np.uint32), np.int64(array_at(count, 1, np.int32)[0])
        add_list(target, section, own, shared, columns, pointers, spikes, ones, active, found, turn)
    else:
        _add_part(target, section, own, shared, columns, pointers, spikes, ones, ids, count, turn)


@kernel
def _add_part(target, section, own, shared, columns, pointers, spikes, ones, listed, first, turn):
    active, start, n_pre = stack_list(), -1, spikes.shape[0]
    count = LIST
    while count == LIST:
        count, start = part(listed, first, n_pre, start, active)
        add_list(target, section, own, shared, columns, pointers, spikes, ones, active, count, turn)


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
    list_of_x,
    offset,
    first,
    end,
    real,
    weights,
    pointer,
    listed,
    ring,
    section,
):
    """`out += x @ W` along the active rows of `x`; unless `section` is `None`, to the targets from `first` to `end` only.

    They are searched for, or listed (`listed` is `uint32`: at `ids`, as many as `count` points to), or (`uint64`) `ids` is
    the address of the list of an array, of which `x` is the section from `count` on. `list_of_x` is the address of the
    list of an array, of which `x` is a part, or 0.
    """
    target, spikes = array_at(out, n_post, real), array_at(x, n_pre, real)
    own = array_at(weight, 1 if shared else synapses, weights)
    columns = array_at(indices, synapses, np.uint32)
    pointers, turn = _rows(rows, n_pre, pointer), _turn(offset, n_post, ring)
    part_of = None if section is None else (np.uint64(first), np.uint64(end - first))
    ones = _are_ones(list_of_x)
    _along(target, part_of, own, shared != 0, columns, pointers, spikes, ones, ids, count, turn, listed)


@kernel
def _draw_along(target, theta, spikes, n, law, tables, turn, ids, count, scratch, listed):
    """As `_along`, for a matrix that is drawn again at every use."""
    if listed is None:
        add_rows(target, theta, spikes, n, law, tables, turn, law, -1, 1, scratch)
    elif listed is np.uint32:
        active, found = array_at(ids, n[0], np.uint32), np.int64(array_at(count, 1, np.int32)[0])
        add_rows(target, theta, spikes, n, law, tables, turn, active, found, 1, scratch)
    else:
        _draw_part(target, theta, spikes, n, law, tables, turn, ids, count, scratch)


@kernel
def _draw_part(target, theta, spikes, n, law, tables, turn, listed, first, scratch):
    active, start = stack_list(), -1
    scratch[4][0] = 0  # the only member of the batch
    count = LIST
    while count == LIST:
        count, start = part(listed, first, n[0], start, active)
        for a in range(count):
            add_row(target, theta, spikes, n, law, tables, turn, np.int64(active[a]), 1, scratch)


@kernel
def draw(
    out,
    n_post,
    theta,
    x,
    n_pre,
    law,
    n_law,
    seed,
    gaps,
    n_gaps,
    normal,
    n_normal,
    accept,
    n_accept,
    ids,
    count,
    offset,
    real,
    listed,
):
    """As `deliver`, for a matrix that is drawn again at every use. `law` are its numbers; tables may be of no length."""
    tables = (
        array_at(seed, 2, np.uint32), array_at(gaps, n_gaps, np.uint32), array_at(normal, n_normal, np.uint32),
        array_at(accept, n_accept, np.uint32),
    )  # fmt: skip
    scratch = scratch_views(stack(), real)
    n, turn = (n_pre, n_post), np.int64(np.uint32(offset)) % n_post
    target, spikes, parameters = array_at(out, n_post, real), array_at(x, n_pre, real), array_at(theta, 2, real)
    _draw_along(
        target, parameters, spikes, n, array_at(law, n_law, np.int32), tables, turn, ids, count, scratch, listed
    )


@kernel
def append_listed(buffer, size, count, listed, n, step, first):
    """As `append`, for a section of an array that has a list."""
    rows, room = array_at(buffer, size, np.int32), size // 2
    active, start = stack_list(), -1
    found = LIST
    while found == LIST:
        found, start = part(listed, first, n, start, active)
        for e in range(min(found, room - count)):
            rows[2 * (count + e)] = step
            rows[2 * (count + e) + 1] = active[e]
        count = min(count + found, _MOST)
    return np.int64(count)


@kernel
def compact(x, n, ids, real):
    """Lists the places where `x` is not zero, and returns how many there are."""
    return np.int64(write_active(array_at(x, n, real), array_at(ids, n, np.uint32)))


@kernel
def compact_listed(listed, first, n, ids):
    """As `compact`, for a section of an array that has a list."""
    return np.int64(part(listed, first, n, -1, array_at(ids, n, np.uint32))[0])


@kernel
def append(buffer, size, count, x, n, step, real):
    """Appends the places where `x` is not zero to a list of (step, place), and returns how long it would be."""
    return np.int64(append_events(array_at(buffer, size, np.int32), count, array_at(x, n, real), np.int32(step)))


@kernel
def deliver_dense(out, n_post, weight, x, n_pre, real):
    """`out += x @ W` along the active rows of `x`, of a dense matrix."""
    target, matrix = array_at(out, n_post, real), array_at(weight, n_pre * n_post, real)
    add_dense_events(target, matrix, array_at(x, n_pre, real), width(real))
