"""Many Poisson spike trains for each cell, as their sum."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from .._checks import check_broadcast, check_not_negative
from .._fields import as_parameter, as_shape, check_finite
from .._interfaces import AbstractDynamics
from .._types import Key, Time
from ._counts import poisson_counts
from ._rates import rate_now


class PoissonInput(AbstractDynamics):
    r"""For each cell the sum of $n$ independent Poisson processes of its own: its output is how many of their spikes fall
    into the step, a Poisson-distributed number of mean $n\, rate\, dt$.

    A node of a network, whose i-th entry is meant for the i-th cell of a population of the same size:

    ```python
    populations={"background": PoissonInput(1000, 8.0, 400), "E": Population(...)},
    projections=[Projection("background", "E", "ampa", connect.one_to_one(weight=0.1))]
    ```

    The law is that of $n$ explicit processes with any number of spikes in a step, at the cost of one. (`n` sources of
    `Poisson`, which spike at most once in a step, have the same mean, and a variance smaller by the factor
    $1 - rate\, dt$.)

    **Arguments:**

    - `n`: the number of processes for each cell, dimensionless, not negative; a number, or an array that broadcasts
        against `shape`.
    - `rate`: of each process, Hz, not negative; likewise.
    - `shape`: the number of cells, or a tuple.

    No gradient passes from the output to `n` and `rate`.

    A step's `input`, if there is one, replaces the rate (Hz): so rates may change in time, through `simulate`'s inputs.
    """

    n: Float[Array, "..."]
    rate: Float[Array, "..."]
    shape: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, n: Any, rate: Any, shape: int | tuple[int, ...]):
        self.n, self.rate = as_parameter(n), as_parameter(rate)
        self.shape = as_shape("PoissonInput", shape)

    def __check_init__(self) -> None:
        check_finite(self)
        check_not_negative(self, "n", "rate")
        check_broadcast(self, "n", "rate")

    def init(self, *, dt: float, key: Key | None = None) -> None:
        """There is no state."""
        del dt, key

    def step(
        self, state: None, input: Any, *, dt: float, t: Time = 0.0, key: Key | None = None
    ) -> tuple[None, Float[Array, "..."]]:
        del t
        if key is None:
            raise ValueError("PoissonInput needs randomness: pass `key` to `step` or `simulate`.")
        rate = rate_now("PoissonInput", self.rate, input)
        return state, poisson_counts(key, self.n * rate * (dt / 1000.0), self.shape)
