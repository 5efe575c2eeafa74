"""Functions with removable singularities: finite values and finite gradients everywhere."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def phi1(z: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$(e^z - 1) / z$, with its limit 1 at $z = 0$: the weight of the vector field in exponential Euler.

    Near zero a Taylor series takes over, where the difference `exp(z) - 1` would lose digits. What counts is the error of
    `z * phi1(z)`, the change of a variable relative to its distance from rest, and that is of the order of rounding with
    either form; so in single precision the series is needed only very near to zero, and can be short. (`expm1` is exact as
    well, but several times slower than `exp` on CPU.)
    """
    return neuroeqx_phi1(z)


# Under a name by which native code for it is found.
@functools.partial(jax.jit, inline=False)
def neuroeqx_phi1(z):
    single = z.dtype.itemsize <= 4
    small = jnp.abs(z) < 1e-3
    # Both branches see an argument that is safe for them, so that neither makes a NaN in the gradient of the other.
    s = jnp.where(small, z, 0.0)
    b = jnp.where(small, 1.0, z)
    series = 1.0 + s * 0.5 if single else 1.0 + s * (1.0 / 2.0 + s * (1.0 / 6.0 + s * (1.0 / 24.0)))
    return jnp.where(small, series, (jnp.exp(b) - 1.0) / b)


def exprel_inverse(x: Float[Array, "..."], exp_x: Float[Array, "..."] | None = None) -> Float[Array, "..."]:
    r"""$x / (e^x - 1)$, with its limit 1 at $x = 0$: the shape of many gating rates (the Bernoulli function).

    The removable singularity sits inside the physiological range of the rates of Hodgkin-Huxley cells.

    **Arguments:**

    - `exp_x`: $e^x$, finite, where it is known already.
    """
    return neuroeqx_exprel_inverse(x) if exp_x is None else neuroeqx_exprel_inverse_of(x, exp_x)


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


def within(values: Float[Array, "..."], low: Any = None, high: Any = None) -> Float[Array, "..."]:
    """`jnp.clip` to limits in the dtype of the values; `None` for no limit."""
    low, high = (None if limit is None else limit.astype(values.dtype) for limit in (low, high))
    return values if low is None and high is None else jnp.clip(values, low, high)
