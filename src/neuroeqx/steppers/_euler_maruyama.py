"""Euler-Maruyama."""

from collections.abc import Callable
from typing import Any

import jax.tree_util as jtu
from jaxtyping import Array

from .._interfaces import AbstractNoiseStepper, AbstractStepper
from .._types import Time, VectorField, Y
from ._amplitudes import Amplitudes
from ._euler import Euler
from ._sigma import check_drift, sigma


class EulerMaruyama(AbstractNoiseStepper):
    r"""$y + dt\, f(t, y) + g(t, y)\, \Delta W$: noise in the variables of a cell, in the sense of Ito (Maruyama 1955).

    ```python
    nex.LIF(stepper=nex.EulerMaruyama(0.5))  # mV per square root of ms
    nex.HodgkinHuxley(stepper=nex.EulerMaruyama(0.5, nex.ExpEuler()))
    ```

    A leak of time constant $\tau$ makes of the noise $\sigma$ the standard deviation $\sigma \sqrt{\tau / 2}$; of the current
    noise of `NoiseCurrent` into a cell of resistance R it is $\sigma R / \tau$. The step needs a `key`, from `simulate`.

    Of strong order 1 where the noise does not depend on the state, 1/2 where it does (`Milstein` has 1 there too).

    **Arguments:**

    - `sigma`: $g$, in units of the variable per square root of ms. A number, or an array that broadcasts against the
        population, not negative: noise of the voltage. `steppers.Amplitudes(x=..., y=...)`: noise of these variables. Or a
        function `(t, y)` to such an array, or to a state like y, of the amplitudes of all variables; define it once, or
        make it an `equinox.Module`, whose parameters are then trainable. Each variable of each cell has noise of its own.
    - `drift`: how the equations without noise are solved, forward Euler by default; `ExpEuler()` keeps the stability that
        cells have without noise.
    """

    sigma: Array | Callable[..., Any] = sigma()
    drift: AbstractStepper = Euler()

    def __check_init__(self) -> None:
        check_drift(self)

    @property
    def order(self) -> float:
        return 0.5 if callable(self.sigma) and not isinstance(self.sigma, Amplitudes) else 1.0

    @property
    def is_ito(self) -> bool:
        return True

    def advance(self, vector_field: VectorField, t: Time, dt: float, y: Y, args: Any, dw: list[Array | None]) -> Y:
        leaves, treedef = jtu.tree_flatten(self.drift(vector_field, t, dt, y, args))
        terms = zip(leaves, self.diffusion(t, y), dw, strict=True)
        return treedef.unflatten([x if w is None else x + g * w for x, g, w in terms])
