"""Wong and Wang's circuit of two populations that compete."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import Amplitudes, EulerMaruyama
from ._response import abbott_chance


class WongWangState(eqx.Module):
    """Gating variables of the NMDA receptors of two populations, dimensionless, and their noisy currents, nA."""

    s1: Float[Array, "..."]
    s2: Float[Array, "..."]
    i1: Float[Array, "..."]
    i2: Float[Array, "..."]

    @property
    def v(self) -> Float[Array, "..."]:
        """By how much the first population is ahead."""
        return self.s1 - self.s2


class WongWang(AbstractGradedCell):
    r"""A decision between two alternatives, the reduced model (Wong & Wang 2006):

    $ds_k/dt = -s_k / \tau_s + (1 - s_k)\, \gamma\, H(x_k)$ and $H(x) = (a x - b) / (1 - e^{-d (a x - b)})$,
    $x_1 = J_s s_1 - J_c s_2 + I_0 + J_{ext} \mu_0 + I + i_1$,
    $x_2 = J_s s_2 - J_c s_1 + I_0 + J_{ext} \mu_0 - I + i_2$,
    $di_k/dt = -i_k / \tau_{AMPA}$ plus noise.

    The input I, nA, is the evidence for the first alternative: $J_{ext} \mu_0 c$ for a motion of coherence c. Its output
    is $s_1 - s_2$; `rates` gives those that are compared with a threshold (15 Hz in the paper). It starts at
    $s_1 = s_2 = 0.1$. The noise is that of the default stepper, $\sigma / \sqrt{\tau_{AMPA}}$ in $i_1$ and $i_2$ for
    $\sigma$ = 0.02 nA, which needs a `key`.

    **Arguments:**

    - `j_same`, `j_cross`: strength of the recurrent excitation and of the effective inhibition, nA.
    - `i0`: background, nA.
    - `j_ext`: strength of the stimulus, nA/Hz.
    - `mu0`: rate of the input without motion, Hz.
    - `a`, `b`, `d`: of the response, 1/(nA ms), 1/ms, ms.
    - `gamma`: growth of the gating variable for each spike, dimensionless.
    - `tau_s`: time constant of NMDA receptors, positive, ms.
    - `tau_ampa`: time constant of the noise, positive, ms.
    - `stepper`: integration method, with noise.
    """

    j_same: Parameter = param(0.2609)
    j_cross: Parameter = param(0.0497)
    i0: Parameter = param(0.3255)
    j_ext: Parameter = param(5.2e-4)
    mu0: Parameter = param(30.0)
    a: Parameter = param(0.27)
    b: Parameter = param(0.108)
    d: Parameter = param(154.0)
    gamma: Parameter = param(0.641)
    tau_s: Parameter = param(100.0)
    tau_ampa: Parameter = param(2.0)
    stepper: AbstractStepper = eqx.field(default_factory=lambda: EulerMaruyama(Amplitudes(i1=_NOISE, i2=_NOISE)))

    def __check_init__(self) -> None:
        check_positive(self, "d", "tau_s", "tau_ampa")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> WongWangState:
        del key
        s, i = jnp.full(shape, 0.1, self.a.dtype), jnp.zeros(shape, self.a.dtype)
        return WongWangState(s, s, i, i)

    def vector_field(self, t: Time, y: WongWangState, current: Current) -> WongWangState:
        del t
        r1, r2 = self.rates(y, current(y.v))
        grows = lambda s, r: (1.0 - s) * self.gamma * r - s / self.tau_s
        return WongWangState(grows(y.s1, r1), grows(y.s2, r2), -y.i1 / self.tau_ampa, -y.i2 / self.tau_ampa)

    def output(self, y: WongWangState) -> Float[Array, "..."]:
        return y.s1 - y.s2

    def rates(
        self, y: WongWangState, evidence: Float[Array, "..."] | float = 0.0
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """The firing rates of both populations, 1/ms, under the input `evidence`, nA."""
        shared = self.i0 + self.j_ext * self.mu0
        x1 = self.j_same * y.s1 - self.j_cross * y.s2 + shared + evidence + y.i1
        x2 = self.j_same * y.s2 - self.j_cross * y.s1 + shared - evidence + y.i2
        return abbott_chance(x1, self.a, self.b, self.d), abbott_chance(x2, self.a, self.b, self.d)


# 0.02 nA over the square root of 2 ms.
_NOISE = 0.014142135623730951
