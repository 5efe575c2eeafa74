"""Functions with removable singularities: finite values and finite gradients everywhere."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@jax.custom_jvp
def phi1(z: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$(e^z - 1) / z$, with its limit 1 at $z = 0$: the weight of the vector field in exponential Euler.

    Near zero a Taylor series takes over, where the difference `exp(z) - 1` would lose digits: beyond it a few of the last
    decimals are lost at most, which `z * phi1(z)`, the change of a variable relative to its distance from rest, does not show,
    but its derivatives do. (`expm1` is exact as well, but several times slower than `exp` on CPU.)
    """
    return neuroeqx_phi1(z)


# The derivatives of these functions as they are written are differences of numbers that are almost the same: in single
# precision they lose all their digits near to the limits.
@phi1.defjvp
def _(primals, tangents):
    (z,), (dz,) = primals, tangents
    y = neuroeqx_phi1(z)
    slope = lambda z: y + (1.0 - y) / z
    return y, dz * _outside(z, slope, [(k + 1) / math.factorial(k + 2) for k in range(11)])


def _outside(x, function, coefficients):
    """A function away from zero, and a power series there (of terms up to x^9 or more, for double precision)."""
    single = x.dtype.itemsize <= 4
    small = jnp.abs(x) < (0.5 if single else 0.125)
    coefficients = coefficients[: 8 if single else None]
    s = jnp.where(small, x, 0.0)
    series = functools.reduce(lambda total, c: total * s + c, reversed(coefficients), jnp.zeros_like(s))
    return jnp.where(small, series, function(jnp.where(small, 1.0, x)))


# Under a name by which native code for it is found.
@functools.partial(jax.jit, inline=False)
def neuroeqx_phi1(z):
    small = jnp.abs(z) < (1.0 / 16.0 if z.dtype.itemsize <= 4 else 1e-3)
    # Both branches see an argument that is safe for them, so that neither makes a NaN in the gradient of the other.
    s = jnp.where(small, z, 0.0)
    b = jnp.where(small, 1.0, z)
    series = 1.0 + s * (1.0 / 2.0 + s * (1.0 / 6.0 + s * (1.0 / 24.0)))
    return jnp.where(small, series, (jnp.exp(b) - 1.0) / b)


def exprel_inverse(x: Float[Array, "..."], exp_x: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
    r"""$x / (e^x - 1)$, with its limit 1 at $x = 0$: the shape of many gating rates (the Bernoulli function).

    The removable singularity sits inside the physiological range of the rates of Hodgkin-Huxley cells.

    **Arguments:**

    - `exp_x`: $e^x$, finite, where it is known already. The derivative is that by x alone, which knows of the change of
        $e^x$: no other number may stand here.
    """
    return _exprel_inverse(x) if exp_x is None else _exprel_inverse_of(x, exp_x)


@jax.custom_jvp
def _exprel_inverse(x):
    return neuroeqx_exprel_inverse(x)


@jax.custom_jvp
def _exprel_inverse_of(x, exp_x):
    return neuroeqx_exprel_inverse_of(x, exp_x)


@_exprel_inverse.defjvp
def _(primals, tangents):
    (x,), (dx,) = primals, tangents
    y = neuroeqx_exprel_inverse(x)
    return y, _exprel_inverse_slope(x, y) * dx


@_exprel_inverse_of.defjvp
def _(primals, tangents):
    (x, exp_x), (dx, _) = primals, tangents
    y = neuroeqx_exprel_inverse_of(x, exp_x)
    return y, _exprel_inverse_slope(x, y) * dx


# Of x / (e^x - 1) with Bernoulli's numbers.
_SERIES = [-1 / 2, 1 / 6, 0.0, -1 / 180, 0.0, 1 / 5040, 0.0, -1 / 151200, 0.0, 1 / 4790016]


def _exprel_inverse_slope(x, y):
    single = x.dtype.itemsize <= 4
    low, high = (-20.0, 80.0) if single else (-40.0, 700.0)  # beyond, it is -1 and 0
    slope = lambda x: y * (1.0 - x - y) / x
    inside = _outside(jnp.minimum(x, high), slope, _SERIES)
    return jnp.where(x < low, -1.0, inside)


@functools.partial(jax.jit, inline=False)
def neuroeqx_exprel_inverse(x):
    # At large x, exp overflows to infinity and the quotient would have a NaN gradient; the value there is 0.
    limit = 80.0 if x.dtype.itemsize <= 4 else 700.0
    small, series = _exprel_inverse_near_zero(x)
    x = jnp.where(small, 1.0, jnp.minimum(x, limit))
    return jnp.where(small, series, x / (jnp.exp(x) - 1.0))


@functools.partial(jax.jit, inline=False)
def neuroeqx_exprel_inverse_of(x, exp_x):
    small, series = _exprel_inverse_near_zero(x)
    return jnp.where(small, series, x / jnp.where(small, 1.0, exp_x - 1.0))


def _exprel_inverse_near_zero(x):
    """Where the difference would lose digits, and the series to take there."""
    small = jnp.abs(x) < (0.1 if x.dtype.itemsize <= 4 else 0.003)
    s = jnp.where(small, x, 0.0)
    return small, 1.0 - s * (1.0 / 2.0 - s * (1.0 / 12.0))


def on_circle(angle: Float[Array, "..."]) -> Float[Array, "..."]:
    """The same angle between -pi and pi."""
    return angle - 2.0 * jnp.pi * jnp.floor(angle * (0.5 / jnp.pi) + 0.5)


def within(values: Float[Array, "..."], low: Any = None, high: Any = None) -> Float[Array, "..."]:
    """`jnp.clip` to limits in the dtype of the values; `None` for no limit."""
    low, high = (None if limit is None else limit.astype(values.dtype) for limit in (low, high))
    return values if low is None and high is None else jnp.clip(values, low, high)


def bounded_exp(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """$e^x$ up to 20, and beyond its tangent: finite, and with a slope that does not jump."""
    low = jnp.minimum(x, 20.0)
    return jnp.exp(low) * (1.0 + (x - low))
