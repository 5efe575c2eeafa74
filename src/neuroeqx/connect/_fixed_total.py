"""A given number of synapses in all."""

from typing import Any

import equinox as eqx
import numpy as np

from .._interfaces import AbstractRule
from .._types import Key
from ._bernoulli import successes
from ._csr import CSR
from ._delays import as_delay, show_delay
from ._draw import check_autapses, distinct, generator, matrix, skip_self
from ._weights import as_weight, show


class FixedTotal(AbstractRule):
    """As made by `fixed_total`."""

    n: int = eqx.field(static=True)
    weight: Any
    autapses: bool = eqx.field(static=True)
    multapses: bool = eqx.field(static=True)
    delay: Any

    def __check_init__(self) -> None:
        if isinstance(self.n, bool) or not isinstance(self.n, int | np.integer) or self.n < 0:
            raise ValueError(f"fixed_total: `n` must be a whole number, not negative, got {self.n!r}.")

    def __call__(self, n_pre: int, n_post: int, *, key: Key | None = None) -> CSR:
        rng, key = generator("fixed_total", key)
        check_autapses("fixed_total", n_pre, n_post, self.autapses)
        width = n_post if self.autapses else max(n_post - 1, 0)
        pairs = n_pre * width
        if self.n > (np.inf if self.multapses and pairs else pairs):
            raise ValueError(
                f"fixed_total: `n` = {self.n} synapses are more than the {pairs} pairs there are"
                + ("." if self.multapses else "; allow `multapses` to connect a pair more than once.")
            )
        if self.multapses:
            places = np.sort(rng.integers(0, max(pairs, 1), self.n))
        else:
            places = _distinct_pairs(rng, pairs, self.n)
        rows = places // max(width, 1)
        columns = places - rows * width
        if not self.autapses:
            columns = skip_self(rows, columns)
        return matrix("fixed_total", rows, columns, None, (n_pre, n_post), self.weight, self.delay, key)

    def __repr__(self) -> str:
        flags = "".join(f", {f}=False" for f in ("autapses", "multapses") if not getattr(self, f))
        return f"fixed_total(n={self.n}, weight={show(self.weight)}{flags}{show_delay(self.delay)})"


def fixed_total(
    n: int, weight: Any = 1.0, *, autapses: bool = True, multapses: bool = True, delay: Any = None
) -> FixedTotal:
    """Exactly `n` synapses, their pairs drawn uniformly.

    **Arguments:**

    - `n`: synapses in all.
    - `weight`, `autapses`, `multapses`, `delay`: as in `fixed_out_degree`.

    The network makes a `CSR` of it.
    """
    return FixedTotal(n, as_weight(weight), autapses, multapses, as_delay("fixed_total", delay))


def _distinct_pairs(rng: np.random.Generator, pairs: int, n: int) -> np.ndarray:
    """A uniformly random set of `n` of the numbers 0 ... pairs - 1, in order.

    Independent choices come in order, without sorting. However many they are, every set of that size is equally likely;
    so it is after waiting for a draw of `n` or more, and after leaving out as many as there are too many.
    """
    p = min(1.0, (n + 5.0 * np.sqrt(n) + 10.0) / max(pairs, 1))
    places = successes(rng, p, pairs)
    while places.size < n:
        places = successes(rng, p, pairs)
    return np.delete(places, distinct(rng, places.size, places.size - n, 1)[0])
