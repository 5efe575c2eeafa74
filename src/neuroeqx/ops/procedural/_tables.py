"""Tables of procedural laws, made on the host: gaps between synapses, normal deviates, acceptance.

Probabilities are whole counts of 2^-32, made by rounding the cumulative law, so that they add up exactly. The rest is
integer arithmetic: the same words give the same synapses on every machine.
"""

import functools
import math
from statistics import NormalDist

import numpy as np

from ._law import DIGIT, ENTRIES


_ALL = 2**32
_BUCKET = 2**22  # words that fall into each of the 1024 buckets of an alias table
UNIT = 2**26  # the fixed point of normal deviates
_SEGMENTS = 64  # of each octave


@functools.lru_cache(maxsize=64)
def gap_table(p: float) -> np.ndarray:
    """Alias tables `uint32[digits, 1024]` of the gaps between successes of probability `p`.

    An entry is `threshold << 10 | alias`. A word whose upper 10 bits are b and whose lower 22 bits are f has the digit b if
    `f` is below the threshold of entry b, else the alias. One digit: the gap, where 1023 stands for 1023 or more, without
    a synapse after it: the law has no memory, so the next draw goes on from there. Two: the gap modulo 1024, and the
    whole 1024s, where 1023 stands for 1023 or more. The number of digits is the one with fewer words per synapse. `p` is
    met to 2^-33 of probability per word.
    """
    if not 0.0 < p <= 1.0:
        raise ValueError(f"gap_table: p must be a probability above 0, got {p}")
    log = math.log1p(-p) if p < 1.0 else -math.inf
    steps = np.arange(DIGIT, dtype=np.float64)
    one = 1.0 / -math.expm1((DIGIT - 1) * log)
    two = 2.0 / -math.expm1((DIGIT - 1) * DIGIT * log)
    if one <= two:
        return _frozen([_alias(_survival(steps, log))])
    whole = np.exp(steps * log) * np.expm1((DIGIT - steps) * log) / math.expm1(DIGIT * log)
    return _frozen([_alias(whole), _alias(_survival(steps, DIGIT * log))])


def _survival(steps: np.ndarray, log: float) -> np.ndarray:
    """The probabilities that a geometric number is at least 0, 1, 2, ..."""
    return np.concatenate([[1.0], np.exp(steps[1:] * log)])


def _alias(survival: np.ndarray) -> np.ndarray:
    """The alias table of a law on 0 ... 1023 that is given by its probabilities to be at least 0, 1, 2, ...

    M. D. Vose: A linear algorithm for generating random numbers with a given distribution. IEEE Trans. Softw. Eng. 17 (1991).
    """
    above = [int(count) for count in np.rint(survival * float(_ALL))]
    left = [a - b for a, b in zip(above, [*above[1:], 0], strict=True)]
    threshold, alias = [0] * DIGIT, list(range(DIGIT))
    small = [i for i in range(DIGIT) if left[i] < _BUCKET]
    large = [i for i in range(DIGIT) if left[i] >= _BUCKET]
    while small:
        i, j = small.pop(), large[-1]
        threshold[i], alias[i] = left[i], j
        left[j] -= _BUCKET - left[i]
        if left[j] < _BUCKET:
            small.append(large.pop())
    # What remains is full: any threshold will do where the alias is the bucket itself.
    return np.array([t << 10 | a for t, a in zip(threshold, alias, strict=True)], np.uint32)


def _frozen(rows: list) -> np.ndarray:
    table = np.stack(rows)
    table.setflags(write=False)
    return table


@functools.cache
def normal_table() -> np.ndarray:
    """The inverse of the normal distribution by linear pieces, `uint32[1664, 2]`: values, and falls within a piece.

    Of a word the highest bit is the sign and the lower 31 bits, u, say that the absolute deviate is the z that is exceeded
    with probability (u + 1/2) / 2^32 on either side. With s = max(25 - clz(u), 0), entry 64 s + (u >> s) holds the value at
    the beginning of a piece and by how much z falls within it, both in units of 2^-26:
    `z = value - mulhi(fall, u << (32 - s))`. 64 pieces per octave of u, each with its largest error, which the convex law
    has in its middle, shared between middle and ends: below 7e-6, and none at all for u < 128.
    """
    inverse = NormalDist().inv_cdf
    deviate = lambda u: -inverse((u + 0.5) / _ALL) if u + 0.5 < _ALL / 2 else 0.0
    table = np.zeros((ENTRIES, 2), np.int64)
    for entry in range(ENTRIES):
        s = max(entry // _SEGMENTS - 1, 0)
        u = (entry - _SEGMENTS * s) << s
        begin, end = deviate(u), deviate(u + (1 << s))
        shift = 0.0
        if s:
            shift = ((begin + end) / 2 - deviate(u + (1 << s) / 2)) / 2
        table[entry] = round((begin - shift) * UNIT), round((begin - end) * UNIT) if s else 0
    return _frozen(list(np.maximum(table, 0).astype(np.uint32)))


def accept_table(probabilities: np.ndarray) -> tuple[float, np.ndarray]:
    """The largest of some probabilities, and the acceptance `uint32[...]` of each relative to it, flattened.

    A draw is accepted if its word is below the entry, and always where that is 2^32 - 1.
    """
    probabilities = np.asarray(probabilities, np.float64).reshape(-1)
    most = float(probabilities.max(initial=0.0))
    if most == 0.0:
        return 0.0, np.zeros(probabilities.shape, np.uint32)
    counts = np.minimum(np.rint(probabilities / most * float(_ALL)), float(_ALL - 1))
    return most, counts.astype(np.uint32)
