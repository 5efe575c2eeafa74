"""The synapses of procedural matrices as the specification says it, in plain Python and float64, word by word."""

import functools
import math
from statistics import NormalDist

import numpy as np


MASK = 2**32 - 1


@functools.cache
def philox(c, k):
    c, k = list(c), list(k)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def word(seed, row, stream, m):
    return philox((m // 4, row, stream, 0), tuple(int(s) for s in seed))[m % 4]


def digit(w, table):
    entry = int(table[w >> 22])
    return w >> 22 if (w & 0x3FFFFF) < entry >> 10 else entry & 1023


def places(law, seed, gaps, row):
    """(draw, place) of every synapse of a row, before acceptance."""
    if law.k is not None:
        return [(t, word(seed, row, 0, t) * law.width >> 32) for t in range(law.k if law.width else 0)]
    found, position, t = [], -1, 0
    while position < law.width:
        digits = [digit(word(seed, row, 0, t * law.digits + d), gaps[d]) for d in range(law.digits)]
        if digits[-1] == 1023:
            position += 1023 * 1024 ** (law.digits - 1)
        else:
            position += sum(x * 1024**d for d, x in enumerate(digits)) + 1
            if position < law.width:
                found.append((t, position))
        t += 1
    return found


def on_grid(grid, row, place):
    target = 0
    for axis, source, offset in (
        (0, row // grid.pre[1], place // grid.box[1]),
        (1, row % grid.pre[1], place % grid.box[1]),
    ):
        side = grid.post[axis]
        y = (2 * source + 1) * side // (2 * grid.pre[axis]) + offset - grid.radius[axis]
        if grid.periodic:
            y %= side
        if not 0 <= y < side:
            return None
        target = target * side + y
    return target


def coefficient(law, w, normal, real):
    if law.weights == "uniform":
        return real((w >> 8) * 2.0**-24)
    u = w & 0x7FFFFFFF
    s = max(u.bit_length() - 7, 0)
    value, fall = (int(x) for x in normal[64 * s + (u >> s)])
    z = value - (fall * ((u << (32 - s)) & MASK) >> 32)
    deviate = -NormalDist().inv_cdf((u + 0.5) / 2**32)
    assert abs(z * 2.0**-26 - deviate) < 1e-5  # what the table is for
    return real((-z if w >> 31 else z) * 2.0**-26)


def synapses(law, structure, rows=None, real=np.float32):
    """Rows, columns and coefficients of all synapses in order."""
    tables = law.operands(structure)
    seed = np.asarray(tables.seed)
    gaps, normal, accept = (None if t is None else np.asarray(t) for t in tables[1:4])
    found = []
    for row in range(law.n_pre) if rows is None else map(int, rows):
        for t, place in places(law, seed, gaps, row):
            target = place + (not law.autapses and place >= row)
            if law.grid is not None:
                chance = int(accept[place])
                target = on_grid(law.grid, row, place)
                if target is None or not (word(seed, row, 2, t) < chance or chance == MASK):
                    continue
            if law.delays is not None:
                low, high = law.delays
                target += law.n_post * (low - 1 + (word(seed, row, 3, t) * (high - low + 1) >> 32))
            c = 0.0 if law.weights == "constant" else coefficient(law, word(seed, row, 1, t), normal, real)
            found.append((row, target, c))
    rows, columns, values = zip(*found, strict=True) if found else ((), (), ())
    return np.array(rows, int), np.array(columns, int), np.array(values, real)


def weights(law, theta, values):
    """Rounded after the product and after the sum."""
    theta = np.asarray(theta)
    if law.weights == "constant":
        return np.full(values.shape, theta)
    slope = theta[1] if law.weights == "normal" else theta[1] - theta[0]
    return theta[0] + slope * values


def law_of_gaps(gaps):
    """Exact probabilities of the digits that an alias table gives, as counts of 2^-32."""
    counts = []
    for table in np.asarray(gaps):
        count = [0] * 1024
        for b, entry in enumerate(int(e) for e in table):
            count[b] += entry >> 10
            count[entry & 1023] += 2**22 - (entry >> 10)
        counts.append(count)
    return counts


def geometric(p, digits):
    """What these probabilities should be."""
    log = math.log1p(-p) if p < 1 else -1e9
    steps = np.arange(1024.0)
    law = lambda above: -np.diff(np.append(above, 0.0))
    if digits == 1:
        return [law(np.exp(steps * log))]
    low = np.exp(steps * log) * np.expm1((1024 - steps) * log) / np.expm1(1024 * log)
    return [law(low), law(np.exp(steps * 1024 * log))]
