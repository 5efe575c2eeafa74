"""The first terms of a square wave."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_count, check_positive
from .._fields import param, static
from .._interfaces import AbstractSurrogate
from .._types import Parameter


class SquarewaveFourier(AbstractSurrogate):
    r"""The first $n$ terms of the Fourier series of a square wave of period $T$,
    $\frac{2}{\pi} \sum_{i=1}^{n} \frac{\sin(2 \pi (2 i - 1) x / T)}{2 i - 1}$ (Fang et al. 2023).
    Its derivative has both signs.

    **Arguments:**

    - `n`: the number of terms, a whole number, at least 1.
    - `period`: $T$, in units of the distance to threshold, positive.
    """

    n: int = static(2)
    period: Parameter = param(8.0)

    def __check_init__(self) -> None:
        check_positive(self, "period")
        check_count(self, "n", "terms")

    def smooth(self, x: Float[Array, "..."]) -> Float[Array, "..."]:
        phase = 2.0 * math.pi * x / self.period
        higher = [jnp.sin(i * phase) / i for i in range(3, 2 * self.n, 2)]
        return 2.0 / math.pi * sum(higher, jnp.sin(phase))
