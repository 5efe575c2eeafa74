"""Jansen and Rit's cortical column."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import RK4


class JansenRitState(eqx.Module):
    """Postsynaptic potentials, mV, and their derivatives, mV/ms: what pyramidal cells cause (`y0`, `y3`), and what reaches
    these from excitatory (`y1`, `y4`) and inhibitory interneurons (`y2`, `y5`)."""

    y0: Float[Array, "..."]
    y1: Float[Array, "..."]
    y2: Float[Array, "..."]
    y3: Float[Array, "..."]
    y4: Float[Array, "..."]
    y5: Float[Array, "..."]

    @property
    def v(self) -> Float[Array, "..."]:
        """The membrane potential of pyramidal cells, of which the EEG is made, mV."""
        return self.y1 - self.y2


class JansenRit(AbstractGradedCell):
    r"""A cortical column of pyramidal cells and two kinds of interneurons (Jansen & Rit 1995):

    $\ddot y_0 = A a\, S(y_1 - y_2) - 2 a \dot y_0 - a^2 y_0$
    $\ddot y_1 = A a\, (p + I(y_1 - y_2) + C_2 S(C_1 y_0)) - 2 a \dot y_1 - a^2 y_1$
    $\ddot y_2 = B b\, C_4 S(C_3 y_0) - 2 b \dot y_2 - b^2 y_2$
    $S(v) = 2 e_0 / (1 + e^{r (v_0 - v)})$, $C_1 = C$, $C_2 = \alpha_2 C$, $C_3 = \alpha_3 C$, $C_4 = \alpha_4 C$.

    Its voltage is $y_1 - y_2$, in which an EEG would see it; its output, what other columns receive, is the firing rate
    $S(y_1 - y_2)$, 1/ms, which the input I adds to that of the noise p. It starts at zero. Noise of p with the amplitude
    $\sigma_p$, in 1/ms per square root of ms, is noise of `y4`: `EulerMaruyama(Amplitudes(y4=a_e * a * sigma_p))`, with
    `steppers.Amplitudes`.

    **Arguments:**

    - `a_e`, `b_i`: A and B, the greatest excitatory and inhibitory potential, mV.
    - `a`, `b`: inverse time constants of excitatory and inhibitory potentials, positive, 1/ms.
    - `c`: C, the number of synapses of pyramidal cells onto excitatory interneurons, dimensionless.
    - `alpha_2`, `alpha_3`, `alpha_4`: the other numbers of synapses, of C, dimensionless.
    - `e0`: half of the greatest firing rate, 1/ms.
    - `v0`: potential at which half of that is reached, mV.
    - `r`: slope of the response, 1/mV.
    - `p`: constant part of the input from elsewhere, 1/ms.
    - `stepper`: integration method.
    """

    a_e: Parameter = param(3.25)
    b_i: Parameter = param(22.0)
    a: Parameter = param(0.1)
    b: Parameter = param(0.05)
    c: Parameter = param(135.0)
    alpha_2: Parameter = param(0.8)
    alpha_3: Parameter = param(0.25)
    alpha_4: Parameter = param(0.25)
    e0: Parameter = param(0.0025)
    v0: Parameter = param(6.0)
    r: Parameter = param(0.56)
    p: Parameter = param(0.22)
    stepper: AbstractStepper = RK4()

    def __check_init__(self) -> None:
        check_positive(self, "a", "b")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> JansenRitState:
        del key
        silent = jnp.zeros(shape, self.a.dtype)
        return JansenRitState(silent, silent, silent, silent, silent, silent)

    def vector_field(self, t: Time, y: JansenRitState, current: Current) -> JansenRitState:
        del t
        v = y.y1 - y.y2
        excited = self.p + current(v) + self.alpha_2 * self.c * self._rate(self.c * y.y0)
        inhibited = self.alpha_4 * self.c * self._rate(self.alpha_3 * self.c * y.y0)
        return JansenRitState(
            y.y3,
            y.y4,
            y.y5,
            self.a_e * self.a * self._rate(v) - 2.0 * self.a * y.y3 - self.a * self.a * y.y0,
            self.a_e * self.a * excited - 2.0 * self.a * y.y4 - self.a * self.a * y.y1,
            self.b_i * self.b * inhibited - 2.0 * self.b * y.y5 - self.b * self.b * y.y2,
        )

    def output(self, y: JansenRitState) -> Float[Array, "..."]:
        return self._rate(y.y1 - y.y2)

    def _rate(self, v: Array) -> Array:
        return 2.0 * self.e0 * jax.nn.sigmoid(self.r * (v - self.v0))
