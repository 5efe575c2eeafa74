"""What all random rules share: a generator from a key, and the assembly of a matrix.

Drawing is work for the host: how many synapses there are is not known before. NumPy does it an order of magnitude faster
than a compiled program whose shapes would have to be fixed.
"""

import jax
import jax.random as jr
import numpy as np

from .._types import is_tracer, Key
from ._csr import CSR
from ._delays import Delay, delays
from ._weights import Weight, weights


def generator(rule: str, key: Key | None) -> tuple[np.random.Generator, Key]:
    """A NumPy generator for the places of the synapses, and a key for their weights."""
    if key is None:
        raise ValueError(f"{rule} is random: give the Network (or the rule's call) a `key`, e.g. jax.random.key(0).")
    if is_tracer(key):
        raise TypeError(
            f"{rule} draws its synapses on the host, so its `key` cannot be traced: build the network outside of jit, "
            "vmap and grad, and pass it in, or at least make the key outside."
        )
    with jax.ensure_compile_time_eval():  # a key that is known stays known inside jit
        places, values = jr.split(key)
        words = np.asarray(jr.key_data(places))
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(words.ravel().tolist()))), values


def matrix(
    rule: str, rows: np.ndarray | None, columns: np.ndarray, indptr: np.ndarray | None, n: tuple[int, int],
    weight: Weight, delay: Delay, key: Key | None,
) -> CSR:  # fmt: skip
    """A CSR matrix of synapses in order of their rows, given by `rows` or by `indptr`."""
    if indptr is None:
        assert rows is not None
        indptr = np.searchsorted(rows, np.arange(n[0] + 1))
    steps = delays(rule, delay, columns.shape, key)
    return CSR(weights(rule, weight, columns.shape, key), columns.astype(np.int32), indptr, n[1], delays=steps)


def check_autapses(rule: str, n_pre: int, n_post: int, autapses: bool) -> None:
    """Without autapses source i and target i are the same cell, so there must be as many of both."""
    if not autapses and n_pre != n_post:
        raise ValueError(
            f"{rule}: `autapses=False` speaks of one population connected to itself, but there are {n_pre} sources and "
            f"{n_post} targets."
        )


def skip_self(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Columns drawn among the n - 1 others, made columns among n: from the diagonal on, one further."""
    return columns + (columns >= rows)


def distinct(rng: np.random.Generator, n: int, k: int, rows: int) -> np.ndarray:
    """For each of `rows` rows a uniformly random set of k of the numbers 0 ... n - 1, in order: `[rows, k]`.

    Numbers that a row already has are drawn again. The law of the outcome is symmetric in the n numbers, so every set is
    equally likely.
    """
    if 2 * k > n:  # the complement is smaller
        left_out = distinct(rng, n, n - k, rows)
        keep = np.ones((rows, n), bool)
        np.put_along_axis(keep, left_out, False, axis=1)
        return np.nonzero(keep)[1].reshape(rows, k)
    drawn = np.sort(rng.integers(0, max(n, 1), (rows, k)), axis=1)
    again = np.arange(rows)
    while True:
        repeated = drawn[again, 1:] == drawn[again, :-1]
        again = again[repeated.any(1)]
        if again.size == 0:
            return drawn
        part = drawn[again]
        repeats = np.zeros(part.shape, bool)
        repeats[:, 1:] = part[:, 1:] == part[:, :-1]
        part[repeats] = rng.integers(0, n, int(repeats.sum()))
        drawn[again] = np.sort(part, axis=1)
