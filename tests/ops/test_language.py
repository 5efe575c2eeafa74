"""The language of kernels means what Python and NumPy mean, and says where it does not understand."""

import numpy as np
import pytest
from native_kernels import native
from neuroeqx.ops.language import array_at, is_array, kernel, KernelError, outlined, reordering_kernel, stack_array


NUMBERS = [-(2**40) - 3, -65, -64, -7, -1, 0, 1, 3, 64, 2**33 + 5]


@kernel
def arithmetic(out, a, b):
    x = array_at(out, 9, np.int64)
    x[0], x[1], x[2] = a + b, a - b, a * b
    x[3], x[4] = a // b if b != 0 else 0, a % b if b != 0 else 0
    x[5], x[6], x[7] = a & b, a | b, a ^ b
    x[8] = a >> 3


def test_whole_numbers():
    run, out = native(arithmetic, words=3), np.zeros(9, np.int64)
    for a in NUMBERS:
        for b in NUMBERS:
            run(out, a, b)
            divided = (a // b, a % b) if b else (0, 0)
            truth = [a + b, a - b, a * b, *divided, a & b, a | b, a ^ b, a >> 3]
            np.testing.assert_array_equal(out, np.array([(t + 2**63) % 2**64 - 2**63 for t in truth]))


@kernel
def comparisons(a, b):
    bits = (a < b) | ((a <= b) & (a == b))
    return bits + 2 * (a > b) + 4 * (a >= b) + 8 * (a != b) + 16 * (not a) + 32 * min(a, b) + 2 * max(a, -b, 0)


def test_comparisons():
    run = native(comparisons, words=2)
    for a in NUMBERS:
        for b in NUMBERS:
            truth = (
                (a <= b) + 2 * (a > b) + 4 * (a >= b) + 8 * (a != b) + 16 * (not a) + 32 * min(a, b) + 2 * max(a, -b, 0)
            )
            assert run(a, b) == truth


@kernel
def narrow(out, x, n, real):
    values, result = array_at(x, n, np.uint32), array_at(out, 4, real)
    result[0] = values[0] - values[1]  # wraps in 64 bits
    result[1] = np.uint32(values[0] - values[1])
    result[2] = np.int32(values[1]) >> np.int32(1)
    result[3] = np.uint32(values[1]) >> np.uint32(1)


def test_widths_and_signs():
    out, x = np.zeros(4, np.uint64), np.array([3, 2**32 - 2], np.uint32)
    native(narrow, np.uint64, words=3)(out, x, 2)
    assert out.tolist() == [2**64 + 5 - 2**32, 5, 2**64 - 1, 2**31 - 1]
    reals = np.zeros(4)
    native(narrow, np.float64, words=3)(reals, x, 2)
    assert reals[1:].tolist() == [5.0, -1.0, 2.0**31 - 1]


@kernel
def real_numbers(out, x, n, real):
    values, result = array_at(x, n, real), array_at(out, 6, real)
    total, product = values.dtype.type(0), 1.0
    for i in range(n):
        if values[i] != values[i]:
            continue
        total += values[i]
        product *= values[i]
    result[0], result[1], result[2] = total, product, values[1] / values[0]
    result[3], result[4] = -values[0], values[0] * 2 + 2.0**-24
    result[5] = real(np.nan) if values[n - 1] != values[n - 1] else real(0)


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_real_numbers(real):
    x, out = np.array([1.5, -3.25, 7.0, np.nan], real), np.zeros(6, real)
    native(real_numbers, real, words=3)(out, x, 4)
    np.testing.assert_array_equal(
        out, np.array([5.25, -34.125, real(-3.25) / real(1.5), -1.5, 3 + 2.0**-24, np.nan], real)
    )


@kernel
def first_and_count(x, n, wanted):
    """The place of the first, 100 times how many before a zero, and whether the last is wanted."""
    values, first, count, i = array_at(x, n, np.int32), -1, 0, 0
    while i < n and values[i] != 0:
        if values[i] == wanted:
            count += 1
            first = i if first < 0 else first
        i += 1
    for k in range(0, n, 2):
        if k > 4:
            break
        if k == 2:
            continue
        count += 1000
    return first + 100 * count


def test_loops_and_branches():
    run = native(first_and_count, words=3)
    assert run(np.array([5, 7, 5, 0, 5], np.int32), 5, 5) == 2200 + 200000 - 2000
    assert run(np.array([1, 2], np.int32), 2, 5) == -1 + 100000


@kernel
def wider_later(n):
    small, real = np.uint32(1), np.float32(1)
    for _ in range(n):
        small = small * np.uint32(4)
        real = real + 0.1
    return np.int64(small) + (real > 1.0000001)


def test_variables_hold_all_they_are_given():
    assert native(wider_later, words=1)(20) == 4**20 + 1


@kernel
def total_of(x, scale):
    if is_array(x):
        whole = 0
        for i in range(x.shape[0]):
            whole += x[i]
        return whole if scale is None else whole * scale
    return x + 1000


@outlined
def halves(n):
    return n // 2, n - n // 2


@kernel
def what_there_is(x, n, scaled):
    values = array_at(x, n, np.int16)
    low, high = halves(n)
    parts = (values[:low], (values[low:], values[low : low + 1]))
    absent = array_at(x, n, None)
    result = total_of(parts[0], None) + 10 * total_of(parts[1][0], high) + total_of(n, absent)
    return result if scaled is None else result * np.dtype(scaled).itemsize


def test_what_is_known_beforehand():
    """Absent arguments, kinds of arguments, parts of tuples, and plain functions of what is known."""
    x = np.arange(1, 6, dtype=np.int16)
    truth = (1 + 2) + 10 * (3 + 4 + 5) * 3 + 5 + 1000
    assert native(what_there_is, None, words=2)(x, 5) == truth
    assert native(what_there_is, np.float64, words=2)(x, 5) == 8 * truth


@kernel
def memory(out, n):
    flags, space = array_at(out, n, np.bool_), stack_array(8, np.uint32)
    space[:] = 0
    space[2:4] = 7
    words = space.view(np.uint64)
    flags[:] = False
    flags[1] = words[1] == np.uint64(7 + (7 << 32))
    flags[2] = flags[1] and not flags[0]
    return words.shape[0]


def test_memory():
    out = np.ones(5, np.bool_)
    assert native(memory, words=2)(out, 5) == 4
    assert out.tolist() == [False, True, True, False, False]


@reordering_kernel
def sum_of(x, n, out):
    values, whole = array_at(x, n, np.float32), np.float32(0)
    for i in range(n):
        whole += values[i]
    array_at(out, 1, np.float32)[0] = whole


def test_sums_may_become_vectors():
    x, out = np.random.default_rng(0).normal(size=1001).astype(np.float32), np.zeros(1, np.float32)
    native(sum_of, words=3)(x, 1001, out)
    assert abs(out[0] - x.sum(dtype=np.float64)) < 1e-4


@kernel
def mixes(n):
    return np.uint64(n) + n


@kernel
def raises(n):
    raise ValueError(n)


@kernel
def changes(n):
    x = None
    if n > 0:
        x = n
    return x


@kernel
def calls(n):
    return mixes(n) + 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (mixes, r"kernel mixes, line \d+: no whole number holds both int64 and uint64"),
        (raises, "kernel raises.*no Raise in kernels"),
        (changes, "kernel changes.*a variable is"),
        (calls, "kernel mixes"),
    ],
)
def test_errors_say_where(function, message):
    with pytest.raises(KernelError, match=message):
        native(function, words=1)
