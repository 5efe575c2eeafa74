"""Electrical synapses, and diffusive coupling."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._current import Affine
from .._interfaces import AbstractCoupling


class GapJunction(AbstractCoupling):
    r"""Electrical synapses, or diffusive coupling of rates, for the `coupling` of a projection:
    $I_i(t) = \sum_j g_{ij}\, (v_j(t - d) - v_i(t))$.

    The weights of the projection are the conductances $g_{ij}$, nS for neurons in mV and pA, in the unit of the cell's
    conductances otherwise. Junctions conduct both ways: give a matrix that is symmetric, or of two populations one
    projection each way, with `comm` and `comm.T`. Negative conductances are not refused, for the coupling of rates may
    repel; voltages so coupled may grow without bound.

    Of the sources one voltage holds throughout a step, that of d before its end (by default of a step before, so of its
    beginning), while that of the target moves on with its cell. So the error of a network with junctions has order 1 in dt
    whatever the steppers of its cells (waveform relaxation, Hahne et al. 2015, repeats steps to reach a higher one). With
    `ExpEuler` it is stable at any dt, and two cells of capacitance C approach each other at a rate that is too great by the
    fraction g dt / (2 C). Of a cell that spikes, v is its voltage after the reset: a spike that is not in the equations
    does not pass.

    Source: Ohm's law, as in Kopell & Ermentrout (2004).
    """

    def __call__(self, pre: Float[Array, "..."], post: Float[Array, "..."]) -> Float[Array, "..."]:
        return pre - post

    def affine(self, pre: Float[Array, "..."]) -> Affine:
        return Affine(pre, jnp.ones((), pre.dtype))
