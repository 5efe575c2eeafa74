"""Other event-driven and sparse products, on the arrays of `../event_matvec.py`: one thread, one line of JSON.

`../event_matvec.py` times those that its own environment has beside ours, and hands its arrays to this script for those of
another one: `python ../event_matvec.py --peers PYTHON`. By hand: `python event_matvec.py FOLDER`, where FOLDER holds
`indptr.npy`, `indices.npy`, `weight.npy` (one value, or one per synapse), `spikes.npy` `[vectors, n]` and `total.npy`, the
sum of the products with all vectors.

A contender is a function of a number of rounds: it adds the products with all vectors that many times and returns the sum.
"""

import argparse
import functools
import importlib.util
import json
import os
import pathlib
import statistics
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


# Beyond this many synapses products that touch all of them say nothing new.
_DENSE_LIMIT = 20_000_000
_BCOO_LIMIT = 5_000_000


class Case(NamedTuple):
    """A square matrix stored by rows, and vectors of spikes. `weight` is `()` or `[nnz]`."""

    indptr: np.ndarray
    indices: np.ndarray
    weight: np.ndarray
    spikes: np.ndarray

    @property
    def n(self) -> int:
        return self.indptr.size - 1

    @property
    def weights(self) -> np.ndarray:
        return self.weight if self.weight.ndim else np.full(self.indices.size, self.weight)


Contender = Callable[[int], np.ndarray]


def contenders(case: Case) -> dict[str, Contender]:
    """Those that this environment has, by name."""
    found: dict[str, Contender] = {}
    if importlib.util.find_spec("scipy") is not None:
        found |= _scipy(case)
    if importlib.util.find_spec("jax") is not None:
        found |= _jax(case)
        if importlib.util.find_spec("brainevent") is not None:
            found |= _brainevent(case)
    return found


def _scipy(case: Case) -> dict[str, Contender]:
    from scipy.sparse import csr_array

    matrix = csr_array((case.weights, case.indices, case.indptr), shape=(case.n, case.n))

    def dense(rounds: int) -> np.ndarray:
        out = np.zeros(case.n, np.float32)
        for _ in range(rounds):
            for x in case.spikes:
                out += x @ matrix
        return out

    def rows(rounds: int) -> np.ndarray:
        out = np.zeros(case.n, np.float32)
        for _ in range(rounds):
            for x in case.spikes:
                out += matrix[np.flatnonzero(x)].sum(axis=0)
        return out

    slow = case.indices.size > _DENSE_LIMIT
    return {"scipy_rows": rows} if slow else {"scipy": dense, "scipy_rows": rows}


def in_loop(product: Callable, spikes: list, operands: tuple, n: int) -> Contender:
    """One compiled loop over rounds that adds `product(out, x, *operands)` for every vector.

    The vectors are tied to the sum, so that no work on them can move out of the loop. They are not slices of one array: no
    copy of a vector is part of the time.
    """
    import jax
    import jax.numpy as jnp
    from jax import lax

    @functools.partial(jax.jit, donate_argnums=0)
    def run(out, rounds, spikes, operands):
        def body(_, out):
            for x in spikes:
                x, out = lax.optimization_barrier((x, out))
                out = product(out, x, *operands)
            return out

        return lax.fori_loop(0, rounds, body, out)

    def contender(rounds: int) -> np.ndarray:
        return np.asarray(run(jnp.zeros(n, jnp.float32), jnp.int32(rounds), spikes, operands))

    return contender


def _jax(case: Case) -> dict[str, Contender]:
    import jax
    import jax.numpy as jnp
    from jax.experimental import sparse

    n = case.n
    if case.indices.size > _DENSE_LIMIT:
        return {}
    vectors = [jnp.asarray(x) for x in case.spikes]
    rows = jnp.asarray(np.repeat(np.arange(n, dtype=np.int32), np.diff(case.indptr)))
    indices, weight = jnp.asarray(case.indices), jnp.asarray(case.weight)

    def segments(out, x, weight, rows, indices):
        return out + jax.ops.segment_sum(weight * x[rows], indices, num_segments=n)

    found = {"jax_segment_sum": in_loop(segments, vectors, (weight, rows, indices), n)}
    if case.indices.size <= _BCOO_LIMIT:
        places = jnp.stack([rows, indices], axis=1)

        def bcoo(out, x, weights, places):
            matrix = sparse.BCOO((weights, places), shape=(n, n), indices_sorted=True, unique_indices=True)
            return out + x @ matrix

        found["jax_bcoo"] = in_loop(bcoo, vectors, (jnp.asarray(case.weights), places), n)
    return found


def _brainevent(case: Case) -> dict[str, Contender]:
    import brainevent  # pyright: ignore[reportMissingImports]
    import jax.numpy as jnp

    n = case.n
    vectors = [jnp.asarray(x != 0) for x in case.spikes]
    # Its weights have an axis also where there is one for all synapses. Its matrix looks at its arrays when it is made.
    arrays = (np.atleast_1d(case.weight), case.indices, case.indptr)
    matrix = brainevent.CSR(tuple(map(jnp.asarray, arrays)), shape=(n, n))
    return {"brainevent": in_loop(lambda out, x: out + brainevent.BinaryArray(x) @ matrix, vectors, (), n)}


def rounds_for(seconds: float, once: float) -> int:
    """How many rounds last about as long, given the time of one."""
    return max(1, min(10_000, round(seconds / max(once, 1e-7))))


def difference(found: np.ndarray, total: np.ndarray) -> float:
    """The largest difference, in units of the largest value."""
    return float(np.max(np.abs(found - total), initial=0.0) / max(np.max(np.abs(total), initial=0.0), 1e-30))


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.05, help="of each repeat, about")
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    case = Case(*(np.load(args.folder / f"{name}.npy") for name in Case._fields))
    total = np.load(args.folder / "total.npy")
    runs, rounds = contenders(case), {}
    for name, run in list(runs.items()):
        found = difference(run(1), total)
        if not found <= 1e-4:  # nor NaN
            print(f"{name} differs by {found:.1e} and is left out.", file=sys.stderr)
            del runs[name]
            continue
        began = time.perf_counter()
        run(1)
        rounds[name] = rounds_for(args.seconds, time.perf_counter() - began)
    seconds = {name: [] for name in runs}
    for _ in range(args.repeats):
        for name, run in runs.items():
            began = time.perf_counter()
            run(rounds[name])
            seconds[name].append((time.perf_counter() - began) / rounds[name] / len(case.spikes))
    print(json.dumps({f"{name}_us": round(1e6 * statistics.median(times), 2) for name, times in seconds.items()}))


if __name__ == "__main__":
    main()
