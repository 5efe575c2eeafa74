"""The same number of synapses for every source, or for every target."""

from typing import Any

import equinox as eqx
import numpy as np

from .._interfaces import AbstractRule
from .._types import Key
from ._csr import CSR
from ._delays import as_delay, delays, show_delay
from ._draw import check_autapses, distinct, generator, matrix, skip_self
from ._fan_out import FanOut
from ._weights import as_weight, show, weights


class FixedDegree(AbstractRule):
    """As made by `fixed_out_degree` and `fixed_in_degree`."""

    k: int = eqx.field(static=True)
    weight: Any
    of_targets: bool = eqx.field(static=True)
    autapses: bool = eqx.field(static=True)
    multapses: bool = eqx.field(static=True)
    delay: Any

    @property
    def name(self) -> str:
        return "fixed_in_degree" if self.of_targets else "fixed_out_degree"

    def __check_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int | np.integer) or self.k < 0:
            raise ValueError(f"{self.name}: `k` must be a whole number, not negative, got {self.k!r}.")

    def __call__(self, n_pre: int, n_post: int, *, key: Key | None = None) -> CSR | FanOut:
        rng, key = generator(self.name, key)
        check_autapses(self.name, n_pre, n_post, self.autapses)
        cells, others = (n_post, n_pre) if self.of_targets else (n_pre, n_post)
        choices = others if self.autapses else max(others - 1, 0)
        if cells and self.k > (np.inf if self.multapses and choices else choices):
            raise ValueError(
                f"{self.name}: `k` = {self.k} is more than the {choices} cells there are to choose from"
                + ("." if self.multapses else "; allow `multapses` to choose a cell more than once.")
            )
        if self.multapses:
            partners = np.sort(rng.integers(0, max(choices, 1), (cells, self.k), dtype=np.int32), axis=1)
        else:
            partners = distinct(rng, choices, self.k, cells)
        if not self.autapses:
            partners = skip_self(np.arange(cells)[:, None], partners)
        if not self.of_targets:
            partners = partners.astype(np.int32)
            values = weights(self.name, self.weight, partners.shape, key)
            return FanOut(values, partners, n_post, delays=delays(self.name, self.delay, partners.shape, key))
        # Sorting one number per synapse that orders by source, then target, is faster than sorting their indices.
        places = np.sort((partners.astype(np.int64) * n_post + np.arange(n_post)[:, None]).reshape(-1))
        rows = places // max(n_post, 1)
        return matrix(self.name, rows, places - rows * n_post, None, (n_pre, n_post), self.weight, self.delay, key)

    def __repr__(self) -> str:
        flags = "".join(f", {f}=False" for f in ("autapses", "multapses") if not getattr(self, f))
        return f"{self.name}(k={self.k}, weight={show(self.weight)}{flags}{show_delay(self.delay)})"


def fixed_out_degree(
    k: int, weight: Any = 1.0, *, autapses: bool = True, multapses: bool = True, delay: Any = None
) -> FixedDegree:
    """Every source has exactly `k` synapses, their targets drawn uniformly.

    **Arguments:**

    - `k`: synapses per source.
    - `weight`: a number, or a function `(key, shape) -> array`.
    - `autapses`: whether a cell may be connected to itself.
    - `multapses`: whether a pair may have several synapses; if not, targets are drawn without replacement.
    - `delay`: as in `bernoulli`.

    The network makes a `FanOut` of it.
    """
    return FixedDegree(k, as_weight(weight), False, autapses, multapses, as_delay("fixed_out_degree", delay))


def fixed_in_degree(
    k: int, weight: Any = 1.0, *, autapses: bool = True, multapses: bool = True, delay: Any = None
) -> FixedDegree:
    """Every target has exactly `k` synapses, their sources drawn uniformly.

    **Arguments:**

    - `k`: synapses per target.
    - `weight`, `autapses`, `multapses`, `delay`: as in `fixed_out_degree`.

    The network makes a `CSR` of it.
    """
    return FixedDegree(k, as_weight(weight), True, autapses, multapses, as_delay("fixed_in_degree", delay))
