"""The rate of leaky integrate-and-fire neurons under white noise."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy import special
from jaxtyping import Array, Float

from .._fields import as_parameter


def siegert(
    mean: Any, std: Any, *, tau: Any = 20.0, v_th: Any = 20.0, v_reset: Any = 10.0, t_ref: Any = 2.0
) -> Float[Array, "..."]:
    r"""The stationary rate of a leaky integrate-and-fire neuron under white noise (Siegert 1951; Brunel 2000):

    $1 / \nu = \tau_{ref} + \tau \sqrt{\pi} \int_{a}^{b} e^{u^2} (1 + \mathrm{erf}\, u)\, du$ with
    $a = (v_{reset} - \mu) / \sigma$, $b = (v_{th} - \mu) / \sigma$.

    Finite, with finite derivatives, for any mean and noise: the integral is kept as a logarithm, so that a rate far below
    threshold is zero and not a quotient of infinities, and its derivatives are written down.

    **Arguments:**

    - `mean`: $\mu$, of the free voltage, mV, relative to rest as `v_th` and `v_reset` are.
    - `std`: $\sigma$, mV: the free voltage has the standard deviation $\sigma / \sqrt{2}$. Less than a millionth of
        `v_th - v_reset` counts as that.
    - `tau`: time constant of the membrane, ms.
    - `v_th`, `v_reset`: threshold and reset, mV.
    - `t_ref`: refractory period, ms.

    All broadcast against each other.

    **Returns:** Hz.
    """
    given = map(as_parameter, (mean, std, tau, v_th, v_reset, t_ref))
    mean, std, tau, v_th, v_reset, t_ref = jnp.broadcast_arrays(*given)
    sigma = jnp.maximum(std, 1e-6 * (v_th - v_reset))
    log = log_passage((v_reset - mean) / sigma, (v_th - mean) / sigma) + 0.5 * np.log(np.pi)
    # Numerator and denominator times e^-m: the larger of the two terms is then of order one.
    m = lax.stop_gradient(jnp.maximum(log, 0.0))
    return 1000.0 * jnp.exp(-m) / (t_ref * jnp.exp(-m) + tau * jnp.exp(log - m))


@jax.custom_jvp
def log_passage(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    """The logarithm of the integral of erfcx(-u) = e^(u^2) (1 + erf u) from a to b > a."""
    top = jnp.maximum(b, 0.0)
    return jnp.log(_lowered(a, b, top)) + top * top


@log_passage.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (a, b), (da, db) = primals, tangents
    top = jnp.maximum(b, 0.0)
    integral = _lowered(a, b, top)
    slope = (_integrand(b, top) * db - _integrand(a, top) * da) / integral
    return jnp.log(integral) + top * top, slope


def _lowered(a: Array, b: Array, top: Array) -> Array:
    """The integral times e^(-top^2)."""
    low = jnp.maximum(a, 0.0)
    # Above zero erfcx(-u) = 2 e^(u^2) - erfcx(u), whose first part is Dawson's function.
    raised = 2.0 * special.dawsn(top) - 2.0 * _exp_squares(low, top) * special.dawsn(low)
    return raised + jnp.exp(-top * top) * _integral(jnp.abs(b), jnp.abs(a))


def _integrand(u: Array, top: Array) -> Array:
    """erfcx(-u) e^(-top^2), for u not above top."""
    up = jnp.maximum(u, 0.0)
    low = jnp.exp(-top * top)
    return jnp.where(u > 0.0, 2.0 * _exp_squares(up, top) - low * _erfcx(up), low * _erfcx(jnp.maximum(-u, 0.0)))


def _exp_squares(u: Array, top: Array) -> Array:
    """e^(u^2 - top^2). As a product: of a difference of squares compilers round only one, and of large ones that is a lot."""
    return jnp.exp((u - top) * (u + top))


def _erfcx(s: Array) -> Array:
    """e^(s^2) erfc(s), for s that is not negative. That of JAX falls to zero where erfc underflows just before its own
    series begins (JAX 0.10: 26.58 in double, 9.24 to 9.38 in single precision); beyond 5 Laplace's continued fraction has
    converged after 16 terms."""
    near = s < 5.0
    far = jnp.where(near, 5.0, s)
    fraction = far
    for k in range(16, 0, -1):
        fraction = far + 0.5 * k / fraction
    return jnp.where(near, special.erfcx(jnp.where(near, s, 0.0)), 1.0 / (np.sqrt(np.pi) * fraction))


_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


def _integral(low: Array, high: Array) -> Array:
    """Of erfcx from `low` to `high`, neither negative, by Gauss and Legendre in log(1 + s): there it is smooth, and flat where
    it falls as 1 / s."""
    begin, end = jnp.log1p(low), jnp.log1p(high)
    nodes, weights = (jnp.asarray(x, low.dtype) for x in (_NODES, _WEIGHTS))
    half = 0.5 * (end - begin)
    z = 0.5 * (begin + end)[..., None] + half[..., None] * nodes.reshape((1,) * low.ndim + (-1,))
    return half * jnp.sum(weights.reshape((1,) * low.ndim + (-1,)) * _erfcx(jnp.expm1(z)) * jnp.exp(z), axis=-1)
