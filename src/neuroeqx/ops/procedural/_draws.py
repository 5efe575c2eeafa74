"""Drawing the synapses of a row, in the language of kernels: words in vectors, then the walk along them.

A law arrives as an array of numbers, so that one compiled kernel serves all. 64 draws are handled at a time; what they
give (columns, and what the weights are made of) is known before any of it is used.
"""

import numpy as np

from ..language import kernel
from ._law import ACCEPTANCE, DELAYS, Law, PLACES, WEIGHTS
from ._vectors import digits, LANES, normals, philox, WORDS


DRAWS = WORDS  # of a row at a time: 64

# Places in the array of numbers.
_POST, _WIDTH, _DEGREE, _DIGITS, _SKIP, _WEIGHTS, _LOW, _SPAN, _GRID = range(9)
_RADIUS, _PRE, _SIDE, _PERIODIC = _GRID + 1, _GRID + 3, _GRID + 5, _GRID + 7
_KINDS = "constant", "uniform", "normal"


def numbers(law: Law) -> np.ndarray:
    """The law for the kernels, int32."""
    low, high = law.delays or (1, 1)
    grid = [0] * 8
    if law.grid is not None:
        grid = [1, *law.grid.radius, *law.grid.pre, *law.grid.post, int(law.grid.periodic)]
    degree = -1 if law.k is None else law.k
    kinds = [law.digits, int(not law.autapses), _KINDS.index(law.weights)]
    span = 0 if law.delays is None else high - low + 1
    return np.array([law.n_post, law.width, degree, *kinds, low, span, *grid], np.int32)


@kernel
def _fill(words, position, seed, row, stream, first):
    """The words `first ... first + 63` of a stream, from `position` on; `first` is a multiple of 64."""
    philox(words, position, np.uint32(first >> 2), np.uint32(row), stream, seed[0], seed[1])


@kernel
def _gaps_of_one(words, gaps, steps):
    """Digits in the place of the words, of which 1023 is no synapse, and how far each draw advances."""
    for j in range(0, DRAWS, LANES):
        digits(words, j, gaps, 0)
    for j in range(DRAWS):
        steps[j] = min(np.uint32(words[j] + np.uint32(1)), np.uint32(1023))


@kernel
def _gaps_of_two(words, gaps, steps):
    """As `_gaps_of_one`. The digits of a draw come one after the other."""
    for j in range(0, 2 * DRAWS, 2):
        steps[j >> 1], words[j >> 1] = words[j], words[j + 1]
    for j in range(0, DRAWS, LANES):
        digits(steps, j, gaps, 0)
        digits(words, j, gaps, 1024)
    for j in range(DRAWS):
        gap = np.uint32((words[j] << np.uint32(10)) + steps[j] + np.uint32(1))
        steps[j] = min(gap, np.uint32(1023 * 1024))


@kernel
def _walk(words, steps, columns, slots, position, width):
    """Keeps the places of the draws that are synapses. Returns their number and the next position."""
    count, position = np.uint64(0), np.uint32(position)
    for j in range(DRAWS):
        words[j] = np.uint32(words[j] != np.uint32(1023))
    for j in range(DRAWS):
        position = np.uint32(position + steps[j])
        columns[count], slots[count] = position - np.uint32(1), np.uint32(j)
        count += np.uint64(words[j])
    if position <= np.uint32(width):
        return np.int64(count), np.int64(position)
    within = 0
    for j in range(count):
        within += columns[j] < np.uint32(width)
    return within, np.int64(width)


@kernel
def _places(law, seed, gaps, row, first, position, words, steps, columns, slots):
    """The places that draws `first ... first + 63` choose, which draws they are, how many, and the next position."""
    width = law[_WIDTH]
    if law[_DEGREE] >= 0:
        _fill(words, np.int64(0), seed, row, np.uint32(PLACES), first)
        for j in range(DRAWS):
            columns[j] = np.uint32((np.uint64(words[j]) * np.uint64(np.uint32(width))) >> np.uint64(32))
            slots[j] = np.uint32(j)
        return min(DRAWS, law[_DEGREE] - first), position
    if law[_DIGITS] == 1:
        _fill(words, np.int64(0), seed, row, np.uint32(PLACES), first)
        _gaps_of_one(words, gaps, steps)
    else:
        _fill(words, np.int64(0), seed, row, np.uint32(PLACES), 2 * first)
        _fill(words, np.int64(WORDS), seed, row, np.uint32(PLACES), 2 * first + WORDS)
        _gaps_of_two(words, gaps, steps)
    return _walk(words, steps, columns, slots, position, width)


@kernel
def _centre(y, side, pre):
    return ((2 * y + 1) * side) // (2 * pre)


@kernel
def _wrapped(y, side):
    return y + side if y < 0 else (y - side if y >= side else y)


@kernel
def _accepted(law, seed, accept, row, first, words, columns, slots, count):
    """Keeps the offsets that are accepted and lie on the grid, and makes them targets."""
    _fill(words, np.int64(0), seed, row, np.uint32(ACCEPTANCE), first)
    box = np.uint32(2 * law[_RADIUS + 1] + 1)
    height, breadth = np.int64(law[_SIDE]), np.int64(law[_SIDE + 1])
    pre = np.int64(law[_PRE + 1])
    top = _centre(row // pre, height, np.int64(law[_PRE])) - law[_RADIUS]
    left = _centre(row % pre, breadth, pre) - law[_RADIUS + 1]
    kept = np.uint64(0)
    for j in range(count):
        place, word = columns[j], words[slots[j]]
        chance = accept[np.uint64(place)]
        y, x = np.int64(place // box) + top, np.int64(place % box) + left
        if law[_PERIODIC]:
            y, x = _wrapped(y, height), _wrapped(x, breadth)
        inside = (y >= 0) & (y < height) & (x >= 0) & (x < breadth)
        columns[kept] = np.uint32(y * breadth + x)
        slots[kept] = slots[j]
        kept += np.uint64(inside & ((word < chance) | (chance == np.uint32(0xFFFFFFFF))))
    return np.int64(kept)


@kernel
def _delayed(law, seed, row, first, words, columns, slots, count):
    _fill(words, np.int64(0), seed, row, np.uint32(DELAYS), first)
    span, before = np.uint64(np.uint32(law[_SPAN])), np.uint64(np.uint32(law[_LOW] - 1))
    size = np.uint64(np.uint32(law[_POST]))
    for j in range(count):
        late = (np.uint64(words[slots[j]]) * span >> np.uint64(32)) + before
        columns[j] = np.uint32(late * size + np.uint64(columns[j]))


@kernel
def next_columns(law, tables, offset, size, row, first, position, words, steps, columns, slots):
    """The synapses of draws `first ... first + 63` of a row: how many, and the next position.

    Writes their columns, turned by `offset` within `size`, and which of the 64 draws they are.
    """
    seed, gaps, _, accept = tables
    count, position = _places(law, seed, gaps, row, first, position, words, steps, columns, slots)
    if law[_SKIP]:
        for j in range(DRAWS):
            columns[j] += np.uint32(columns[j] >= np.uint32(row))
    if law[_GRID]:
        count = _accepted(law, seed, accept, row, first, words, columns, slots, count)
    if law[_SPAN]:
        _delayed(law, seed, row, first, words, columns, slots, count)
    if offset:
        for j in range(DRAWS):
            # Columns and sizes are below 2^31, so this cannot overflow.
            column = columns[j] + np.uint32(offset)
            columns[j] = min(column, np.uint32(column - np.uint32(size)))
    return count, position


@kernel
def more(law, first, position):
    """Whether a row has further draws."""
    return first < law[_DEGREE] if law[_DEGREE] >= 0 else position < law[_WIDTH]


@kernel
def plain(law):
    """Whether all weights are the same."""
    return law[_WEIGHTS] == 0


@kernel
def _uniform(words, values):
    real = values.dtype.type
    for j in range(DRAWS):
        values[j] = real(np.int32(words[j] >> np.uint32(8))) * real(2.0**-24)


@kernel
def _normal(words, table, values):
    real = values.dtype.type
    for j in range(0, DRAWS, LANES):
        normals(words, j, table)
    for j in range(DRAWS):
        values[j] = real(np.int32(words[j])) * real(2.0**-26)


@kernel
def coefficients(law, tables, row, first, words, slots, count, values):
    """What the second parameter of the weights is multiplied by, for the synapses of `next_columns`."""
    seed, _, normal, _ = tables
    _fill(words, np.int64(0), seed, row, np.uint32(WEIGHTS), first)
    if law[_WEIGHTS] == 1:
        _uniform(words, values)
    else:
        _normal(words, normal, values)
    if law[_DEGREE] < 0:
        for j in range(count):
            values[j] = values[slots[j]]


@kernel
def base_and_slope(law, theta):
    """Weights are `base + slope * coefficient`."""
    if plain(law):
        return theta[0], theta[0] * 0
    return theta[0], theta[1] - theta[0] if law[_WEIGHTS] == 1 else theta[1]


@kernel
def make_weights(values, count, base, slope):
    """Coefficients become weights, rounded after the product and after the sum.

    In two loops, of a length that the compiler does not know: it would make one operation with one rounding of both.
    """
    for j in range(count):
        values[j] = slope * values[j]
    for j in range(count):
        values[j] = base + values[j]
