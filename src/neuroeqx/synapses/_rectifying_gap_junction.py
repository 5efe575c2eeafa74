"""Electrical synapses that conduct better in one direction."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from .._fields import param
from .._interfaces import AbstractCoupling
from .._types import is_tracer, Parameter


class RectifyingGapJunction(AbstractCoupling):
    r"""Electrical synapses whose conductance depends on the voltage across them, for the `coupling` of a projection:
    $I_i(t) = \sum_j g_{ij}\, h(u)\, u$ with $u = v_j(t - d) - v_i(t)$ and
    $h(u) = h_{min} + (1 - h_{min}) / (1 + e^{-(u - u_{half}) / s})$.

    With a small `slope`, current flows into the target where the source is at a higher voltage, $g \max(u, 0)$, and hardly
    any flows out of it. What flows into one end must flow out of the other: where the source is to lose what the target
    gains, give it a projection with `comm.T`, a negative `slope` and the opposite `u_half`.

    Each junction is evaluated, once a step, and its dependence on $v_i$ linearised there; the order is that of
    `GapJunction`, 1. A step costs the number of junctions. Matrices are kept by synapse or as a whole: what is not stored
    (`connect.procedural`) will be.

    Source: the relation of Boltzmann between conductance and voltage in Spray, Harris & Bennett (1981).

    **Arguments:** (each one number)

    - `u_half`: where the conductance is halfway between its least and its greatest value, mV.
    - `slope`: how far from there it gets to 73 % of that way, not zero, mV. Negative: conducts where u is negative.
    - `h_min`: the conductance in the other direction, of that in the one, dimensionless; at least 0 and at most 1.
    """

    u_half: Parameter = param(0.0)
    slope: Parameter = param(1.0)
    h_min: Parameter = param(0.0)

    def __check_init__(self) -> None:
        for name in ("u_half", "slope", "h_min"):
            value = getattr(self, name)
            if eqx.is_array(value) and value.ndim:
                raise ValueError(f"RectifyingGapJunction: `{name}` must be one number, got shape {value.shape}.")
        if _known(self.slope) and float(self.slope) == 0.0:
            raise ValueError(
                "RectifyingGapJunction: `slope` must not be zero; a small one conducts in one direction only."
            )
        if _known(self.h_min) and not 0.0 <= float(self.h_min) <= 1.0:
            raise ValueError(f"RectifyingGapJunction: `h_min` must lie in 0 ... 1, got {self.h_min}.")

    def __call__(self, pre: Float[Array, "..."], post: Float[Array, "..."]) -> Float[Array, "..."]:
        u = pre - post
        return (self.h_min + (1.0 - self.h_min) * jax.nn.sigmoid((u - self.u_half) / self.slope)) * u

    def affine(self, pre: Float[Array, "..."]) -> None:
        del pre


def _known(value: Any) -> bool:
    return eqx.is_array(value) and not is_tracer(value)
