"""Philox4x32-10 gives the known answers, and native code the same words in the same order."""

import jax.numpy as jnp
import numpy as np
import procedural_oracle
import pytest
from native_kernels import native
from neuroeqx.ops.language import array_at, kernel
from neuroeqx.ops.procedural._draws import _fill
from neuroeqx.ops.procedural._philox import philox, words


# Counter, key and output, as published with Random123 (kat_vectors).
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN)
def test_known_answers(counter, key, output, dtype):
    found = philox(tuple(jnp.uint32(c) for c in counter), tuple(jnp.uint32(k) for k in key))
    assert tuple(int(word) for word in found) == output
    assert tuple(procedural_oracle.philox(counter, key)) == output


def test_words_are_numbered_along_blocks():
    seed, rows = jnp.array([3, 2**32 - 1], jnp.uint32), jnp.array([7, 2**31 - 2], jnp.uint32)
    found = np.asarray(words(seed, rows, 2, jnp.uint32(64), 12))
    for r, row in enumerate((7, 2**31 - 2)):
        for m in range(64, 76):
            assert found[r, m - 64] == procedural_oracle.word((3, 2**32 - 1), row, 2, m)


@kernel
def fill(buffer, seed, row, stream, first):
    _fill(array_at(buffer, 64, np.uint32), 0, array_at(seed, 2, np.uint32), row, stream, first)


def test_native_words_are_the_same():
    run = native(fill, words=5)
    seed, buffer = np.array([2**32 - 5, 12], np.uint32), np.zeros(64, np.uint32)
    for row, stream, first in ((0, 0, 0), (2**31 - 2, 3, 64), (5, 1, 2**32 - 64)):
        run(buffer, seed, row, stream, first)
        truth = words(jnp.asarray(seed), jnp.array([row], jnp.uint32), stream, jnp.uint32(first), 64)[0]
        np.testing.assert_array_equal(buffer, truth)
