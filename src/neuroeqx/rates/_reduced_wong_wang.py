"""The one population of whole-brain models after Wong and Wang."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import RK4
from ._response import abbott_chance


class ReducedWongWang(AbstractGradedCell):
    r"""An excitatory population of a brain area (Deco et al. 2013), the mean field of a circuit after Wong & Wang (2006):

    $ds/dt = -s / \tau_s + (1 - s)\, \gamma\, H(x)$ with $x = w J s + G J\, I(s) + I_0$ and
    $H(x) = (a x - b) / (1 - e^{-d (a x - b)})$.

    Its state and its output are the gating variable s; the input is the sum of other areas' s, each times the weight of a
    connection. It starts at s = 0.1. The paper has noise of s, `EulerMaruyama(0.001 * 1000**0.5 / 1000)` for its
    $\sigma$ = 0.001 with time in seconds.

    **Arguments:**

    - `w`: recurrent excitation, dimensionless.
    - `g`: G, the global coupling, dimensionless.
    - `j`: J, the strength of a synapse, nA.
    - `i0`: external input, nA.
    - `a`, `b`, `d`: of the response, 1/(nA ms), 1/ms, ms.
    - `gamma`: growth of the gating variable for each spike, dimensionless.
    - `tau_s`: time constant of NMDA receptors, positive, ms.
    - `stepper`: integration method.
    """

    w: Parameter = param(0.9)
    g: Parameter = param(1.0)
    j: Parameter = param(0.2609)
    i0: Parameter = param(0.3)
    a: Parameter = param(0.27)
    b: Parameter = param(0.108)
    d: Parameter = param(154.0)
    gamma: Parameter = param(0.641)
    tau_s: Parameter = param(100.0)
    stepper: AbstractStepper = RK4()

    def __check_init__(self) -> None:
        check_positive(self, "d", "tau_s")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> Float[Array, "..."]:
        del key
        return jnp.full(shape, 0.1, self.a.dtype)

    def vector_field(self, t: Time, y: Float[Array, "..."], current: Current) -> Float[Array, "..."]:
        del t
        return (1.0 - y) * self.gamma * self.rate(y, current(y)) - y / self.tau_s

    def output(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        return y

    def rate(self, y: Float[Array, "..."], input: Float[Array, "..."] | float = 0.0) -> Float[Array, "..."]:
        """The firing rate H, 1/ms."""
        return abbott_chance(self.w * self.j * y + self.g * self.j * input + self.i0, self.a, self.b, self.d)
