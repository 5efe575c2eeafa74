"""Kernels for JAX's own operations, as those of `_call_kernels.py`. Imported when a program is compiled."""

import numpy as np

from ..ops.language import array_at, kernel, reordering_kernel
from ..ops.tree._kernels import solve_trees


@reordering_kernel
def total(x, size, out, real):
    """The sum of an array."""
    values, result = array_at(x, size, real), real(0)
    for i in range(size):
        result += values[i]
    array_at(out, 1, real)[0] = result


@kernel
def take(x, size, indices, n, out, fills, real):
    """`out = x[indices]`; beyond the ends NaN, or the nearest entry."""
    values, places, result = array_at(x, size, real), array_at(indices, n, np.int32), array_at(out, n, real)
    for k in range(n):
        i = np.int64(places[k])
        result[k] = real(np.nan) if fills and (i < 0 or i >= size) else values[min(max(i, 0), size - 1)]


@reordering_kernel
def dot(out, n_out, matrix, vector, n_in, along, real):
    """`out = vector @ matrix` or, unless `along` the first axis, `matrix @ vector`."""
    result, numbers = array_at(out, n_out, real), array_at(vector, n_in, real)
    weights = array_at(matrix, n_in * n_out, real)
    if along:
        for j in range(n_out):
            result[j] = 0
        for i in range(n_in):
            value, row = numbers[i], weights[i * n_out : (i + 1) * n_out]
            for j in range(n_out):
                result[j] += value * row[j]
    else:
        for j in range(n_out):
            total_, row = real(0), weights[j * n_in : (j + 1) * n_in]
            for i in range(n_in):
                total_ += numbers[i] * row[i]
            result[j] = total_


@kernel
def repeat(out, x, a, b, c, d, kind):
    """An array of `[a, b, c, d]` from one of `[b, d]`."""
    result, given = array_at(out, a * b * c * d, kind), array_at(x, b * d, kind)
    start, length = np.uint64(0), np.uint64(d)
    for _ in range(a):
        if d == 1:
            for j in range(np.uint64(b)):
                value = given[j]
                for k in range(np.uint64(c)):
                    result[start + k] = value
                start += np.uint64(c)
        else:
            for j in range(np.uint64(b)):
                row = given[j * length : (j + np.uint64(1)) * length]
                for _ in range(c):
                    for m in range(length):
                        result[start + m] = row[m]
                    start += length


@kernel
def scatter(out, size, indices, n, updates, length, clips, adds, real):
    """Writes, or adds, parts of some length to where they begin; those that go beyond the ends not, or at the nearest place."""
    values, places = array_at(out, size, real), array_at(indices, n, np.int32)
    new, last = array_at(updates, n * length, real), size - length
    for k in range(n):
        i = np.int64(places[k])
        if clips or (i >= 0 and i <= last):
            i = min(max(i, 0), last)
            for m in range(length):
                values[i + m] = values[i + m] + new[k * length + m] if adds else new[k * length + m]


@kernel
def extreme(x, size, largest, real):
    """The place of the first of the largest or smallest numbers, of those that are not a number if there are any."""
    values, best = array_at(x, size, real), np.int64(0)
    for i in range(1, size):
        if values[best] != values[best]:
            break
        better = values[i] > values[best] if largest else values[i] < values[best]
        if better or values[i] != values[i]:
            best = i
    return np.int64(best)


@kernel
def running_sum(out, x, size, backwards, real):
    """The sums of the numbers up to each, from the first or from the last one."""
    result, values, sum_ = array_at(out, size, real), array_at(x, size, real), real(0)
    for k in range(size):
        i = size - 1 - k if backwards else k
        sum_ += values[i]
        result[i] = sum_


@kernel
def solve_tree(out, size, shunt, coupling, n_coupling, source, order, room, n_room, some, nodes, real):
    """`ops.tree.solve`, of some entries each."""
    solve_trees(
        array_at(out, size, real), array_at(shunt, size, real), array_at(coupling, n_coupling, real),
        array_at(source, size, real), array_at(order, 2 * (nodes - 1), np.int32), array_at(room, n_room, real), some, nodes,
    )  # fmt: skip
