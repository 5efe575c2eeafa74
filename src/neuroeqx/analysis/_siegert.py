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
    log, _ = _parts(a, b)
    return log


@log_passage.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (a, b), (da, db) = primals, tangents
    log, exponent = _parts(a, b)
    # erfcx(-u) / integral, both times e^-exponent.
    share = lambda u: _scaled(u, exponent) / jnp.exp(log - exponent)
    return log, share(b) * db - share(a) * da


def _parts(a: Array, b: Array) -> tuple[Array, Array]:
    """The logarithm, and by how much e^(b^2) raises it."""
    up, low = jnp.maximum(b, 0.0), jnp.maximum(a, 0.0)
    exponent = up * up
    # Above zero erfcx(-u) = 2 e^(u^2) - erfcx(u), whose first part is Dawson's function.
    raised = 2.0 * special.dawsn(up) - 2.0 * jnp.exp(low * low - exponent) * special.dawsn(low)
    level = _integral(jnp.abs(b), jnp.abs(a))
    return jnp.log(raised + jnp.exp(-exponent) * level) + exponent, exponent


def _scaled(u: Array, exponent: Array) -> Array:
    """erfcx(-u) e^-exponent, for u^2 not above the exponent where u is positive."""
    above = u > 0.0
    up = jnp.where(above, u, 0.0)
    high = 2.0 * jnp.exp(up * up - exponent) - jnp.exp(-exponent) * _erfcx(up)
    return jnp.where(above, high, jnp.exp(-exponent) * _erfcx(jnp.where(above, 0.0, -u)))


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
