"""Voltages as the input of other cells."""

from jaxtyping import Array, Float

from .._current import Affine
from .._interfaces import AbstractCoupling


class Additive(AbstractCoupling):
    r"""The voltage of the source, for the `coupling` of a projection: $\sum_j g_{ij} v_j(t - d)$ arrives at the receptor of
    cell i.

    Of a cell that spikes it is its voltage after the reset. For graded transmission, a function of the voltage of the
    source, write such a class with that function in place of `v`. (What a graded cell puts out, $\phi(v_j)$ of `Graded`,
    is what a projection sends without any `coupling`; it is zero before the first step, and a voltage `v0`.)
    """

    def __call__(self, pre: Float[Array, "..."], post: Float[Array, "..."]) -> Float[Array, "..."]:
        del post
        return pre

    def affine(self, pre: Float[Array, "..."]) -> Affine:
        return Affine(pre)
