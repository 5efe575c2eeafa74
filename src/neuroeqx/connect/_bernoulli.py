"""Every pair with the same probability."""

from typing import Any

import equinox as eqx
import numpy as np

from .._interfaces import AbstractRule
from .._types import Key
from ._csr import CSR
from ._delays import as_delay, show_delay
from ._draw import check_autapses, generator, matrix, skip_self
from ._weights import as_weight, show


# Gaps drawn at a time. The stream of gaps is the same for any number; it bounds the memory of intermediate arrays.
_BLOCK = 2**22


class Bernoulli(AbstractRule):
    """As made by `bernoulli`."""

    p: float = eqx.field(static=True)
    weight: Any
    autapses: bool = eqx.field(static=True)
    delay: Any

    def __check_init__(self) -> None:
        if not 0.0 <= self.p <= 1.0:
            raise ValueError(f"bernoulli: `p` must be a probability, between 0 and 1, got {self.p}.")

    def __call__(self, n_pre: int, n_post: int, *, key: Key | None = None) -> CSR:
        rng, key = generator("bernoulli", key)
        check_autapses("bernoulli", n_pre, n_post, self.autapses)
        width = n_post if self.autapses else max(n_post - 1, 0)
        places = successes(rng, self.p, n_pre * width)
        rows = places // max(width, 1)
        columns = places - rows * width
        if not self.autapses:
            columns = skip_self(rows, columns)
        return matrix("bernoulli", rows, columns, None, (n_pre, n_post), self.weight, self.delay, key)

    def __repr__(self) -> str:
        return (
            f"bernoulli(p={self.p:g}, weight={show(self.weight)}"
            + ("" if self.autapses else ", autapses=False")
            + show_delay(self.delay)
            + ")"
        )


def bernoulli(p: float, weight: Any = 1.0, *, autapses: bool = True, delay: Any = None) -> Bernoulli:
    """Every pair of a source and a target is connected independently with probability `p`.

    **Arguments:**

    - `p`: a probability.
    - `weight`: a number, or a function `(key, shape) -> array` such as `normal(mean, sd)`.
    - `autapses`: whether a cell may be connected to itself.
    - `delay`: the delay of each synapse in steps: a number, or a function `(key, shape) -> array` such as
        `integers(low, high)`. By default synapses have none of their own but that of their projection.
    """
    return Bernoulli(float(p), as_weight(weight), autapses, as_delay("bernoulli", delay))


def successes(rng: np.random.Generator, p: float, trials: int) -> np.ndarray:
    """The places of the successes among independent trials: sums of geometric gaps, exact to float64 rounding."""
    if p == 0.0 or trials == 0:
        return np.zeros(0, np.int64)
    if p == 1.0:
        return np.arange(trials)
    parts, last = [], -1
    while last < trials:
        expected = (trials - last) * p
        gaps = rng.geometric(p, min(int(expected + 6.0 * np.sqrt(expected) + 16.0), _BLOCK))
        # A gap beyond the end ends the draw; cutting it there keeps the sums from overflowing at a tiny p.
        parts.append(last + np.cumsum(np.minimum(gaps, trials + 1)))
        last = int(parts[-1][-1])
    places = np.concatenate(parts)
    return places[: np.searchsorted(places, trials)]
