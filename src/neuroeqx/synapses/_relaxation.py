"""Closed forms that several kinetics share."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


def cascade(
    t: Float[Array, "..."] | float, first: Float[Array, "..."], second: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""$\int_0^t e^{-a s} e^{-b (t - s)} ds$ for rates $a$ and $b$: what a decaying variable adds to one that it feeds.

    Its limit at equal rates, $t e^{-a t}$, has no special place: value and gradient are smooth there.
    """
    z = (second - first) * t
    small = jnp.abs(z) < 1e-3
    s, b = jnp.where(small, z, 0.0), jnp.where(small, 1.0, z)
    series = 1.0 + s * (1.0 / 2.0 + s * (1.0 / 6.0 + s * (1.0 / 24.0 + s * (1.0 / 120.0))))
    return t * jnp.exp(-second * t) * jnp.where(small, series, jnp.expm1(b) / b)


class Pulse(eqx.Module):
    """One step of receptors that bind transmitter while a pulse of it lasts: its two parts, one after the other.

    - `on`, `off`: how long there is transmitter, and how long there is none, ms.
    - `start`, `middle`, `end`: the bound fraction at the beginning, between the parts, and at the end.
    """

    on: Float[Array, "..."]
    off: Float[Array, "..."]
    start: Float[Array, "..."]
    middle: Float[Array, "..."]
    end: Float[Array, "..."]


def pulse(
    bound: Float[Array, "..."],
    left: Float[Array, "..."],
    binding: Float[Array, "..."],
    unbinding: Float[Array, "..."],
    dt: float,
) -> Pulse:
    r"""$x' = k\,[t < left]\,(1 - x) - u\,x$ over a step, exactly, also where the pulse ends within the step.

    **Arguments:**

    - `bound`: the fraction x.
    - `left`: how long the pulse still lasts, not negative, ms.
    - `binding`, `unbinding`: the rates k (at the concentration of the pulse) and u, 1/ms.
    """
    # The only branch: at the end of a pulse its derivative is 1, so that gradients pass where no spike was, too.
    on = jnp.minimum(left, dt)
    off = dt - on
    total = binding + unbinding
    steady = binding / total
    middle = steady + (bound - steady) * jnp.exp(-total * on)
    return Pulse(on, off, bound, middle, middle * jnp.exp(-unbinding * off))


def renewed(
    left: Float[Array, "..."], spike: Float[Array, "..."], duration: Float[Array, "..."]
) -> Float[Array, "..."]:
    """How long the pulse lasts after arrivals: a spike begins it anew."""
    return left + spike * (duration - left)


def saturating(
    g: Float[Array, "..."], opening: Float[Array, "..."], closing: Float[Array, "..."], dt: float
) -> Float[Array, "..."]:
    r"""$g' = o\,(1 - g) - c\,g$ over a step at constant rates, exactly. The closing rate is positive."""
    total = opening + closing
    steady = opening / total
    return steady + (g - steady) * jnp.exp(-total * dt)
