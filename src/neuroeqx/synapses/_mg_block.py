"""The output of NMDA receptors."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_not_negative, check_positive
from .._fields import param
from .._interfaces import AbstractOutput
from .._types import Parameter


class MgBlock(AbstractOutput):
    r"""A conductance that magnesium blocks at low voltages (Jahr & Stevens 1990): the current $g\, B(v)\, (e - v)$ with
    $B(v) = 1 / (1 + \frac{[Mg]}{\beta} e^{\alpha (v_{offset} - v)})$.

    **Arguments:**

    - `e`: reversal potential, mV.
    - `mg`: concentration of magnesium; 0 for no block, mM.
    - `alpha`: steepness of the block, 1/mV.
    - `beta`: concentration that blocks half of the conductance at `v_offset`, mM.
    - `v_offset`: shift of the block along the voltage, mV.
    """

    e: Parameter = param(0.0)
    mg: Parameter = param(1.2)
    alpha: Parameter = param(0.062)
    beta: Parameter = param(3.57)
    v_offset: Parameter = param(0.0)

    def __check_init__(self) -> None:
        check_not_negative(self, "mg")
        check_positive(self, "beta")

    def __call__(self, g: Float[Array, "..."], v: Float[Array, "..."]) -> Float[Array, "..."]:
        # The bound lies far below any voltage and keeps the gradient finite there.
        blocked = (self.mg / self.beta) * jnp.exp(jnp.minimum(self.alpha * (self.v_offset - v), 40.0))
        return g * (self.e - v) / (1.0 + blocked)

    def affine(self, g: Float[Array, "..."]) -> None:
        del g
