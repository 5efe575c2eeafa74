"""Which states of a run are kept for its gradient, so that it stays within a given memory."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax

from .._checkpointed import lengths


_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
# The number of states to keep, or "spikes" only, or (`None`) all.
Checkpoint = int | str | None
# More levels than that keep next to nothing less.
_LEVELS = 6


class Candidate(NamedTuple):
    """A way to the gradient.

    - `method`, `checkpoint`: as in `value_and_grad`.
    - `predicted`: bytes of arguments, results, and all that there is besides at the worst moment.
    - `forwards`: how many times a step is computed before its derivatives, or `None` for methods that keep no states.
    """

    method: str
    checkpoint: Checkpoint
    predicted: int
    forwards: int | None

    def __str__(self) -> str:
        if self.forwards is None:
            return f"{self.method}, forwards only"
        if self.checkpoint is None:
            return f"{self.method}, all states"
        return f"{self.method}, checkpoint={self.checkpoint!r}, {self.forwards} times forwards"


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """What `value_and_grad(memory=...)` does for arguments of given shapes.

    - `method`, `checkpoint`: as in `value_and_grad`, of which they could be arguments.
    - `predicted`: bytes of arguments, results, and all that there is besides at the worst moment.
    - `limit`: the memory given, bytes; `None` if there is none.
    - `candidates`: what was tried, in the order of preference; the last one is what was chosen.
    - `measured`: the same bytes as the compiler reports them. The program is compiled for it, and not run.
    """

    candidates: tuple[Candidate, ...]
    limit: int | None
    function: Callable[..., Any] = dataclasses.field(repr=False)
    shapes: Any = dataclasses.field(repr=False)

    @property
    def method(self) -> str:
        return self.candidates[-1].method

    @property
    def checkpoint(self) -> Checkpoint:
        return self.candidates[-1].checkpoint

    @property
    def predicted(self) -> int:
        return self.candidates[-1].predicted

    @property
    def measured(self) -> int:
        found: Any = jax.jit(self.function).lower(self.shapes).compile().memory_analysis()
        return (
            found.argument_size_in_bytes
            + found.output_size_in_bytes
            + found.temp_size_in_bytes
            - found.alias_size_in_bytes
        )

    def __str__(self) -> str:
        return table(self.candidates, self.limit)


def table(candidates: tuple[Candidate, ...], limit: int | None) -> str:
    """A line for each candidate."""
    rows = [(str(c), mebibytes(c.predicted)) for c in candidates]
    width = max(len(name) for name, _ in rows)
    lines = [f"{name:{width}}  {size:>11}" for name, size in rows]
    return "\n".join([f"memory: {'no limit' if limit is None else mebibytes(limit)}", *lines])


def mebibytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"


def as_bytes(memory: Any) -> int:
    """The number of bytes that a text such as "256MiB" names."""
    if isinstance(memory, int) and not isinstance(memory, bool):
        size = float(memory)
    else:
        found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]+)\s*", memory) if isinstance(memory, str) else None
        if found is None or found[2] not in _UNITS:
            raise ValueError(
                f"value_and_grad: `memory` must be a number of bytes or a text such as '256MiB' (of {', '.join(_UNITS)}), got "
                f"{memory!r}."
            )
        size = float(found[1]) * _UNITS[found[2]]
    if not size > 0.0:
        raise ValueError(f"value_and_grad: `memory` must be positive, got {memory!r}.")
    return int(size)


def checkpoints(steps: int, kept: int, state: int) -> Iterator[tuple[int, int]]:
    """Numbers of states to keep, the fewest computations first, and how many times each step is then computed.

    Of L levels of n states, of `state` bytes each, and at the end `steps / n^(L-1)` steps that keep all of the `kept` bytes
    that a whole run keeps otherwise, the least memory is that of n^L = kept / state.
    """
    before: list[int] = []
    for levels in range(2, _LEVELS + 1):
        n = max(round((max(kept, state) / max(state, 1)) ** (1.0 / levels)), 2)
        parts = lengths(steps, n)
        if parts and parts != before:
            yield n, len(parts) + 1
        before = parts
