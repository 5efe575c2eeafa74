"""Wilson and Cowan's two populations."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_positive
from .._fields import param
from .._interfaces import AbstractGradedCell, AbstractStepper
from .._types import Current, Key, Parameter, Time
from ..steppers import RK4


class WilsonCowanState(eqx.Module):
    """Activity of the excitatory and of the inhibitory population, dimensionless."""

    e: Float[Array, "..."]
    i: Float[Array, "..."]

    @property
    def v(self) -> Float[Array, "..."]:
        """What is coupled: the excitatory activity."""
        return self.e


class WilsonCowan(AbstractGradedCell):
    r"""An excitatory and an inhibitory population (Wilson & Cowan 1972):

    $\tau_e\, de/dt = -e + (1 - r_e e)\, F_e(w_{ee} e - w_{ei} i + p + I(e))$
    $\tau_i\, di/dt = -i + (1 - r_i i)\, F_i(w_{ie} e - w_{ii} i + q)$
    $F(u) = \sigma(a (u - \theta)) - \sigma(-a \theta)$ with the logistic function $\sigma$.

    The input I acts on the excitatory population, whose activity is the output. It starts silent. The second index of a
    weight is that of the source. By default parameters are those of the limit cycle in the paper, but for p, which is 1.25
    there.

    **Arguments:**

    - `tau_e`, `tau_i`: time constants, positive, ms.
    - `w_ee`, `w_ei`, `w_ie`, `w_ii`: weights, dimensionless.
    - `a_e`, `theta_e`: slope and threshold of the excitatory response, dimensionless.
    - `a_i`, `theta_i`: those of the inhibitory response, dimensionless.
    - `r_e`, `r_i`: the part of a population that is refractory, of its activity, dimensionless.
    - `p`, `q`: constant input to the excitatory and to the inhibitory population, dimensionless.
    - `stepper`: integration method.
    """

    tau_e: Parameter = param(1.0)
    tau_i: Parameter = param(1.0)
    w_ee: Parameter = param(16.0)
    w_ei: Parameter = param(12.0)
    w_ie: Parameter = param(15.0)
    w_ii: Parameter = param(3.0)
    a_e: Parameter = param(1.3)
    theta_e: Parameter = param(4.0)
    a_i: Parameter = param(2.0)
    theta_i: Parameter = param(3.7)
    r_e: Parameter = param(1.0)
    r_i: Parameter = param(1.0)
    p: Parameter = param(0.0)
    q: Parameter = param(0.0)
    stepper: AbstractStepper = RK4()

    def __check_init__(self) -> None:
        check_positive(self, "tau_e", "tau_i")

    def init(self, shape: tuple[int, ...], *, key: Key | None = None) -> WilsonCowanState:
        del key
        # Two arrays: which of the variables is the voltage is found by identity.
        return WilsonCowanState(jnp.zeros(shape, self.tau_e.dtype), jnp.zeros(shape, self.tau_i.dtype))

    def vector_field(self, t: Time, y: WilsonCowanState, current: Current) -> WilsonCowanState:
        del t
        e = _response(self.w_ee * y.e - self.w_ei * y.i + self.p + current(y.e), self.a_e, self.theta_e)
        i = _response(self.w_ie * y.e - self.w_ii * y.i + self.q, self.a_i, self.theta_i)
        return WilsonCowanState(
            ((1.0 - self.r_e * y.e) * e - y.e) / self.tau_e, ((1.0 - self.r_i * y.i) * i - y.i) / self.tau_i
        )

    def output(self, y: WilsonCowanState) -> Float[Array, "..."]:
        return y.e


def _response(u: Array, a: Array, theta: Array) -> Array:
    return jax.nn.sigmoid(a * (u - theta)) - jax.nn.sigmoid(-a * theta)
